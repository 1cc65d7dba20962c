"""`manage.py propositions FILE`: the claims that the sentences of a text make."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.propositions import Sentence, segment


class Command(BaseCommand):
    """Take a text apart into propositions."""

    help = "Take a text (plain or Markdown, UTF-8) apart into propositions, by the rules that ingestion uses."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--json", action="store_true", help="print one JSON object a sentence")
        parser.add_argument(
            "--score",
            action="store_true",
            help="add how well the text supports them and how much of it they cover",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read as UTF-8 text: {error}") from error
        found = segment(text)
        for sentence in found:
            if options["json"]:
                row = {
                    "sentence": sentence.text,
                    "start": sentence.start,
                    "end": sentence.end,
                    "propositions": sentence.propositions,
                }
                self.stdout.write(json.dumps(row, ensure_ascii=False))
            else:
                self.stdout.write(" ".join(sentence.text.split()))
                for claim in sentence.propositions:
                    self.stdout.write(f"  - {claim}")
        if options["score"]:
            figures = score(text, found)
            if options["json"]:
                self.stdout.write(json.dumps(figures))
            else:
                self.stdout.write("\n".join(f"{name}: {value}" for name, value in figures.items()))


def score(text: str, found: list[Sentence]) -> dict[str, float | int]:
    """Reference-free figures (Hosseini et al. 2024), entailment being the verifier's score.

    support: mean score of a proposition given its text. coverage: mean score of a sentence given its propositions.
    """
    from courses.verification import SUPPORTED, verify, verify_all

    claiming = [sentence for sentence in found if sentence.propositions]
    claims = [claim for sentence in claiming for claim in sentence.propositions]
    verdicts = verify_all(claims, [text]) if claims else []
    covered = [verify(sentence.text, [" ".join(sentence.propositions)]).score for sentence in claiming]
    return {
        "sentences": len(found),
        "claiming": len(claiming),
        "propositions": len(claims),
        "support": round(sum(verdict.score for verdict in verdicts) / max(len(verdicts), 1), 4),
        "supported": sum(verdict.verdict == SUPPORTED for verdict in verdicts),
        "coverage": round(sum(covered) / max(len(covered), 1), 4),
    }
