"""Threads for what would hold up the event loop: the stream's short looks at the database, and long work.

Searching and verifying run in the event loop's default threads and may queue there; no stop, lease or resume waits
behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")

SHORT = ThreadPoolExecutor(2, "stream")


def in_thread(work: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The same function, to be awaited while a thread does it."""
    waiting: Callable[P, Coroutine[Any, Any, R]] = database_sync_to_async(
        work, thread_sensitive=False, executor=SHORT
    )
    return waiting


def away(work: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The same for searching, verifying and other long work: in the event loop's default threads."""
    waiting: Callable[P, Coroutine[Any, Any, R]] = database_sync_to_async(work, thread_sensitive=False)
    return waiting
