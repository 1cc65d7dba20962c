"""Is everything alive? One list of findings, for the health page and for monitors."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection
from django.db.models import Min
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from kombu import Connection, Queue

from courses.models import Course, Material, Passage
from tutor.celery import QUEUES
from tutor.celery import app as celery_app
from tutor.chat import mailing
from tutor.jobs import Job, State
from tutor.llm.models import Endpoint
from tutor.studio import sandbox
from tutor.studio.models import Exercise

SANG, SENT = "canary:sang", "canary:sent"
QUIET = 300  # seconds without a canary after which the workers count as dead
OLD = timedelta(minutes=10)  # a job that waits longer is worth a look
OK, WARN, BAD = "ok", "warn", "bad"


@dataclass(frozen=True)
class Finding:
    """What one check found: a name, a state (ok, warn, bad), and words that say what to do if it is not ok."""

    name: str
    state: str
    words: str
    data: dict[str, Any] = field(default_factory=dict)


def canary_sang() -> None:
    """Called inside a worker, by the canary task."""
    cache.set(SANG, time.time(), 24 * 3600)


def send_canary() -> None:
    """Send the workers a canary, unless one is on its way."""
    from tutor.dashboard.tasks import canary

    if cache.add(SENT, time.time(), 30):
        canary.apply_async(retry=False)


def check_database() -> Finding:
    """The database answers."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = 1000 * (time.perf_counter() - started)
    return Finding("Database", OK, f"{connection.vendor} answers in {took:.1f} ms.", {"ms": round(took, 2)})


def check_cache() -> Finding:
    """What is written to the cache can be read back."""
    token = uuid.uuid4().hex
    cache.set("health", token, 30)
    if cache.get("health") != token:
        return Finding(
            "Cache", BAD, "What was written cannot be read back. Check REDIS_URL, or the free disk space."
        )
    return Finding("Cache", OK, "Redis." if settings.REDIS_URL else "On disk, in this machine.")


def check_channel_layer() -> Finding:
    """A message through the channel layer comes back."""
    layer = get_channel_layer()

    async def round_trip() -> bool:
        name = await layer.new_channel()
        await layer.send(name, {"type": "health"})
        return bool((await layer.receive(name))["type"] == "health")

    if not async_to_sync(round_trip)():
        return Finding(
            "Channel layer", BAD, "A message did not come back. Check REDIS_URL and restart the web process."
        )
    return Finding("Channel layer", OK, "Redis." if settings.REDIS_URL else "Inside the web process.")


def check_workers() -> Finding:
    """A worker ran the last canary, or is busy."""
    sang, now = cache.get(SANG), time.time()
    send_canary()
    busy = Material.objects.filter(
        state=State.RUNNING, heartbeat_at__gt=timezone.now() - timedelta(seconds=30)
    ).count()
    data = {"seconds_since_canary": round(now - sang) if sang else None, "busy": busy}
    if sang and now - sang < QUIET:
        return Finding("Workers", OK, f"A worker answered {ago(now - sang)} ago.", data)
    if busy:
        return Finding("Workers", OK, "A worker is busy reading material.", data)
    first = cache.get(SENT)
    if first and now - first < 20:
        return Finding(
            "Workers",
            WARN,
            "A canary has just been sent; no worker has answered yet. Reload in a moment.",
            data,
        )
    return Finding(
        "Workers", BAD, "No worker answers. Start `manage.py serve`, or look at the worker's log.", data
    )


def check_jobs() -> Finding:
    """How much work of every kind waits, for how long, and what failed."""
    kinds = [model._default_manager for model in apps.get_models() if issubclass(model, Job)]
    queued = [jobs.filter(state=State.QUEUED) for jobs in kinds]
    since = [oldest for jobs in queued if (oldest := jobs.aggregate(oldest=Min("queued_at"))["oldest"])]
    count = sum(jobs.count() for jobs in queued)
    day = timezone.now() - timedelta(days=1)
    failed = sum(jobs.filter(state=State.FAILED, finished_at__gt=day).count() for jobs in kinds)
    age = timezone.now() - min(since) if since else timedelta()
    data = {"waiting": count, "oldest_seconds": round(age.total_seconds()), "failed_today": failed}
    words = f"{count} waiting, {failed} failed in the last day."
    if age > OLD:
        words += f" The oldest has waited {ago(age.total_seconds())}: more workers may be needed."
        return Finding("Jobs", WARN, words, data)
    return Finding("Jobs", OK, words, data)


def check_broker() -> Finding:
    """How many messages lie in each queue."""
    with celery_app.connection_for_read(connect_timeout=3) as broker:
        broker.ensure_connection(max_retries=1, timeout=5)
        lengths = {name: waiting_in(broker, name) for name in QUEUES}
    words = ", ".join(f"{name} {length}" for name, length in lengths.items())
    return Finding("Queues", OK, f"Messages that wait: {words}.", {"queues": lengths})


def waiting_in(broker: Connection, queue: str) -> int:
    """Messages in a queue that no worker took; 0 where the queue was never used."""
    with broker.channel() as channel:
        try:
            found: Any = Queue(queue).bind(channel).queue_declare(passive=True)
            return int(found.message_count)
        except broker.channel_errors:
            return 0


def check_mail() -> Finding:
    """Mail goes out."""
    if not mailing.there_is_a_server():
        return Finding("Mail", OK, "No mail server is set (EMAIL_HOST); replies are shown in the pages.")
    late = mailing.due().filter(created__lt=timezone.now() - OLD).count()
    if late:
        return Finding(
            "Mail",
            WARN,
            f"{late} mails wait: does {settings.EMAIL_HOST} answer? See the worker's log.",
            {"late": late},
        )
    return Finding("Mail", OK, f"Nothing waits for {settings.EMAIL_HOST}.", {"late": 0})


def check_disk() -> Finding:
    """There is room for data."""
    total, _, free = shutil.disk_usage(settings.DATA_DIR)
    data = {"free": free, "total": total}
    words = f"{filesizeformat(free)} of {filesizeformat(total)} free."
    if free < 512 * 1024**2:
        return Finding(
            "Disk", BAD, f"{words} Uploads and the database will fail soon: free some space.", data
        )
    if free < max(0.05 * total, settings.UPLOAD_MAX_BYTES):
        return Finding("Disk", WARN, f"{words} That is less than one upload of the largest size takes.", data)
    return Finding("Disk", OK, words, data)


def check_files() -> Finding:
    """Uploaded files can be stored."""
    if isinstance(storages["default"], FileSystemStorage):
        folder = settings.MEDIA_ROOT
        os.makedirs(folder, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return Finding(
                "Files", BAD, f"{folder} cannot be written to. Give it to the user that runs Lyceum."
            )
        return Finding("Files", OK, "On this machine.")
    storages["default"].exists("health")
    return Finding("Files", OK, "The object storage answers.")


def check_host() -> Finding:
    """The embedded model host answers, if anything needs it."""
    url = settings.HOST_URL.removesuffix("/v1") + "/health"
    try:
        answer = httpx.get(url, timeout=3)
    except httpx.HTTPError:
        needed = settings.EMBEDDINGS == "host" or Endpoint.objects.default().embedded
        words = f"It does not answer at {settings.HOST_URL}. `manage.py serve` starts it; see its lines in the log."
        return Finding(
            "Model host", BAD if needed else OK, words if needed else "Not running, and not needed here."
        )
    if answer.status_code != 200:
        return Finding(
            "Model host",
            WARN,
            f"It answers with status {answer.status_code}: it may still be loading its model.",
        )
    data = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    return Finding(
        "Model host", OK, f"Answers at {settings.HOST_URL}.", data if isinstance(data, dict) else {}
    )


def check_endpoints() -> Finding:
    """What the last tests of the endpoints found."""
    last = {
        endpoint.pk: cache.get(f"endpoint-check:{endpoint.pk}") for endpoint in Endpoint.objects.enabled()
    }
    bad = [found for found in last.values() if found and found["problem"]]
    tested = sum(found is not None for found in last.values())
    if bad:
        return Finding("Endpoints", WARN, " ".join(found["problem"] for found in bad))
    return Finding("Endpoints", OK, f"{len(last)} in use, {tested} tested lately without a problem.")


def check_index() -> Finding:
    """Every passage in use can be found by meaning."""
    waiting = Passage.objects.filter(
        vector=None, material__state=State.DONE, material__superseded=False
    ).count()
    data = {"courses": Course.objects.count(), "passages": Passage.objects.count(), "without_vector": waiting}
    if waiting:
        words = (
            f"{waiting} passages have no vector; retry their materials so that they can be found by meaning."
        )
        return Finding("Index", WARN, words, data)
    return Finding(
        "Index", OK, f"{data['passages']} passages in {data['courses']} courses, all with vectors.", data
    )


def check_sandbox() -> Finding:
    """Programs of exercises can be run, if there are any exercises."""
    if not Exercise.objects.exists():
        return Finding("Sandbox", OK, "Not needed: no course has coding exercises.")
    try:
        sandbox.ready()
    except sandbox.SandboxMissing as error:
        return Finding("Sandbox", WARN, str(error))
    return Finding("Sandbox", OK, "It holds on this machine. On others, `manage.py exercises check` tells.")


CHECKS: dict[str, Callable[[], Finding]] = {
    "Database": check_database,
    "Cache": check_cache,
    "Channel layer": check_channel_layer,
    "Workers": check_workers,
    "Jobs": check_jobs,
    "Queues": check_broker,
    "Mail": check_mail,
    "Disk": check_disk,
    "Files": check_files,
    "Model host": check_host,
    "Endpoints": check_endpoints,
    "Index": check_index,
    "Sandbox": check_sandbox,
}


def findings() -> list[Finding]:
    """Every check's finding. A check that itself breaks is a finding too."""
    found = []
    for name, check in CHECKS.items():
        try:
            found.append(check())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a service is what this page shows
            found.append(Finding(name, BAD, f"The check failed: {type(error).__name__}: {error}"))
    return found


def as_json(found: list[Finding]) -> dict[str, Any]:
    """The findings for a monitor; `state` is the worst of them."""
    worst = max((finding.state for finding in found), key=[OK, WARN, BAD].index, default=OK)
    return {"state": worst, "checks": [asdict(finding) for finding in found]}


def ago(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
