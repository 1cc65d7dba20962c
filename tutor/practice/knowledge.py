"""What a person's attempts say about their skills: Bayesian knowledge tracing, with an interval and words.

Corbett and Anderson (1995), "Knowledge tracing". The parameters are fixed, not fitted: there are too few attempts in
one course to fit them, and a student has to be able to check the arithmetic. What differs from the paper:

- guessing depends on the item: one in as many as it has options, 0.05 where the answer is written;
- a partly right answer moves the probability by its score between what a wrong and a right one would do;
- with help an attempt moves it half as far;
- learning is counted with what was answered rightly, so that a wrong answer always lowers the probability;
- what was disputed and upheld does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from courses.models import Course
from tutor.accounts.models import User
from tutor.practice.models import Attempt, Item, Skill

KNOWN_BEFORE = 0.2  # probability that a skill is there before the first attempt
LEARNT = 0.1  # probability that it comes with an attempt that was right
SLIP = 0.1  # probability of a wrong answer in spite of it
GUESS = 0.05  # of a right answer without it, where the answer is written
HELPED = 0.5  # how far an attempt with help counts
SHOWN = 0.9  # probability from which a skill counts as shown
LEAST = 2  # attempts without help that were right, before a skill counts as shown
WITHIN = 0.9  # share of the plausible values that the interval holds


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person's skill. Every figure comes from `attempts`, and from nothing else.

    probability: that the skill is there. low, high: what share of such questions the person would answer rightly, with
    90 % credibility; wide where little was asked.
    """

    skill: Skill
    probability: float
    low: float
    high: float
    attempts: list[Attempt] = field(default_factory=list)  # those that count, oldest first
    statement: str = ""

    @property
    def shown(self) -> bool:
        """Whether the skill is shown well enough to skip it."""
        alone = [row for row in self.attempts if row.outcome == Attempt.Outcome.RIGHT and not row.helped]
        last_right = bool(self.attempts) and self.attempts[-1].outcome == Attempt.Outcome.RIGHT
        return self.probability >= SHOWN and len(alone) >= LEAST and last_right

    @property
    def group(self) -> str:
        """shown | shaky | open (not yet asked)."""
        return "open" if not self.attempts else "shown" if self.shown else "shaky"

    @property
    def low_of_ten(self) -> int:
        """The least of ten such questions that the person would answer rightly."""
        return int(self.low * 10)

    @property
    def high_of_ten(self) -> int:
        """The most of ten."""
        return round(self.high * 10)


def of(user: User, course: Course) -> list[Known]:
    """What the person's attempts say about each skill of the course that is asked about or was."""
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for row in Attempt.objects.of(user, course).counting():
        attempts[row.item.skill_id].append(row)
    asked = Item.objects.askable(course).values("skill")
    skills = course.skills.filter(pk__in=asked) | course.skills.filter(pk__in=list(attempts))
    return [known(skill, attempts[skill.pk]) for skill in skills.distinct()]


def shows(user: User, skill: Skill) -> bool:
    """Whether the person has shown the skill well enough to skip what teaches it."""
    rows = Attempt.objects.of(user, skill.course).counting().filter(item__skill=skill)
    return known(skill, list(rows)).shown


def known(skill: Skill, attempts: Sequence[Attempt]) -> Known:
    """What these attempts, oldest first, say about the skill."""
    tries = [(row.score, guess(row.item), HELPED if row.helped else 1.0) for row in attempts]
    low, high = interval([(score, weight) for score, _, weight in tries])
    return Known(skill, trace(tries), low, high, list(attempts), statement(skill, attempts))


def guess(item: Item) -> float:
    """Probability of a right answer to the item without the skill."""
    return 1 / max(2, len(item.options)) if item.kind == Item.Kind.CHOICE else GUESS


def trace(tries: Iterable[tuple[float, float, float]], before: float = KNOWN_BEFORE) -> float:
    """The probability of the skill after tries of (score, guess, weight), in order."""
    now = before
    for score, guessing, weight in tries:
        right = now * (1 - SLIP) / (now * (1 - SLIP) + (1 - now) * guessing)
        right += (1 - right) * LEARNT
        wrong = now * SLIP / (now * SLIP + (1 - now) * (1 - guessing))
        now += weight * (score * right + (1 - score) * wrong - now)
    return now


def interval(outcomes: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The shares of right answers that (score, weight) leave plausible: the middle 90 % of a Beta(1 + right, 1 + wrong)."""
    right = wrong = 0.0
    for score, weight in outcomes:
        right, wrong = right + weight * score, wrong + weight * (1 - score)
    share = np.linspace(0, 1, 2001)[1:-1]
    density = right * np.log(share) + wrong * np.log1p(-share)
    density = np.exp(density - density.max())
    below = np.cumsum(density) / density.sum()
    low, high = np.interp([(1 - WITHIN) / 2, (1 + WITHIN) / 2], below, share)
    return float(low), float(high)


def statement(skill: Skill, attempts: Sequence[Attempt]) -> str:
    """What the attempts show, in words: counts, how the last one went, and help."""
    about = f"“{skill.name}”"
    if not attempts:
        return f"You have not been asked about {about} yet."
    count = len(attempts)
    right = sum(row.outcome == Attempt.Outcome.RIGHT for row in attempts)
    part = sum(row.outcome == Attempt.Outcome.PARTIAL for row in attempts)
    last = {"right": "rightly", "partial": "in part", "wrong": "wrongly"}[attempts[-1].outcome]
    if count == 1:
        words = f"You answered one question about {about}, {last}"
    else:
        words = f"You answered {right} of {count} questions about {about} rightly"
        words += f" and {part} in part" if part else ""
        words += "" if right == count or not right + part else f"; the last one {last}"
    helped = sum(row.helped for row in attempts)
    if helped:
        words += f", {'with help' if helped == count else f'{helped} of them with help'}"
    return f"{words}."
