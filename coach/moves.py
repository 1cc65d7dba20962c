"""The closed list of talk moves that findings, suggestions, goals and instruments' indicators refer to."""

from __future__ import annotations

from dataclasses import dataclass

from coach.talk import Voice


@dataclass(frozen=True)
class TalkMove:
    """One kind of thing that is done by talking."""

    name: str
    title: str
    meaning: str
    voice: Voice = Voice.TEACHER


_TEACHER = [
    ("press_reasoning", "Press for reasoning", "Asks a student to explain or justify: why, how do you know."),
    ("press_accuracy", "Press for accuracy", "Asks for the exact word, unit, number or method."),
    ("focusing_question", "Focusing question", "Asks so that students' own thinking leads on."),
    ("funnelling_question", "Funnelling question", "Leads in small steps to an answer already in mind."),
    ("open_question", "Open question", "Has more than one good answer, or asks for thinking."),
    ("closed_question", "Closed question", "Has one short answer that is right."),
    ("revoicing", "Revoicing", "Says a student's idea again in other words and hands it back."),
    ("restating", "Restating", "Repeats a student's words."),
    ("uptake", "Uptake", "Builds on what a student has just said."),
    ("students_relating", "Relating to each other", "Asks students to respond to what another student said."),
    ("keeping_together", "Keeping everyone together", "Makes sure that everyone follows and listens."),
    ("wait_time", "Wait time", "Gives time to think, and says so."),
    ("specific_praise", "Specific praise", "Names what a student did well."),
    ("error_probing", "Probing an error", "Asks how a wrong answer came about, and uses it."),
    ("correcting", "Correcting", "Says that an answer is wrong, or what the right one is."),
    ("explaining", "Explaining", "Tells how or why something is so."),
    (
        "connecting_representations",
        "Connecting representations",
        "Links words, drawings, tables and symbols.",
    ),
    ("turn_and_talk", "Turn and talk", "Has students talk in pairs or groups about one question."),
    ("choral_check", "Check in chorus", "Has the whole class answer or show at once."),
    ("directing", "Directing", "Says what to do next."),
    ("managing_behaviour", "Managing behaviour", "Speaks about conduct and attention."),
    ("warmth", "Warmth", "Is kind, thanks, jokes, takes an interest."),
]
_STUDENT = [
    ("student_reasoning", "Reasoning", "Explains or justifies."),
    ("student_question", "Question", "Asks about the subject or the task."),
    ("student_error", "Error", "Says something that is not right, or that the teacher took for wrong."),
    ("student_confusion", "Confusion", "Says or shows not to follow."),
    ("student_claim", "Claim", "States an answer or an observation."),
    ("student_relating", "Relating", "Responds to what another student said."),
]

MOVES: dict[str, TalkMove] = {
    **{row[0]: TalkMove(*row) for row in _TEACHER},
    **{row[0]: TalkMove(*row, voice=Voice.STUDENT) for row in _STUDENT},
}
TEACHER_MOVES = tuple(row[0] for row in _TEACHER)
STUDENT_MOVES = tuple(row[0] for row in _STUDENT)


def title(name: str) -> str:
    """How people read a move's name. Raises KeyError for a name that is not in the list."""
    return MOVES[name].title
