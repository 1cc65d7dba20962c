"""Propositions written by a capable language model; each is kept only if the verifier finds it in the text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import category

from django.db import transaction

from courses.lexical import terms
from courses.models import Material
from courses.propositions import Sentence, segment
from courses.storing import store_propositions
from courses.verification import SUPPORTED, verify_all
from tutor.llm.client import complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, record_usage

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "propositions.txt"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sentences": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "number": {"type": "integer"},
                    "propositions": {
                        "type": "array",
                        "items": {"type": "string", "maxLength": 400},
                        "maxItems": 12,
                    },
                },
                "required": ["number", "propositions"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["sentences"],
    "additionalProperties": False,
}
MAX_TOKENS = 1_500
ENOUGH = 0.7  # share of a sentence's words that the new propositions must say, or the rules' own stand
GIVE_UP = 3  # answers in a row that were none, after which no more are asked for
SILENT = ("code", "table", "formula", "answer")  # kinds of passages that are not rewritten


class Writer:
    """Rewrites the rules' propositions with an endpoint's model. Where it fails, the rules' own stand."""

    def __init__(self, endpoint: Endpoint, course_id: int | None = None) -> None:
        self.endpoint = endpoint
        self.course_id = course_id
        self.failures = 0

    @property
    def refused(self) -> bool:
        """Whether it failed so often that it is not asked any more."""
        return self.failures >= GIVE_UP

    def rewrite(
        self, text: str, sentences: Sequence[Sentence], heading_path: Sequence[str]
    ) -> list[Sentence]:
        """The sentences of `text` with the model's propositions, where they are supported and leave nothing out."""
        claiming = [number for number, sentence in enumerate(sentences) if sentence.propositions]
        if self.refused or not claiming:
            return list(sentences)
        try:
            written = self._ask(sentences, claiming, heading_path)
        except EndpointError as error:
            # A server that is not there will not be there for the next passage either.
            self.failures = self.failures + 1 if error.kind == "schema" else GIVE_UP
            logger.warning("The propositions of a passage were left to the rules: %s", error)
            return list(sentences)
        self.failures = 0
        return [self._checked(text, one, written.get(number, [])) for number, one in enumerate(sentences)]

    def _ask(
        self, sentences: Sequence[Sentence], claiming: Sequence[int], heading_path: Sequence[str]
    ) -> dict[int, list[str]]:
        listed = "\n".join(f"{number}. {' '.join(sentences[number].text.split())}" for number in claiming)
        prompt = PROMPT.read_text().format(
            headings=" > ".join(heading_path) or "(no heading)", sentences=listed
        )
        request = complete(
            self.endpoint,
            [{"role": "user", "content": prompt}],
            schema=SCHEMA,
            max_tokens=MAX_TOKENS,
            temperature=0,
        )
        try:
            answer = asyncio.run(request)
        except EndpointError as error:
            self._book(*error.spent)
            raise
        self._book(answer.usage.prompt, answer.usage.completion)
        return {
            row["number"]: row["propositions"]
            for row in answer.data["sentences"]
            if row["number"] in claiming
        }

    def _book(self, prompt: int, completion: int) -> None:
        if prompt or completion:
            record_usage(
                None,
                self.course_id,
                self.endpoint,
                prompt_tokens=prompt,
                completion_tokens=completion,
                purpose="propositions",
            )

    @staticmethod
    def _checked(text: str, sentence: Sentence, written: Sequence[str]) -> Sentence:
        claims = list(dict.fromkeys(filter(None, map(_plain, written))))
        if not claims:
            return sentence
        verdicts = verify_all(claims, [text])
        kept = [
            claim for claim, verdict in zip(claims, verdicts, strict=True) if verdict.verdict == SUPPORTED
        ]
        said, wanted = set(terms(" ".join(kept))), set(terms(sentence.text))
        whole = bool(kept) and len(said & wanted) >= ENOUGH * len(wanted)
        return replace(sentence, propositions=kept) if whole else sentence


def _plain(claim: str) -> str:
    """The claim on one line, without what no database takes."""
    return " ".join(
        "".join(char for char in claim if category(char) not in ("Cc", "Cs") or char.isspace()).split()
    )


def writer_for(course_id: int | None, endpoint: Endpoint | None) -> Writer | None:
    """A writer, where the endpoint is capable enough to be asked."""
    return (
        Writer(endpoint, course_id)
        if endpoint is not None and endpoint.capable and not endpoint.embedded
        else None
    )


def rewrite_material(material: Material, limit: int = 1_000_000) -> bool:
    """Let the course's capable endpoint write the propositions of up to `limit` passages; True when none is left.

    How far it came is kept in the material's meta ("propositions_written"), so that it may be called again.
    """
    writer = writer_for(material.course_id, Endpoint.objects.for_course(material.course))
    if writer is None:
        return True
    done = int(material.meta.get("propositions_written", 0))
    rows = list(
        material.passages.filter(ordinal__gte=done).exclude(kind__in=SILENT).order_by("ordinal")[:limit]
    )
    for row in rows:
        if writer.refused:
            return True
        own = segment(row.text, row.heading_path)
        written = writer.rewrite(row.text, own, row.heading_path)
        with transaction.atomic():
            if written != own:
                row.propositions.all().delete()
                store_propositions([row], [written])
            material.meta = {**material.meta, "propositions_written": row.ordinal + 1}
            Material.objects.filter(pk=material.pk).update(meta=material.meta)
    return len(rows) < limit
