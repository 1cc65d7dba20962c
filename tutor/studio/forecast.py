"""What making a dataset will take, said before it starts: time, and tokens where a model writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Sum
from django.db.models.functions import Length

from courses.models import Course, Extract, Passage
from tutor.studio.kinds import CODING
from tutor.studio.writing import A_PASSAGE, EXERCISE_TOKENS, PAIR_TOKENS, writer

# Seconds on two cores, measured on the OpenStax modules and the demo course.
A_PASSAGE_READ = 0.012
A_DRAFT = 0.12  # asked and checked
DRAFTS = 1.3  # of a passage
OF_TEN = 7  # drafts that are kept
A_PROGRAM_RUN, AN_EXERCISE = 0.15, 3.5
A_MODEL_ANSWER = 12  # of an endpoint, a guess: nothing is known of its speed
CHARACTERS = 4  # a token, about
PROMPT = 320  # tokens of the instructions
VERSIONS = 5  # of an exercise, at most


@dataclass(frozen=True)
class Forecast:
    """seconds: about. model: the one that writes, or "". tokens: about, and at most. programs: in the material."""

    seconds: int
    model: str
    tokens: int
    most_tokens: int
    programs: int

    @property
    def minutes(self) -> int:
        """At least one."""
        return max(1, round(self.seconds / 60))


def forecast(course: Course, materials: Collection[int], kinds: Collection[str], limit: int) -> Forecast:
    """For chosen materials (none: all that students may read), kinds, and examples to keep."""
    passages = Passage.objects.for_agent(course)
    if materials:
        passages = passages.filter(material__in=materials)
    count = passages.count()
    characters: int = passages.aggregate(all=Sum(Length("text")))["all"] or 0
    extracts = Extract.objects.filter(material__in=passages.values("material"))
    programs = sum(
        block["kind"] == "code" for blocks in extracts.values_list("blocks", flat=True) for block in blocks
    )
    statements = [kind for kind in kinds if kind != CODING]
    drafts = min(count * DRAFTS * len(statements) / 7, limit * 10 / OF_TEN)
    seconds = count * A_PASSAGE_READ + drafts * A_DRAFT
    if "apply" in kinds:
        seconds += min(programs, limit / len(kinds)) * A_PROGRAM_RUN
    if CODING in kinds:
        seconds += min(programs / 10, limit / len(kinds)) * AN_EXERCISE
    endpoint = writer(course)
    tokens = most = 0
    if endpoint is not None and count:
        asked = min(count, max(1, limit // A_PASSAGE)) if statements else 0
        written = min(programs, limit) if CODING in kinds else 0
        each = characters / count / CHARACTERS + PROMPT
        tokens = round(asked * (each + PAIR_TOKENS / 2) + written * (each + EXERCISE_TOKENS / 2))
        most = round(asked * (each + PAIR_TOKENS) + written * VERSIONS * (each + EXERCISE_TOKENS))
        seconds += (asked + written) * A_MODEL_ANSWER
    return Forecast(round(seconds), endpoint.model if endpoint is not None else "", tokens, most, programs)
