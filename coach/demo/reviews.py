"""What the demo's teachers and their coach said to the reports. Comments name nobody: they stand at a line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """Where a report stands when the demo is loaded."""

    PRIVATE = "private"
    SHARED = "shared"
    RETURNED = "returned"
    SIGNED = "signed"


@dataclass(frozen=True)
class Said:
    """A comment, by the coach or the teacher. `at` is what is said on the line it stands at."""

    text: str
    by_coach: bool = True
    at: str = ""


@dataclass(frozen=True)
class Judged:
    """A word on the n-th finding, suggestion or rating of a report."""

    kind: str  # rating | finding | suggestion
    place: int
    verdict: str  # accepted | rejected | corrected
    value: str = ""
    note: str = ""
    by_coach: bool = False


@dataclass(frozen=True)
class Review:
    """What happened to one report."""

    end: End
    judged: tuple[Judged, ...] = ()
    said: tuple[Said, ...] = ()
    returned_with: str = ""
    goal: bool = False  # the teacher makes the first suggestion a goal
    visit_in: int = 0  # days from today; 0: no visit is due


FIRST_HIGHLIGHT = Judged("finding", 0, "accepted")
FIRST_SUGGESTION = Judged("suggestion", 0, "accepted")

REVIEWS = {
    "okafor-1-strips-and-equivalent-fractions": Review(
        End.SIGNED,
        judged=(FIRST_SUGGESTION,),
        said=(
            Said(
                "He asks whether the fraction gets bigger, and that is the question of the lesson. What would have happened "
                "if you had handed it to the class?",
                at="Is it getting bigger?",
            ),
            Said(
                "The strips were right there. I could have asked him to show me with two of them. I was thinking of page 31.",
                by_coach=False,
                at="Is it getting bigger?",
            ),
            Said(
                "Thank you for starting with a lesson you were not happy with. Next time I will look for one thing only: what "
                "you do in the five seconds after a student says something you did not expect."
            ),
        ),
        goal=True,
    ),
    "okafor-2-between-zero-and-one": Review(
        End.SIGNED,
        judged=(FIRST_HIGHLIGHT, FIRST_SUGGESTION),
        said=(
            Said(
                "You waited, and the next student disagreed and gave a reason. In September this would have been your sentence.",
                at="one sixth is bigger than one eighth",
            ),
            Said("I counted to five in my head. It felt like an hour.", by_coach=False),
        ),
    ),
    "okafor-3-which-barrel-holds-most": Review(
        End.SHARED,
        judged=(FIRST_HIGHLIGHT,),
        said=(
            Said(
                "This is the one I want to talk about. She had just said what was confusing her, and I gave them the steps.",
                by_coach=False,
                at="the twelve should be the little pieces",
            ),
        ),
        visit_in=9,
    ),
    "reyes-1-sink-or-float": Review(
        End.SIGNED,
        judged=(Judged("finding", 0, "accepted", by_coach=True), FIRST_SUGGESTION),
        said=(
            Said(
                "Steel is more dense than water, and a ship floats: this is the best question of the lesson, and he asks it "
                "twice. How did Thursday go?",
                at="Steel's more dense than water",
            ),
            Said("We spent the whole period on it. He brought a picture of a hull.", by_coach=False),
        ),
        goal=True,
    ),
    "reyes-2-where-did-the-mass-go": Review(
        End.SIGNED,
        judged=(FIRST_HIGHLIGHT,),
        said=(
            Said(
                "The test that tells two ideas apart came out of a student's idea. That is hard to plan, and you "
                "did it on your feet.",
                at="what would happen if we did the same with salt",
            ),
            Said(
                "The group whose bag lost 0.8 g had the most interesting result in the room. What could they have found out?",
                at="It's huge, though",
            ),
        ),
    ),
    "reyes-3-new-substance-or-not": Review(
        End.SHARED,
        said=(
            Said(
                "I tried to give every “because” back to somebody else. Please look at whether I talk over the quiet ones.",
                by_coach=False,
            ),
        ),
        visit_in=16,
    ),
    "raman-1-im-nobody": Review(
        End.SIGNED,
        judged=(FIRST_HIGHLIGHT,),
        said=(
            Said(
                "Two readings on the table, and then you sent them back to the words. I would show this minute "
                "to new colleagues.",
                at="there's two readings on the table",
            ),
        ),
    ),
    "raman-2-why-does-the-friar-agree": Review(
        End.SIGNED,
        judged=(
            Judged(
                "suggestion",
                0,
                "rejected",
                note="I would not stop them there: two students were about to answer each other.",
            ),
        ),
        said=(
            Said(
                "Nine different students change somebody else's mind here. Do they know that they do it?",
                at="You can't make peace with a secret wedding",
            ),
        ),
    ),
    "raman-3-what-is-your-claim": Review(
        End.SHARED,
        said=(
            Said(
                "Conferences this time. I know that I left one of them staring out of the window.",
                by_coach=False,
                at="You can only say nobody's found it yet",
            ),
        ),
    ),
    "lindqvist-1-the-summer-of-1914": Review(
        End.RETURNED,
        judged=(
            Judged(
                "finding",
                0,
                "corrected",
                value="A clear story, told so that nobody could lose the thread; the questions in it ask for names and dates.",
                by_coach=True,
            ),
        ),
        returned_with=(
            "Thank you for letting me read this. Before we talk: find the two moments where the same student says that all "
            "of them could have stopped. What does she know about your question “whose fault was it”? Write a line or two here "
            "about what you would ask her, and share the report again."
        ),
        visit_in=5,
    ),
    "karimi-1-rows-of-chairs": Review(
        End.SHARED,
        judged=(FIRST_HIGHLIGHT,),
        said=(
            Said(
                "He says no, he has a reason, and later he goes off and tries a hundred by himself. How could the whole class "
                "have tested it with him?",
                at="Fifteen isn't big",
            ),
        ),
        visit_in=3,
    ),
    "karimi-2-six-sevens": Review(End.PRIVATE),
    "novak-1-the-horse-and-the-cart": Review(
        End.SHARED,
        said=(
            Said(
                "Two of them got different numbers for the pull and I just said which one was right. We were late.",
                by_coach=False,
                at="I got six hundred, because",
            ),
        ),
    ),
}
