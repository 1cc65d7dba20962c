"""A scripted endpoint: a real HTTP server, in a process of its own, that speaks the OpenAI protocol as it is told to.

    with Scripted() as server:
        server.script(Answer("Heat flows from hot to cold."), Answer(status=503))
        ... server.url is the base URL, server.endpoint() an Endpoint for it ...
        server.requests()                 # what came in, and what became of each
        server.wait("disconnected")       # until a client has closed its connection

Each request takes the next answer; the last stays. An answer with `when` is given to every request whose last message
holds those words. The file needs only the standard library, because it is also the server's program.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutor.llm.models import Endpoint


@dataclass
class Answer:
    """What the endpoint does with one request. Delays are seconds; `…_after` counts pieces sent before it happens."""

    text: str = "This is the scripted answer."
    pieces: list[str] | None = None  # otherwise the text, word by word
    first_delay: float = 0.0
    delay: float = 0.0
    status: int = 200
    error: str = ""  # the message of an error status
    headers: dict[str, str] = field(default_factory=dict)
    die_after: int | None = None  # the connection is reset
    end_after: int | None = None  # the stream ends properly, but without finish_reason and [DONE]
    malformed_after: int | None = None
    error_after: int | None = None  # an error object inside the stream
    hold_after: int | None = None  # goes on when `release` is called
    streams: bool = True  # False: answers a stream request with one JSON object
    usage: bool = True
    finish: str = "stop"
    raw: str | None = None  # this body, whatever was asked
    refuses: list[str] = field(default_factory=list)  # parameters that are answered with status 400
    when: str = ""

    def cut(self) -> list[str]:
        return self.pieces if self.pieces is not None else re.findall(r"\S+\s*", self.text)


@dataclass
class Record:
    """One request: what was asked, what was sent (monotonic times of the pieces), what became of it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    state: str = "running"  # done | disconnected | died | failed
    times: list[float] = field(default_factory=list)


class Scripted:
    """The server, as a context manager in the test's process."""

    def __init__(self, *answers: Answer, models: tuple[str, ...] = ("scripted",)) -> None:
        self.models = list(models)
        self.first = answers

    def __enter__(self) -> Scripted:
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdout=subprocess.PIPE, stdin=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self._call("/control/models", self.models)
        self.script(*(self.first or [Answer()]))
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def endpoint(self, **fields: Any) -> Endpoint:
        """An unsaved Endpoint row for this server."""
        from tutor.llm.models import Endpoint

        return Endpoint(
            **{"name": "Scripted", "base_url": self.url, "model": self.models[0], "timeout": 10, **fields}
        )

    def script(self, *answers: Answer) -> None:
        """Give these answers from now on; what was recorded is forgotten."""
        self._call("/control/script", [asdict(answer) for answer in answers])

    def requests(self) -> list[Record]:
        """The chat requests so far."""
        return [Record(**row) for row in self._call("/control/requests")]

    def release(self) -> None:
        """Let held answers go on."""
        self._call("/control/release", {})

    def wait(self, state: str, count: int = 1, seconds: float = 10) -> None:
        """Until `count` requests are in the state; raises TimeoutError."""
        if not self._call("/control/wait", {"state": state, "count": count, "seconds": seconds}):
            raise TimeoutError(f"No {count} requests were {state} within {seconds} s: {self.requests()}")

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


class Server:
    """The server's side."""

    def __init__(self) -> None:
        self.answers = [Answer()]
        self.models = ["scripted"]
        self.records: list[Record] = []
        self.changed = asyncio.Condition()
        self.released = asyncio.Event()

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await asyncio.get_running_loop().run_in_executor(
                None, sys.stdin.read
            )  # until the test's process ends

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket_ = writer.get_extra_info("socket")
        socket_.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (
                (line := await reader.readline()).rstrip().endswith(b"HTTP/1.1")
            ):  # anything else is hung up on
                path = line.split()[1].decode()
                headers = {}
                while (header := (await reader.readline()).strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                await self.route(path, headers, json.loads(raw) if raw else None, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def route(
        self,
        path: str,
        headers: dict[str, str],
        body: Any,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if path == "/v1/models":
            await self.reply(
                writer, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            )
        elif path == "/v1/chat/completions":
            await self.chat(Record(path, headers, body), reader, writer)
        elif path in ("/v1/load_lora_adapter", "/v1/unload_lora_adapter"):  # as vLLM has it
            self.records.append(Record(path, headers, body, "told"))
            answer = self.answers[0]
            if answer.status == 200 and "/load_" in path:
                self.models.append(body["lora_name"])
            elif answer.status == 200:
                self.models.remove(body["lora_name"])
            await self.reply(writer, {"error": {"message": answer.error}}, answer.status)
        elif path.startswith("/control/"):
            await self.reply(writer, await self.control(path.rsplit("/", 1)[1], body))
        else:
            await self.reply(writer, {"error": {"message": "no such address"}}, 404)

    async def control(self, what: str, body: Any) -> Any:
        if what == "script":
            self.answers, self.records = [Answer(**answer) for answer in body], []
            self.released = asyncio.Event()
        elif what == "models":
            self.models = body
        elif what == "release":
            self.released.set()
        elif what == "requests":
            return [asdict(record) for record in self.records]
        elif what == "wait":
            enough = lambda: sum(record.state == body["state"] for record in self.records) >= body["count"]  # noqa: E731
            try:
                async with self.changed:
                    await asyncio.wait_for(self.changed.wait_for(enough), body["seconds"])
            except TimeoutError:
                return False
        return True

    def choose(self, body: dict[str, Any]) -> Answer:
        words = str(body["messages"][-1]["content"])
        for answer in self.answers:
            if answer.when and answer.when in words:
                return answer
        plain = [answer for answer in self.answers if not answer.when]
        if len(plain) > 1:
            self.answers.remove(plain[0])
        return plain[0] if plain else Answer(status=500, error="nothing is scripted for this request")

    async def chat(self, record: Record, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.records.append(record)
        async with self.changed:
            self.changed.notify_all()
        answer = self.choose(record.body)
        work = asyncio.ensure_future(self.perform(record, answer, writer))
        # A client that waits for its answer sends nothing, so the first byte or end to be read is its going away.
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                record.state = work.result()
            else:
                work.cancel()
                record.state = "disconnected"
        except ConnectionError:
            record.state = "disconnected"
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            async with self.changed:
                self.changed.notify_all()
        if record.state != "done":
            raise ConnectionAbortedError

    async def perform(self, record: Record, answer: Answer, writer: asyncio.StreamWriter) -> str:
        await asyncio.sleep(answer.first_delay)
        refused = [name for name in answer.refuses if name in record.body]
        if refused:
            await self.reply(writer, {"error": {"message": f"Unsupported parameter: {refused[0]}"}}, 400)
            return "done"
        if answer.status != 200:
            await self.reply(writer, {"error": {"message": answer.error}}, answer.status, answer.headers)
            return "done"
        if answer.raw is not None:
            await self.reply(writer, answer.raw, 200, answer.headers)
            return "done"
        if not (record.body.get("stream") and answer.streams):
            return await self.whole(record, answer, writer)
        return await self.stream(record, answer, writer)

    async def whole(self, record: Record, answer: Answer, writer: asyncio.StreamWriter) -> str:
        pieces = answer.cut()
        if answer.hold_after is not None:
            await self.released.wait()
        await asyncio.sleep(answer.delay * len(pieces))
        if answer.die_after is not None:
            writer.transport.abort()
            return "died"
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": "".join(pieces)},
            "finish_reason": answer.finish,
        }
        body = {"id": "1", "object": "chat.completion", "model": record.body["model"], "choices": [choice]}
        if answer.usage:
            body["usage"] = self.usage(record, len(pieces))
        await self.reply(writer, body)
        return "done"

    async def stream(self, record: Record, answer: Answer, writer: asyncio.StreamWriter) -> str:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        pieces = answer.cut()
        for sent, piece in enumerate([*pieces, None]):
            if sent == answer.hold_after:
                await self.released.wait()
            if sent == answer.die_after:
                await writer.drain()
                writer.transport.abort()
                return "died"
            if sent == answer.malformed_after:
                self.event(writer, '{"choices": [{"del')
            if sent == answer.error_after:
                self.event(writer, {"error": {"message": answer.error or "the model has gone away"}})
            if sent == answer.end_after:
                self.end(writer)
                return "done"
            if piece is None:
                break
            record.times.append(time.monotonic())
            self.event(
                writer,
                self.chunk(
                    record, {"role": "assistant", "content": piece} if not sent else {"content": piece}
                ),
            )
            await writer.drain()
            if answer.delay:
                await asyncio.sleep(answer.delay)
        self.event(writer, self.chunk(record, {}, answer.finish))
        if answer.usage and (record.body.get("stream_options") or {}).get("include_usage"):
            last = self.chunk(record, {})
            self.event(writer, {**last, "choices": [], "usage": self.usage(record, len(pieces))})
        self.event(writer, "[DONE]")
        self.end(writer)
        await writer.drain()
        return "done"

    def chunk(self, record: Record, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "1",
            "object": "chat.completion.chunk",
            "model": record.body["model"],
            "choices": [choice],
        }

    def usage(self, record: Record, completion: int) -> dict[str, int]:
        prompt = sum(len(str(message["content"]).split()) for message in record.body["messages"])
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def event(self, writer: asyncio.StreamWriter, event: dict[str, Any] | str) -> None:
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        data = f"data: {text}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"0\r\n\r\n")

    async def reply(
        self,
        writer: asyncio.StreamWriter,
        body: Any,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        lines = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + raw)
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(Server().serve())
