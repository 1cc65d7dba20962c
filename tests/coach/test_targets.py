"""Which moments of a lesson are worth coming back to, and which were taken up."""

from __future__ import annotations

import pytest

from coach.findings import highlights, missed
from coach.inventory import inventory
from coach.suggesting import suggest
from coach.targets import Target, targets
from tests.coach.said import talk

pytestmark = [pytest.mark.model, pytest.mark.django_db]

BEFORE = ("Teacher", "So what is denser than water sinks. Write that down.")
ON = ("Teacher", "Okay, now open your books on page nine.")


def at(line: int, *said: tuple[str, str]) -> Target | None:
    """The target at a line of this talk, if it is one."""
    return next((one for one in targets(inventory(talk(*said))) if one.line == line), None)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("But the ship is heavy and it floats.", "objection"),
        ("Why would the captain steer into the ice, then?", "student_question"),
        ("What if the bottle was closed before?", "student_question"),
        ("Isn't that cheating the others, though?", "student_question"),
        ("Then my stone doesn't sink like yours.", "objection"),
    ],
)
def test_an_objection_and_a_question_about_the_matter_need_no_word_of_the_subject(
    said: str, kind: str
) -> None:
    found = at(
        2, BEFORE, ("Student A", said), ("Teacher", "Right, that's for Thursday. So now copy this."), ON
    )
    assert found is not None
    assert found.kind == kind
    assert not found.met
    assert found.quote == said


@pytest.mark.parametrize(
    "said",
    [
        "How do you spell buoyancy?",
        "Do we need to write the date?",
        "What if we don't finish the sheet?",
        "My pen ran out.",
        "Ours says three hundred and ninety grams.",
        "But.",
        "I'm not going to.",
    ],
)
def test_how_the_work_is_done_is_no_moment(said: str) -> None:
    assert at(2, BEFORE, ("Student A", said), ("Teacher", "Just copy it. Okay, next one."), ON) is None


@pytest.mark.parametrize(
    "reply",
    [
        "So the ship is a thing that the rule does not fit. What else is in a ship?",
        "Hm. Why do you think it floats?",
        "Student A says it floats, Student B says it can't. Who has it right?",
        "Ooh, try it in the tank and tell me.",
        "Are there?",
    ],
)
def test_an_objection_that_comes_back_as_a_question_was_taken_up(reply: str) -> None:
    found = at(2, BEFORE, ("Student A", "But the ship is heavy and it floats."), ("Teacher", reply), ON)
    assert found is not None
    assert found.met


@pytest.mark.parametrize(
    "reply",
    [
        "That's a really careful reason. Start there.",
        "You compared it with the half. Keep that.",
        "So the pieces decide it and not how many there are.",
        "The pieces are smaller. Lovely.",
        "And would that be so for ninths?",
        "I like how you used the pieces.",
    ],
)
def test_a_reason_that_is_named_said_again_or_asked_about_was_taken_up(reply: str) -> None:
    reason = (
        "Student A",
        "It's less than three fifths, because the pieces are smaller if you cut it in seven.",
    )
    found = at(2, ("Teacher", "Three sevenths."), reason, ("Teacher", reply), ON)
    assert found is None or found.met


def test_a_reason_that_nobody_says_a_word_about_is_missed() -> None:
    reason = (
        "Student A",
        "It's less than three fifths, because the pieces are smaller if you cut it in seven.",
    )
    found = at(2, ("Teacher", "Three sevenths."), reason, ("Teacher", "Okay. Number four, Student B."), ON)
    assert found is not None
    assert not found.met


def test_the_same_student_going_on_at_length_after_a_question_was_heard() -> None:
    found = at(
        2,
        BEFORE,
        ("Student A", "But the ship is heavy and it floats."),
        ("Teacher", "Which one?"),
        ("Student A", "The big one from the harbour, it is all made of steel."),
        ON,
    )
    assert found is None or found.met


THREAD = (
    ("Teacher", "Five eighths or seven twelfths?"),
    ("Student A", "I'm confused because the twelfths should be the little pieces."),
    ("Teacher", "You need a common denominator. What do both go into?"),
    ("Student A", "Twenty-four."),
    ("Teacher", "Good. Number two, please."),
    ("Student B", "Nine."),
    ("Teacher", "Good. Number three, please."),
    ("Student A", "I still don't get why the twelfths are the little pieces."),
    ("Teacher", "It's like we said. Okay, books away."),
    ("Student B", "Okay."),
    ("Teacher", "Line up for lunch."),
    ("Student C", "Bye."),
)


def test_a_difficulty_that_comes_back_is_reported_once_and_says_where_it_comes_back() -> None:
    lesson = inventory(talk(*THREAD))
    found = targets(lesson)
    confused = [one for one in found if one.kind == "student_confusion"]
    assert [(one.line, one.again) for one in confused] in ([(2, (8,))], [(8, (2,))])
    (one,) = missed(lesson, found, suggest(lesson, found))
    assert one.line == 2
    assert "comes back to it at line 8" in one.why


def test_an_echo_a_name_called_and_an_instruction_are_no_highlights() -> None:
    lesson = inventory(
        talk(
            ("Student A", "The water."),
            ("Teacher", "The water."),
            ("Student B", "But a ship is heavy, so it should sink because of that."),
            ("Teacher", "Student B, you said the ship."),
            ("Student B", "Yes, the ship, because it is made of steel."),
            ("Teacher", "Just sketch it."),
            ("Student C", "I drew the ship, because it has the most steel in it."),
        )
    )
    assert highlights(lesson) == []


PLANTS = (
    ("Teacher", "So where does a plant get the stuff it is made of?"),
    ("Student A", "It eats the soil, because the roots suck it up and that's how it gets bigger."),
    ("Teacher", "No, not from the soil. Write that word down, please."),
    ("Student B", "But the ones in the dark got taller and they had no light."),
    ("Teacher", "We'll get to that. Next slide. Carbon dioxide plus what?"),
    ("Student C", "Water."),
    ("Teacher", "Water. Good. So the plant makes its own food in the leaves."),
    ("Student A", "I don't get it. How can air turn into wood? Air doesn't weigh anything."),
    ("Teacher", "Well, air does weigh something. Okay, let's look at the lab sheet."),
    ("Student C", "We measured fourteen in the dark and six in the light."),
    ("Teacher", "Why do you think the one in the dark is more than twice as tall?"),
    ("Student C", "It was looking for light, because it used up everything it had in the seed."),
    ("Teacher", "Student C says it used up what was in the seed. Who can add on to that, or disagrees?"),
    ("Student A", "I disagree, because then it should be heavier too and ours felt lighter."),
    ("Teacher", "How could we find out whether it is heavier or lighter?"),
    ("Student B", "Weigh them. But you have to dry them first, because water weighs a lot."),
    ("Teacher", "Great. We'll do that on Thursday. Clean up, please."),
)


def test_beside_another_suggestion_a_thread_is_taken_up_where_it_comes_back_and_not_as_the_lesson_ends() -> (
    None
):
    lesson = inventory(talk(*PLANTS))
    found = targets(lesson)
    drafts = suggest(lesson, found)
    assert [draft.target.line for draft in drafts] == [4, 8]
    assert [one.line for one in missed(lesson, found, drafts)] == [4, 8]
    assert "How can air turn into wood?” " in drafts[1].suggested.say


def test_two_highlights_may_stand_close_where_there_are_no_others() -> None:
    assert [(one.line, one.move) for one in highlights(inventory(talk(*PLANTS)))] == [
        (11, "press_reasoning"),
        (13, "students_relating"),
    ]


def test_a_teacher_who_only_then_comes_to_a_group_has_missed_nothing() -> None:
    group = (
        ("Teacher", "In your groups, find the rule."),
        ("Student A", "It goes up by three every time."),
        ("Student B", "So it's three times forty-three."),
        ("Student A", "Plus two, because if you go backwards, step zero has two of them."),
    )
    after = (("Student B", "We got 131."), ("Teacher", "Okay."), ON, ("Student C", "Which page?"))
    assert at(4, *group, ("Teacher", "How's it going over here?"), *after) is None
    assert at(4, *group, ("Teacher", "Okay. Number two."), *after) is not None


def test_being_sent_to_look_again_says_that_something_is_wrong() -> None:
    found = at(
        2,
        ("Teacher", "Other group, what do you have?"),
        ("Student A", "172, because 43 times four."),
        ("Teacher", "Hmm, check it again."),
        ("Student B", "Oh."),
        ON,
        ("Student B", "Okay."),
    )
    assert found is not None
    assert found.kind == "student_error"
