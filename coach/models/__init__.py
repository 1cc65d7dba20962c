"""The nouns of coaching."""

from coach.models.calibration import Calibration, HumanRating, RatingTask
from coach.models.classifiers import Classifier
from coach.models.instruments import Dimension, Instrument
from coach.models.observations import NameMap, Observation, Speaker, UtteranceRow
from coach.models.reports import Evidence, Finding, Measure, Rating, Report, Suggestion
from coach.models.review import Comment, Goal, Judgement, Visit

__all__ = [
    "Calibration",
    "Classifier",
    "Comment",
    "Dimension",
    "Evidence",
    "Finding",
    "Goal",
    "HumanRating",
    "Instrument",
    "Judgement",
    "Measure",
    "NameMap",
    "Observation",
    "Rating",
    "RatingTask",
    "Report",
    "Speaker",
    "Suggestion",
    "UtteranceRow",
    "Visit",
]
