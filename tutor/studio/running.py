"""Running a training: rows prepared here, the training itself in a child process, whose every line is kept on the run's row."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import close_old_connections, transaction

from tutor.llm import catalog
from tutor.studio.asking import look, material_of
from tutor.studio.models import Adapter, Dataset, Example, Run, RunPoint
from tutor.studio.prompting import closed, opened, trajectory
from tutor.studio.training.spec import Row, Spec, resolve

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
FEWEST = 8  # examples below which a run says so and does not start
TAIL = 15  # lines of the child's errors that are kept for the message
KEPT = (  # of this process's environment
    "PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
)  # fmt: skip
STOP_SECONDS = 60  # for the child to write its checkpoint after it was asked to stop

Report = Callable[[dict[str, Any]], None]


class RunFailed(Exception):
    """The run cannot go on; the message says what to change."""


class RunStopped(Exception):
    """A person asked the run to stop. Its last checkpoint stays, and it can be resumed."""


class RunTaken(Exception):
    """The run was given to another worker, or deleted, while this one was silent. It is not this one's to end."""


def start(
    dataset: Dataset, method: str, given: dict[str, Any], *, preset: str = "balanced", base: str = ""
) -> Run:
    """A run that is ready to be queued or worked on here. Raises RunFailed and training.spec.UnknownKnob."""
    if method not in Run.Method.values:
        raise RunFailed(f"There is no method “{method}”. There are: {', '.join(Run.Method.values)}.")
    knobs = resolve(given, preset)
    rows = usable(dataset, method)
    if (found := sum(teaches(row, method) for row in rows)) < FEWEST:
        raise RunFailed(_too_few(dataset, method, found))
    base = base or settings.HOST_MODEL
    folder_of(base)
    return Run.objects.create(course=dataset.course, dataset=dataset, method=method, base=base, knobs=knobs)


def usable(dataset: Dataset, method: str) -> list[Example]:
    """The examples a method trains on, in a fixed order: no wrong steps for SFT, pairs for DPO, all for trajectories."""
    rows = dataset.examples.training().prefetch_related("sources__passage").order_by("pk")
    if method == Run.Method.REFLECTED:
        return list(rows)
    return [row for row in rows if teaches(row, method)]


def teaches(example: Example, method: str) -> bool:
    """Whether an example has what its method is about: a right answer, a pair, or a wrong step."""
    match method:
        case Run.Method.DPO:
            return bool(example.rejected_answer and not example.wrong_steps)
        case Run.Method.REFLECTED:
            return bool(example.rejected_answer or example.wrong_steps)
    return not example.wrong_steps


def _too_few(dataset: Dataset, method: str, found: int) -> str:
    if method == Run.Method.SFT:
        return (
            f"Training needs at least {FEWEST} examples outside the held-out split, and dataset {dataset.pk} has {found}. "
            "Make a dataset of more material, or import pairs."
        )
    what = "DPO needs pairs of" if method == Run.Method.DPO else "Reflected trajectories need"
    return (
        f"{what} a wrong answer and its correction, at least {FEWEST}, and dataset {dataset.pk} has {found}. Make the dataset "
        "again: answers that people flagged and the staff corrected come with it, and wrong answers that the material does not "
        "support. Or edit examples on the review page, which keeps both versions, or import rows with a “rejected_answer”."
    )


def folder_of(base: str) -> Path:
    """The folder of a base model: of the catalog, or one that stands under the models. Raises RunFailed."""
    if "/" in base or base.startswith("."):
        raise RunFailed(f"“{base}” is no model's name. Name a folder under {catalog.root()}.")
    folder = catalog.root() / base
    if not (folder / "config.json").is_file():
        raise RunFailed(
            f"There is no model “{base}” in {catalog.root()}. Fetch the default ones with `manage.py models fetch`."
        )
    return folder


def work(run: Run, report: Report | None = None) -> None:
    """Train a queued run, and say on its row what became of it. `report` gets each of the child's lines as it comes."""
    if not run.claim():
        return
    with run.heartbeat():
        try:
            train(run, report)
        except RunTaken:
            logger.warning("Run %s was given to another worker", run.pk)
        except RunStopped:
            run.interrupt()
        except RunFailed as error:
            run.fail(str(error))
        except Exception:
            logger.exception("Run %s failed", run.pk)
            run.fail(
                "Something went wrong outside of the training itself. Retry; the server's log has the details."
            )
        else:
            run.finish()


def train(run: Run, report: Report | None = None) -> Adapter:
    """Train in a child process, from the last checkpoint where there is one. Raises RunFailed and RunStopped.

    `report` gets each of the child's lines as it comes.
    """
    if run.dataset is None:
        raise RunFailed("The dataset of this run was deleted. Start another run.")
    run.advance("load", 0.01)
    folder = Path(settings.DATA_DIR) / "runs" / str(run.pk)
    (folder / "stop").unlink(missing_ok=True)
    spec = Spec(run.method, folder_of(run.base), folder, rows_of(run, served=True), run.knobs)
    file = spec.write()
    run._write(folder=f"runs/{run.pk}")
    found = cards()
    with (folder / "errors.log").open("w+", encoding="utf-8") as errors:
        child = subprocess.Popen(
            _command(file, len(found)), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=_environment(), start_new_session=True, pass_fds=[] if run.held is None else [run.held],
        )  # fmt: skip
        try:
            last = _follow(run, child, folder, found, report)
        finally:
            _end(child)
        if last.get("stopped"):
            raise RunStopped
        if child.returncode != 0 or not last.get("done"):
            raise RunFailed(last.get("error") or _died(child.returncode, errors))
    run.advance("save", 0.98)
    return _publish(run, folder / "adapter", last)


def rows_of(run: Run, *, served: bool = False) -> list[Row]:
    """The run's examples as messages: half with material, half without.

    With `served` the material is what the chat would show with the question (a search each; an adapter that was trained so uses
    it better), and what the answer rests on where a search does not find it; else just that, which is as long.
    """
    assert run.dataset is not None
    rows = []
    for example in usable(run.dataset, run.method):
        quotes = [source.quote for source in example.sources.all()]
        material = [
            source.passage.text if source.passage else source.quote for source in example.sources.all()
        ]
        alone = not material or hashlib.sha256(example.question.encode()).digest()[0] % 2
        if served and not alone:
            found = material_of(look(run.course, example.question))
            shown = " ".join(" ".join(found).split())
            material = [quote for quote in quotes if " ".join(quote.split()) not in shown] + found
        system, user = (
            closed(run.course.title, example.question) if alone else opened(material, example.question)
        )
        texts = system["content"], user["content"]
        rows.append(Row(*texts, example.answer, example.rejected_answer, example.wrong_steps))
        if run.method == Run.Method.REFLECTED and example.rejected_answer and not example.wrong_steps:
            answer, wrong = trajectory(example.rejected_answer, example.answer)
            rows.append(Row(*texts, answer, wrong=wrong))
    return rows


def cards() -> list[str]:
    """The names of the NVIDIA cards, found without touching CUDA in this process, which may fork."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return []
    return (
        [line.strip() for line in listed.stdout.splitlines() if line.strip()]
        if listed.returncode == 0
        else []
    )


def device(said: str, threads: int, cards: list[str]) -> str:
    """A training's device in words, of what torch calls it: "CPU, 2 threads", "NVIDIA H200", "2 × NVIDIA H200"."""
    if not said.startswith("cuda") or not cards:
        many = threads or os.cpu_count() or 1
        return f"CPU, {many} thread{'' if many == 1 else 's'}" if said == "cpu" else said
    return cards[0] if len(cards) == 1 else f"{len(cards)} × {cards[0]}"


def _command(file: Path, processes: int) -> list[str]:
    """One process, or one for each card where there are several."""
    module = ["-m", "tutor.studio.training", str(file)]
    if processes > 1:
        return [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc_per_node={processes}",
            *module,
        ]
    return [sys.executable, *module]


def _environment() -> dict[str, str]:
    """No hub, no telemetry, and nothing of the site's secrets."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(ROOT),
        "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TRL_EXPERIMENTAL_SILENCE": "1",
        "ENDS_WITH_STDIN": "1",
    }  # fmt: skip


def _follow(
    run: Run, child: subprocess.Popen[str], folder: Path, cards: list[str], report: Report | None
) -> dict[str, Any]:
    """Keep the child's lines until it ends; returns the last one, or {"stopped": True}. Raises RunTaken."""
    assert child.stdout is not None
    done, asked, taken = threading.Event(), threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(1):
            close_old_connections()
            if run.held is not None and not run.still_mine():
                taken.set()
                _end(child)
            elif not asked.is_set() and Run.objects.filter(pk=run.pk, stop_requested=True).exists():
                asked.set()
                (folder / "stop").touch()
        close_old_connections()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    last: dict[str, Any] = {}
    begun: dict[str, Any] = {}
    try:
        for last in _lines(child.stdout):
            if taken.is_set():
                break
            if "steps" in last:
                begun = _begin(run, last, device(last["device"], run.knobs["threads"], cards))
            if "step" in last:
                _keep(run, last, **begun)
            if report is not None:
                report(last)
        child.wait(timeout=STOP_SECONDS)
    finally:
        done.set()
        watcher.join()
    if taken.is_set():
        raise RunTaken
    return {"stopped": True} if asked.is_set() and not (run.steps and run.step >= run.steps) else last


def _lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """The child's objects; what a library prints between them is passed over."""
    for line in stream:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict):
            yield said


def _begin(run: Run, said: dict[str, Any], on: str) -> dict[str, Any]:
    """Note how long the training is, and forget the steps after its checkpoint. Returns where it goes on, for `_keep`."""
    resumed = said.get("resumed", 0)
    if run.points.exists():
        run._write(summary={**run.summary, "resumed": [*run.summary.get("resumed", []), resumed]})
    run.points.filter(step__gt=resumed).delete()
    before = run.points.order_by("-step").values_list("seconds", flat=True).first()
    run._write(steps=said["steps"], step=resumed, device=on[:60])
    return {"resumed": resumed, "before": before or 0.0}


def _keep(run: Run, said: dict[str, Any], *, resumed: int = 0, before: float = 0.0) -> None:
    """A step's figures; `before` are the seconds that a process worked which got as far as the step `resumed`."""
    figures = {
        name: said[name] for name in ("loss", "learning_rate", "tokens_per_second", "memory_mb", "seconds")
    }
    figures["seconds"] += before
    RunPoint.objects.update_or_create(run=run, step=said["step"], defaults=figures)
    left = said["seconds"] / max(1, said["step"] - resumed) * (run.steps - said["step"])
    run._write(step=said["step"])
    if said["step"] % run.knobs["checkpoint_steps"] == 0:
        run._write(attempts=0)  # whoever gets on is not given up
    run.advance("train", 0.02 + 0.95 * said["step"] / max(1, run.steps), left)


def _died(status: int | None, errors: IO[str]) -> str:
    errors.seek(0)
    tail = "".join(deque(errors, TAIL)).strip()
    if status == -signal.SIGKILL:
        return (
            "The training process was killed, most likely because memory ran out. Use a smaller batch_size (with more "
            "accumulation), a smaller max_tokens or a lower rank; then resume."
        )
    logger.error("A training process ended with %s:\n%s", status, tail)
    return (
        f"The training process ended by itself: {tail.splitlines()[-1][:300] if tail else f'status {status}'}"
    )


def _end(child: subprocess.Popen[str]) -> None:
    """No training outlives its task, nor do those of its processes that torchrun gave a session of their own."""
    assert child.stdin is not None
    child.stdin.close()
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _publish(run: Run, trained: Path, last: dict[str, Any]) -> Adapter:
    """Put the adapter where the model host finds it, in one step, and remember it."""
    digest = hashlib.sha256((trained / "adapter_model.safetensors").read_bytes()).hexdigest()
    name = f"{run.course.slug[:60]}-{run.pk}"
    home = catalog.root() / "adapters"
    home.mkdir(parents=True, exist_ok=True)
    building = catalog.root() / f".adapter-{name}"
    shutil.rmtree(building, ignore_errors=True)
    shutil.copytree(trained, building)
    shutil.rmtree(home / name, ignore_errors=True)
    building.rename(home / name)
    losses = list(run.points.values_list("loss", flat=True))
    speeds = sorted(run.points.exclude(tokens_per_second=0).values_list("tokens_per_second", flat=True))
    with transaction.atomic():
        adapter, _ = Adapter.objects.update_or_create(
            name=name,
            defaults={
                "course": run.course,
                "run": run,
                "base": run.base,
                "sha256": digest,
                "retired_at": None,
            },
        )
        run._write(
            summary={
                **run.summary,
                "first_loss": losses[0] if losses else None,
                "last_loss": losses[-1] if losses else None,
                "tokens_per_second": speeds[len(speeds) // 2] if speeds else None,
                "memory_mb": last.get("memory_mb"),
                "examples": len(rows_of(run)),
            }
        )
    return adapter
