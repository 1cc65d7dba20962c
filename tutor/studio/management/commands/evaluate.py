"""`manage.py evaluate ADAPTER|base`: measured against the base and the base with retrieval, with intervals."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.models import Course
from tutor.llm.errors import EndpointError
from tutor.llm.host.process import HostFailed
from tutor.studio.evaluating import BASE, EvaluationFailed, as_json, bank, evaluate, make, questions_of
from tutor.studio.models import Adapter, Dataset, Evaluation


class Command(BaseCommand):
    """Evaluate an adapter or the base model."""

    help = "Measure an adapter, or the base model, on held-out questions or a question bank."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is measured, against what, and on which questions."""
        parser.add_argument("adapter", help=f"an adapter's name, or “{BASE}”")
        parser.add_argument(
            "--against",
            nargs="*",
            default=[],
            help="systems: base, base+retrieval, an adapter, an adapter+retrieval",
        )
        parser.add_argument(
            "--bank",
            type=Path,
            metavar="FILE",
            help="questions and answers (CSV or JSONL) instead of the held-out split",
        )
        parser.add_argument("--dataset", type=int, help="whose held-out split (default: the adapter's)")
        parser.add_argument("--course", help="slug; needed for the base with a bank")
        parser.add_argument("--limit", type=int, default=0, help="questions at most")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate here and now."""
        adapter = None
        if options["adapter"] != BASE:
            adapter = (
                Adapter.objects.filter(name=options["adapter"], retired_at=None)
                .select_related("course", "run__dataset")
                .first()
            )
            if adapter is None:
                raise CommandError(
                    f"There is no adapter “{options['adapter']}”. `manage.py adapters list` names them."
                )
        dataset = self._dataset(adapter, options)
        course = self._course(adapter, dataset, options)
        try:
            evaluation = make(adapter, course, dataset, options["against"], limit=options["limit"])
            evaluation.claim()
            with evaluation.heartbeat():
                if options["bank"]:
                    Evaluation.objects.filter(pk=evaluation.pk).update(bank=options["bank"].name)
                    evaluation.bank = options["bank"].name
                    questions = bank(options["bank"])[: options["limit"] or None]
                else:
                    questions = questions_of(evaluation)
                table = evaluate(evaluation, questions)
        except (EvaluationFailed, EndpointError, HostFailed) as error:
            raise CommandError(str(error)) from None
        evaluation.finish()
        if options["json"]:
            self.stdout.write(as_json(evaluation))
            return
        self.stdout.write(f"{table['questions']} questions; 95 % intervals")
        for name, row in table["systems"].items():
            near, grounded = row["nearness"], row["grounded"]
            self.stdout.write(
                f"  {name:<40} nearness {near['mean']:.3f} [{near['low']:.3f}, {near['high']:.3f}]   "
                f"grounded {grounded['mean']:.2f} [{grounded['low']:.2f}, {grounded['high']:.2f}]   {row['words']} words"
            )
        for row in table["comparisons"]:
            nearer = row["nearer"]
            self.stdout.write(
                f"  {row['system']} is nearer than {row['against']} on {nearer['mean']:.0%} "
                f"[{nearer['low']:.0%}, {nearer['high']:.0%}]"
            )

    def _dataset(self, adapter: Adapter | None, options: dict[str, Any]) -> Dataset | None:
        if options["dataset"]:
            dataset = Dataset.objects.filter(pk=options["dataset"]).select_related("course").first()
            if dataset is None:
                raise CommandError(f"There is no dataset {options['dataset']}.")
            return dataset
        if adapter is not None and adapter.run is not None and adapter.run.dataset is not None:
            return adapter.run.dataset
        if options["bank"]:
            return None
        raise CommandError("Say on which questions: --dataset NUMBER for its held-out split, or --bank FILE.")

    def _course(self, adapter: Adapter | None, dataset: Dataset | None, options: dict[str, Any]) -> Course:
        if adapter is not None:
            return adapter.course
        if dataset is not None:
            return dataset.course
        courses = (
            Course.objects.filter(slug=options["course"]) if options["course"] else Course.objects.all()[:2]
        )
        if len(courses) != 1:
            raise CommandError("Say which course the bank is about: --course SLUG.")
        return courses[0]
