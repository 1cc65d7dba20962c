"""`manage.py serve`: the web process, the workers and the model host, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import sys
from argparse import ArgumentParser
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tutor.accounts.demo import DEMO_USERS
from tutor.supervisor import Program, Supervisor


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, "-u", *arguments]


class Command(BaseCommand):
    help = "Serve Lyceum: web, workers and the embedded model host, in one command. Ctrl-C stops all of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--bind", default="127.0.0.1", help="address to listen on; 0.0.0.0 is every one of this machine"
        )
        parser.add_argument(
            "--workers", type=int, default=1, help="web processes; more than one need REDIS_URL"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bind, port, workers = options["bind"], options["port"], options["workers"]
        self.refuse(bind, port, workers)
        programs = self.programs(bind, port, workers)
        self.say("Starting " + ", ".join(program.name for program in programs) + " …")
        shown = "localhost" if is_loopback(bind) or bind == "0.0.0.0" else bind
        Supervisor(programs, self.say, lambda: self.welcome(f"http://{shown}:{port}")).run()
        self.say("Stopped.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def refuse(self, bind: str, port: int, workers: int) -> None:
        """Refuse, with what to do, whatever would fail a moment later."""
        if settings.DEMO and not is_loopback(bind):
            raise CommandError(
                "The demo's passwords are public, so with LYCEUM_DEMO=1 only this machine may reach Lyceum. "
                "Set LYCEUM_DEMO=0 and create people of your own (manage.py createsuperuser), or leave --bind away."
            )
        if workers > 1 and not settings.REDIS_URL:
            raise CommandError(
                "Several web processes find each other through Redis: set REDIS_URL, or use --workers 1."
            )
        if not is_free(bind, port):
            raise CommandError(
                f"Port {port} is taken by another program. Stop it, or choose another port: make run PORT={port + 10}"
            )
        if self.hosts_models() and not is_free("127.0.0.1", settings.HOST_PORT):
            raise CommandError(
                f"Port {settings.HOST_PORT}, which the model host uses, is taken by another program. "
                f"Stop it, or choose another port for the model host: HOST_PORT={settings.HOST_PORT + 10} make run"
            )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date. Run first: python manage.py migrate")
        connection.close()

    def hosts_models(self) -> bool:
        """Whether the model host is ours to start: it is unless HOST_URL names one elsewhere."""
        url = urlsplit(settings.HOST_URL)
        return is_loopback(url.hostname or "") and url.port == settings.HOST_PORT

    def programs(self, bind: str, port: int, workers: int) -> list[Program]:
        """What is to run, each with as many threads as leave the others room."""
        cores = os.cpu_count() or 1
        jobs = min(2, cores)
        environment = {
            "SITE_URL": f"http://localhost:{port}",  # unless the environment says otherwise
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tutor.settings",
            "PYTHONUNBUFFERED": "1",
            "TOKENIZERS_PARALLELISM": "false",
            # true on every start, and nothing a person could act on
            "PYTHONWARNINGS": "ignore:StreamingHttpResponse must consume,ignore:You're running the worker",
        }

        def threads(count: int) -> dict[str, str]:
            return {**environment, "OMP_NUM_THREADS": str(count), "MKL_NUM_THREADS": str(count)}

        celery = [
            "-m",
            "celery",
            "--quiet",
            "-A",
            "tutor",
            "worker",
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
        schedule = settings.DATA_DIR / "schedule"
        programs = [
            Program(
                "web",
                python(
                    "-m", "uvicorn", "tutor.asgi:application", "--host", bind, "--port", str(port),
                    "--workers", str(workers), "--no-access-log", "--log-level", "warning", "--lifespan", "on",
                    "--timeout-graceful-shutdown", "2", "--ws-max-size", "65536", "--ws-per-message-deflate", "false",
                ),
                {**threads(1), "EMBEDDINGS": "host"},
                health=f"http://{'127.0.0.1' if bind == '0.0.0.0' else bind}:{port}/accounts/login/",
            ),
            Program(
                "worker",
                python(*celery, "-Q", "ingest,coach", "-n", "worker@%h", "--concurrency", str(jobs)),
                threads(max(1, cores // jobs)),
                stop_signal=signal.SIGQUIT,  # at once: what it was working on is queued again from its row
            ),
            Program(
                "trainer",  # the training itself is a child of its own, with all threads
                python(*celery, "-Q", "train", "-n", "trainer@%h", "--pool", "solo"),
                {**threads(1), "EMBEDDINGS": "host"},
                stop_signal=signal.SIGKILL,  # asked nicely, Celery's solo pool fails the task; killed, the next one resumes it
            ),
            Program(
                "maintenance",
                python(*celery, "-Q", "maintenance", "-n", "maintenance@%h", "--pool", "solo", "-B", "-s", str(schedule)),
                {**threads(1), "EMBEDDINGS": "host"},
            ),
        ]  # fmt: skip
        if self.hosts_models():
            # With an endpoint elsewhere the host's embeddings are wanted, its language model perhaps never.
            lazy = ["--lazy"] if settings.LLM_BASE_URL else []
            programs.append(
                Program(
                    "models",
                    python("-m", "tutor.llm.host", "--port", str(settings.HOST_PORT), *lazy),
                    threads(cores),
                    health=f"http://127.0.0.1:{settings.HOST_PORT}/health",
                )
            )
        return programs

    def welcome(self, url: str) -> None:
        """Say where Lyceum is and, in the demo, who may sign in."""
        lines = ["", f"  Lyceum is ready: {url}", ""]
        if settings.DEMO:
            lines += ["  Sign in to the demo as", ""]
            lines += [f"    {person.email:<28} password {person.password}" for person in DEMO_USERS]
            lines.append("")
        lines += ["  Ctrl-C stops everything.", ""]
        self.say("\n".join(lines))
