"""What the pages of a recording are called, where its words settle it."""

from __future__ import annotations

from tutor.classrooms.reading import advice, named, pairs, topic


def test_what_is_defined_or_named_is_the_title() -> None:
    assert named("So far so good. The breakdown point is the share it can stand.") == "The breakdown point"
    assert named("We drop that. It is a nice result.") == ""


def test_a_short_rule_is_a_title() -> None:
    assert advice("Some things matter. Never delete an outlier silently. Write it down.") == (
        "Never delete an outlier silently"
    )
    assert advice("Never mind how we came to that, and what the people who came before us had to say.") == ""
    assert advice("You never delete it.") == ""


def test_two_words_said_together_often_are_the_topic_unless_another_stretch_says_them_too() -> None:
    smoothed = "Take the moving average. Moving averages lose little. A moving average is cheap."
    elsewhere = "The moving average again. And the moving average once more."
    other = "We weigh a coin and write it down."
    assert topic(0, [pairs(smoothed), pairs(other)]) == "Moving average"
    assert topic(0, [pairs(smoothed), pairs(elsewhere)]) == ""
    assert topic(1, [pairs(smoothed), pairs(other)]) == ""
