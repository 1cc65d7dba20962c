"""The five kinds of judgement: whose words are judged, with which labels, and how known data sets call their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TEACHER = ("teacher_text", "teacher", "teacher_utterance", "teacher_sentence")
STUDENT = ("student_text", "student", "student_utterance", "student_sentence")
ANY = ("text", "sentence", "utterance", "comb_sent", "turn", "content")
BEFORE = ("before", "context", "previous", "prev", "preceding", "before_text")
LESSON = (
    "lesson",
    "obs_id",
    "obsid",
    "observation",
    "nctetid",
    "transcript_id",
    "transcript",
    "lesson_id",
    "class_id",
    "file",
    "filename",
    "video",
)
FIRST_PARTS = ("encoded", "lexical", "counted")  # names of coach.classifiers.parts.PARTS


@dataclass(frozen=True)
class Kind:
    """One kind of judgement.

    `labels` are in order; where `ordinal`, a label's place is its level, and where `leveled` the score is an expected level.
    `text`, `before` and `label` are column names, the likeliest first; `score` names columns with a finer number behind the
    label. `spellings` maps what files call a label. `parts` are what its classifier is made of.
    """

    name: str
    labels: tuple[str, ...]
    ordinal: bool
    text: tuple[str, ...]
    before: tuple[str, ...]
    label: tuple[str, ...]
    score: tuple[str, ...] = ()
    spellings: dict[str, str] = field(default_factory=dict)
    leveled: bool = False
    parts: tuple[str, ...] = FIRST_PARTS

    def read_label(self, value: str) -> str | None:
        """The label that a file's cell stands for; None where it stands for none of them."""
        cell = re.sub(r"[^a-z0-9]+", " ", value.lower()).strip()
        if not cell:
            return None
        plain = {label.replace("_", " "): label for label in self.labels} | self.spellings
        if cell in plain:
            return plain[cell]
        number = re.fullmatch(r"(\d+)( 0+)?", cell)
        if number:
            place = int(number[1])
            return self.labels[place] if place < len(self.labels) else None
        cell = re.sub(r"^\d+ ", "", cell)  # "2 - Keeping everyone together"
        return plain.get(cell)


UPTAKE = Kind(
    "uptake",
    ("none", "some", "high"),
    True,
    (*TEACHER, *ANY),
    (*STUDENT, *BEFORE),
    ("uptake_majority", "label", "uptake_label"),
    ("uptake_zscore", "uptake"),
    {"low": "none", "no uptake": "none", "mid": "some", "medium": "some"},
    parts=("heard", "compared"),
)
FOCUSING = Kind(
    "focusing",
    ("neither", "funnelling", "focusing"),
    True,
    (*TEACHER, *ANY),
    (*STUDENT, *BEFORE),
    ("follow_up_unfiltered_majority", "label", "focusing", "focusing_majority", "follow_up_majority"),
    ("follow_up_unfiltered_zscore", "focusing_zscore"),
    {"none": "neither", "funneling": "funnelling", "funnel": "funnelling", "focus": "focusing"},
    leveled=True,
    parts=("heard", "compared"),
)
REASONING = Kind(
    "reasoning",
    ("none", "reasoning"),
    True,
    (*STUDENT, *ANY),
    (*TEACHER, *BEFORE),
    ("student_reasoning", "reasoning", "label"),
    (),
    {"no": "none", "false": "none", "no reasoning": "none", "yes": "reasoning", "true": "reasoning"},
    leveled=True,
)
TEACHER_MOVES = Kind(
    "teacher_moves",
    (
        "none",
        "keeping_together",
        "students_relating",
        "restating",
        "revoicing",
        "press_accuracy",
        "press_reasoning",
    ),
    False,
    (*TEACHER, *ANY),
    (*STUDENT, *BEFORE),
    ("teacher_tag", "teacher_move", "teacher_moves", "teachertag", "talk_move", "tag", "label"),
    (),
    {
        "no move": "none",
        "keeping everyone together": "keeping_together",
        "getting students to relate": "students_relating",
        "getting students to relate to another s ideas": "students_relating",
        "getting students to relate to another student s ideas": "students_relating",
        "restating": "restating",
        "revoicing": "revoicing",
        "press for accuracy": "press_accuracy",
        "pressing for accuracy": "press_accuracy",
        "press for reasoning": "press_reasoning",
        "pressing for reasoning": "press_reasoning",
    },
)
STUDENT_MOVES = Kind(
    "student_moves",
    ("none", "relating", "asking_info", "claim", "evidence"),
    False,
    (*STUDENT, *ANY),
    (*TEACHER, *BEFORE),
    ("student_tag", "student_move", "student_moves", "studenttag", "talk_move", "tag", "label"),
    (),
    {
        "no move": "none",
        "relating to another student": "relating",
        "relating to another student s idea": "relating",
        "relating to another student s ideas": "relating",
        "asking for more info": "asking_info",
        "asking for more information": "asking_info",
        "making a claim": "claim",
        "providing evidence": "evidence",
        "providing evidence reasoning": "evidence",
        "providing evidence or reasoning": "evidence",
    },
)
