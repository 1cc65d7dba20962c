"""`manage.py train DATASET`: a run here and now, by the code that the `train` worker runs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from tutor.studio.models import Dataset, Run
from tutor.studio.running import RunFailed, start, work
from tutor.studio.training.spec import KNOBS, PRESETS, UnknownKnob


class Command(BaseCommand):
    """Train an adapter on a dataset."""

    help = "Train a LoRA adapter on a dataset, on the GPUs that are there or on this machine's processor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The dataset, the method and every knob."""
        parser.add_argument("dataset", type=int, help="its number")
        parser.add_argument("--method", default="sft", choices=Run.Method.values)
        parser.add_argument("--preset", default="balanced", choices=list(PRESETS))
        parser.add_argument("--steps", type=int, help="optimiser steps, in place of epochs")
        parser.add_argument(
            "--base", default="", help="a model's folder under the models (default: the host's model)"
        )
        knobs = "; ".join(f"{name}: {what}" for name, (*_, what) in KNOBS.items())
        parser.add_argument(
            "--set",
            nargs="*",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help=knobs.replace("%", "%%"),
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object at the end; the steps on standard error"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Train, say each step, and end with what came of it."""
        dataset = Dataset.objects.filter(pk=options["dataset"]).select_related("course").first()
        if dataset is None:
            known = ", ".join(map(str, Dataset.objects.order_by("pk").values_list("pk", flat=True))) or "none"
            raise CommandError(f"There is no dataset {options['dataset']}. There are: {known}.")
        given: dict[str, Any] = {}
        for pair in options["set"]:
            name, sign, value = pair.partition("=")
            if not sign:
                raise CommandError(f"“{pair}” sets nothing. Write it as KEY=VALUE, such as rank=8.")
            given[name] = value
        if options["steps"] is not None:
            given["steps"] = options["steps"]
        try:
            run = start(dataset, options["method"], given, preset=options["preset"], base=options["base"])
        except (RunFailed, UnknownKnob) as error:
            raise CommandError(str(error)) from None
        said = self.stderr if options["json"] else self.stdout
        try:
            work(run, lambda line: _say(said, line))
        except KeyboardInterrupt:
            run.interrupt()
        run.refresh_from_db()
        if run.state == Run.State.STOPPED:
            raise CommandError(f"Run {run.pk} was stopped at step {run.step}. Its page resumes it.")
        if run.state != Run.State.DONE:
            raise CommandError(run.error)
        result = {
            "run": run.pk,
            "adapter": run.adapter.name,
            "method": run.method,
            "base": run.base,
            "device": run.device,
            "steps": run.steps,
            "settings": run.knobs,
            "seconds": run.points.order_by("-step").values_list("seconds", flat=True).first(),
            **run.summary,
        }
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(
                f"Trained “{run.adapter.name}”: loss {run.summary['first_loss']} → {run.summary['last_loss']}."
            )


def _say(to: OutputWrapper, said: dict[str, Any]) -> None:
    if "steps" in said:
        to.write(f"{said['steps']} steps on {said['device']}", style_func=str)
    if "step" in said:
        rate = said["tokens_per_second"]
        line = (
            f"step {said['step']}: loss {said['loss']:.3f}, {rate:.0f} tokens/s, {said['memory_mb']:.0f} MB"
        )
        to.write(line, style_func=str)  # as it is, also where errors are red
