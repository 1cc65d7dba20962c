"""How figures about a lesson read."""

from __future__ import annotations

NO_BREAK = "\N{NO-BREAK SPACE}"


def figure(value: float | None, unit: str = "") -> str:
    """A value with its unit in words; an en dash where there is none."""
    if value is None:
        return "–"
    if unit in ("share", "%"):
        return f"{100 * value:.0f}{NO_BREAK}%"
    number = f"{value:.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.1f}"
    if abs(value) < 1 and not float(value).is_integer():
        number = f"{value:.2f}"
    short = {"seconds": "s", "second": "s"}.get(unit, unit)
    return f"{number}{NO_BREAK}{short}" if short else number


def span(low: float, high: float, unit: str = "") -> str:
    """From one value to another, the unit said once: 56 to 67 %."""
    first, last = figure(low, unit), figure(high, unit)
    number = first.partition(NO_BREAK)[0]
    return f"{number} to {last}"


# What each measure counts, for whoever reads a report.
MEANINGS = {
    "talk_ratio": "How much of all talk is the teacher’s, by time where times are known, else by words. There is no right value: "
    "it depends on what the lesson is for.",
    "teacher_turn_words": "How many words the teacher says on average before somebody else speaks.",
    "student_turn_words": "How many words a student says on average. Longer turns leave room for a thought.",
    "turns_per_minute": "How often the speaker changes. Many short turns can be a lively exchange or a quiz.",
    "questions_open": "Of the questions about the subject, those with more than one good answer, or that ask for thinking.",
    "questions_closed": "Of the questions about the subject, those with one short right answer.",
    "wait_time_1": "The silence after a question, before anybody speaks. With three seconds or more, more students answer and "
    "say more.",
    "wait_time_2": "The silence after a student’s answer, before the teacher speaks. It lets the student go on, and others "
    "respond.",
    "uptake": "How often the teacher’s reply builds on what the student has just said.",
    "focusing": "How often the teacher’s reply asks so that the student’s own thinking leads on.",
    "funnelling": "How often the teacher’s reply leads in small steps to an answer already in mind.",
    "student_reasoning": "How many of the longer student turns explain or justify.",
    "teacher_moves": "Moves that make talk accountable: pressing, revoicing, restating, relating students to each other, keeping "
    "everybody together.",
    "student_moves": "What students do with their turns: claim, give reasons, ask, relate to others.",
    "subject_vocabulary": "Words of the subject among all words that are said.",
}
