"""The embedded model host: tokens a second, the first token cold and warm, embeddings beside generation, memory."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import aclosing
from statistics import median
from typing import Any

import httpx
import psutil

from bench.figures import Figure
from tutor.llm import embeddings, host
from tutor.llm.client import Message, stream_chat
from tutor.llm.models import Endpoint

SENTENCE = (
    "The flux of heat through a wall is proportional to the difference of temperature on its two sides. "
)
TOKENS = 48  # written by each stream


def figures() -> Iterator[Figure]:
    """Measure a host of our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    with host.running(f"http://127.0.0.1:{port}/v1") as url:
        yield Figure("host ready after its start", time.perf_counter() - began, "s")
        endpoint = Endpoint(name="Host", base_url=url, model="smollm2-135m-instruct", temperature=0)
        yield from asyncio.run(_all(endpoint, port))


async def _all(endpoint: Endpoint, port: int) -> list[Figure]:
    await _stream(endpoint, _question(0, 0), 8)  # the first pass of a process is slow
    cold = [await _first_token(endpoint, _question(n, 300, unlike=n)) for n in range(5)]
    await _first_token(endpoint, _question(100, 300))
    warm = [await _first_token(endpoint, _question(101 + n, 300)) for n in range(9)]
    found = [
        Figure("first token, prompt of 300 tokens, cold (p50)", median(cold), "s"),
        Figure("first token, prompt of 300 tokens, its beginning in the cache (p50)", median(warm), "s"),
    ]
    for streams in (1, 4, 16):
        rate = await _rate(endpoint, streams)
        found.append(Figure(f"tokens a second, {streams} streams together", rate, "tokens/s"))
    idle, beside = await _embeddings(endpoint)
    found.append(Figure("embedding a query over HTTP, host idle (p50)", idle * 1000, "ms"))
    found.append(
        Figure("embedding a query over HTTP, host writing 2 answers (p50)", beside * 1000, "ms", at_most=50)
    )
    found.append(
        Figure("stop to idle after a client leaves", await _stop(endpoint) * 1000, "ms", at_most=1000)
    )
    found.append(Figure("resident memory after all this", _resident(port), "MB"))
    return found


def _question(number: int, tokens: int, unlike: int | None = None) -> list[Message]:
    """A prompt of about so many tokens; `unlike` makes its beginning its own."""
    begin = "" if unlike is None else f"{unlike * 7919} is the number of this text. "
    material = begin + SENTENCE * (tokens // 19)
    asked = f"Question {number}: what does the text say about walls?"
    return [{"role": "system", "content": material or "Be brief."}, {"role": "user", "content": asked}]


async def _first_token(endpoint: Endpoint, messages: list[Message]) -> float:
    began = time.perf_counter()
    async with aclosing(stream_chat(endpoint, messages, max_tokens=4)) as stream:
        async for chunk in stream:
            if chunk.text:
                return time.perf_counter() - began
    raise RuntimeError("the host wrote nothing")


async def _stream(endpoint: Endpoint, messages: list[Message], tokens: int) -> int:
    async with aclosing(stream_chat(endpoint, messages, max_tokens=tokens)) as stream:
        last = [chunk async for chunk in stream][-1]
    return last.usage.completion if last.usage else 0


async def _rate(endpoint: Endpoint, streams: int) -> float:
    began = time.perf_counter()
    asks = [f"Tell story number {n} about heat, as long as you can." for n in range(streams)]
    written = await asyncio.gather(
        *(_stream(endpoint, [{"role": "user", "content": ask}], TOKENS) for ask in asks)
    )
    return sum(written) / (time.perf_counter() - began)


async def _embeddings(endpoint: Endpoint) -> tuple[float, float]:
    """p50 seconds of one query's vector while the host is idle, and while it writes."""
    async with httpx.AsyncClient() as client:

        async def once(n: int) -> float:
            body: dict[str, Any] = {
                "model": embeddings.MODEL,
                "input": [f"How does heat flow through wall {n}?"],
            }
            began = time.perf_counter()
            (await client.post(f"{endpoint.base_url}/embeddings", json=body)).raise_for_status()
            return time.perf_counter() - began

        await once(0)
        idle = [await once(n) for n in range(20)]
        stories = [[{"role": "user", "content": f"Write long story {n}."}] for n in range(2)]
        writing = [asyncio.ensure_future(_stream(endpoint, story, 400)) for story in stories]
        await asyncio.sleep(1)  # until both are under way
        beside = [await once(n) for n in range(20)]
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
    return median(idle), median(beside)


async def _stop(endpoint: Endpoint) -> float:
    """Seconds from leaving a stream until the host runs nothing."""
    story: list[Message] = [{"role": "user", "content": "Write a very long story."}]
    async with httpx.AsyncClient() as client:
        async with aclosing(stream_chat(endpoint, story, max_tokens=1000)) as stream:
            async for chunk in stream:
                if chunk.text:
                    break
        began = time.perf_counter()
        while (await client.get(endpoint.base_url.replace("/v1", "/health"))).json()["running"]:
            pass
        return time.perf_counter() - began


def _resident(port: int) -> float:
    """MB of the host's process, a child of this one."""
    for child in psutil.Process(os.getpid()).children():
        if str(port) in child.cmdline():
            return float(child.memory_info().rss / 1e6)
    raise RuntimeError("the host is not a child of this process")
