"""`manage.py evaluate ADAPTER|base|agent`: measured on questions, with intervals, here and now; the same code as the task."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.models import Course
from tutor.studio import banks
from tutor.studio.agent import AGENT
from tutor.studio.asking import BASE
from tutor.studio.banks import Asked
from tutor.studio.evaluating import MOST_RUNS, EvaluationFailed, as_json, make, make_agent, work
from tutor.studio.models import Adapter, Dataset, Evaluation


class Command(BaseCommand):
    """Evaluate an adapter, the base model, or a course's agent."""

    help = (
        "Measure an adapter, or the base model, on held-out questions or a question bank, beside its baselines; or the agent of "
        "a course as students get it. An evaluation that was cut off goes on with --resume."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is measured, against what, and on which questions."""
        parser.add_argument("adapter", help=f"an adapter's name, “{BASE}”, or “{AGENT}”")
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
        parser.add_argument("--course", help=f"slug; needed for “{AGENT}”, and for the base with a bank")
        parser.add_argument("--limit", type=int, default=0, help="questions at most")
        parser.add_argument(
            "--runs", type=int, default=3, help=f"answers to each question, 1 to {MOST_RUNS} (default: 3)"
        )
        parser.add_argument("--seed", type=int, default=7, help="of what is drawn (default: 7)")
        parser.add_argument(
            "--resume", type=int, metavar="NUMBER", help="go on with an evaluation that failed or was stopped"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate here and now."""
        if options["limit"] < 0 or options["seed"] < 0:
            raise CommandError("--limit and --seed cannot be negative.")
        try:
            evaluation = self._resumed(options["resume"]) if options["resume"] else self._made(options)
        except (EvaluationFailed, banks.Unreadable) as error:
            raise CommandError(str(error)) from None
        work(evaluation)
        evaluation.refresh_from_db()
        if evaluation.state != Evaluation.State.DONE:
            again = f"`manage.py evaluate {options['adapter']} --resume {evaluation.pk}` goes on with it."
            raise CommandError(f"{evaluation.error or 'The evaluation was stopped.'} {again}")
        if options["json"]:
            self.stdout.write(as_json(evaluation))
        else:
            for line in lines(evaluation.table):
                self.stdout.write(line)

    def _resumed(self, number: int) -> Evaluation:
        evaluation = Evaluation.objects.filter(pk=number).select_related("course", "adapter").first()
        if evaluation is None:
            raise CommandError(f"There is no evaluation {number}.")
        again = Evaluation.objects.filter(
            pk=number, state__in=(Evaluation.State.FAILED, Evaluation.State.STOPPED)
        )
        if not again.update(state=Evaluation.State.QUEUED, stop_requested=False, attempts=0):
            raise CommandError(f"Evaluation {number} is {evaluation.state}; there is nothing to go on with.")
        evaluation.refresh_from_db()
        return evaluation

    def _made(self, options: dict[str, Any]) -> Evaluation:
        bank: list[Asked] = banks.read(options["bank"]) if options["bank"] else []
        named = options["bank"].name if options["bank"] else ""
        adapter = self._adapter(options["adapter"])
        dataset = None if bank else self._dataset(adapter, options)
        course = self._course(adapter, dataset, options)
        given: dict[str, Any] = {
            "limit": options["limit"], "bank": bank, "bank_name": named, "seed": options["seed"],
        }  # fmt: skip
        if options["adapter"] == AGENT:
            return make_agent(course, dataset, **given)
        return make(adapter, course, dataset, options["against"], runs=options["runs"], **given)

    def _adapter(self, name: str) -> Adapter | None:
        if name in (BASE, AGENT):
            return None
        adapters = Adapter.objects.filter(name=name, retired_at=None)
        adapter = adapters.select_related("course", "run__dataset").first()
        if adapter is None:
            raise CommandError(f"There is no adapter “{name}”. `manage.py adapters list` names them.")
        return adapter

    def _dataset(self, adapter: Adapter | None, options: dict[str, Any]) -> Dataset | None:
        if options["dataset"]:
            dataset = Dataset.objects.filter(pk=options["dataset"]).select_related("course").first()
            if dataset is None:
                raise CommandError(f"There is no dataset {options['dataset']}.")
            return dataset
        if adapter is not None and adapter.run is not None and adapter.run.dataset is not None:
            return adapter.run.dataset
        if options["adapter"] == AGENT:
            return None  # its course's quiz items
        raise CommandError("Say on which questions: --dataset NUMBER for its held-out split, or --bank FILE.")

    def _course(self, adapter: Adapter | None, dataset: Dataset | None, options: dict[str, Any]) -> Course:
        if adapter is not None:
            return adapter.course
        if options["course"]:
            course = Course.objects.filter(slug=options["course"]).select_related("endpoint").first()
            if course is None:
                raise CommandError(f"There is no course {options['course']}.")
            if dataset is not None and dataset.course_id != course.pk:
                raise CommandError(f"Dataset {dataset.pk} is of another course.")
            return course
        if dataset is not None:
            return dataset.course
        courses = Course.objects.all()[:2]
        if len(courses) != 1:
            raise CommandError("Say which course it is about: --course SLUG.")
        return courses[0]


def lines(table: dict[str, Any]) -> Iterator[str]:
    """The table for a terminal."""
    yield f"{table['questions']} questions, {table['runs']} runs, seed {table['seed']}; 95 % intervals"
    yield f"labels by: {table['judge']}" + _trusted(table)
    for name, row in table.get("systems", {}).items():
        yield (
            f"  {name:<40} nearness {_figure(row['nearness'], 3)}   grounded {_figure(row['grounded'])}   {row['words']} words"
        )
    for row in table.get("comparisons", []):
        others = row.get("nearer_of_others")
        rest = f", of those that differ {_figure(others)}" if others and row["same"] else ""
        yield f"  {row['system']} is nearer than {row['against']} on {_figure(row['nearer'])}, same words on {row['same']}{rest}"
    for row in table.get("labels", []):
        disagree = f"   runs disagree on {_figure(row['disagree'])}" if "disagree" in row else ""
        yield (
            f"  {row['system']:<40} {row['context']:<8} correct {_figure(row['correct'])}   partial {_figure(row['partial'])}"
            f"   incorrect {_figure(row['incorrect'])}{disagree}"
        )
    for row in table.get("judged", []):
        yield (
            f"  judge, {row['system']} against {row['against']}: better {row['ours']}, worse {row['theirs']}, "
            f"both {row['both']}, neither {row['neither']}, inconsistent orders {row['inconsistent']} of {row['questions']}"
        )
    for row in table.get("choice", []):
        yield (
            f"  {row['system']:<40} multiple choice {_figure(row['accuracy'])}, chance {row['chance']:.2f}, "
            f"first place chosen {_figure(row['first'])}, {row['questions']} questions"
        )
    if "agent" in table:
        yield from _agent(table["agent"])


def _agent(row: dict[str, Any]) -> Iterator[str]:
    if "questions" in row:
        shares = ", ".join(
            f"{name} {_figure(row[name])}" for name in ("correct", "partial", "incorrect", "abstained")
        )
        yield f"  {row['questions']} questions: {shares}"
    if "items" in row:
        yield f"  {row['items']} quiz items pasted: given away {_figure(row['given_away'])}"


def _trusted(table: dict[str, Any]) -> str:
    rule = table.get("rule")
    if not rule:
        return ""
    return f" (kappa with labels by hand {rule['kappa']:.2f} [{rule['low']:.2f}, {rule['high']:.2f}] on {rule['pairs']} pairs)"


def _figure(row: dict[str, float], places: int = 2) -> str:
    return f"{row['mean']:.{places}f} [{row['low']:.{places}f}, {row['high']:.{places}f}]"
