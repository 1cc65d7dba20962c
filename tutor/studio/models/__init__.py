"""The nouns of the studio."""

from tutor.studio.models.datasets import Dataset, Example, Review, Source
from tutor.studio.models.evaluations import Answer, Comparison, Evaluation, Label, Preference, Rating
from tutor.studio.models.exercises import Exercise, ExerciseAttempt
from tutor.studio.models.runs import Adapter, Run, RunPoint

__all__ = [
    "Adapter",
    "Answer",
    "Comparison",
    "Dataset",
    "Evaluation",
    "Example",
    "Exercise",
    "ExerciseAttempt",
    "Label",
    "Preference",
    "Rating",
    "Review",
    "Run",
    "RunPoint",
    "Source",
]
