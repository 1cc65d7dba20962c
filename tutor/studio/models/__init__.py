"""The nouns of the studio."""

from tutor.studio.models.datasets import Dataset, Example, Review, Source
from tutor.studio.models.evaluations import Answer, Evaluation
from tutor.studio.models.exercises import Exercise, ExerciseAttempt
from tutor.studio.models.runs import Adapter, Run, RunPoint

__all__ = [
    "Adapter",
    "Answer",
    "Dataset",
    "Evaluation",
    "Example",
    "Exercise",
    "ExerciseAttempt",
    "Review",
    "Run",
    "RunPoint",
    "Source",
]
