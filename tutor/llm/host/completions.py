"""The language model behind the host's HTTP side: chat completions, and scores of given answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tutor.llm.host import protocol
from tutor.llm.host.adapters import AdapterUnusable
from tutor.llm.host.engine import Engine, Output, Sequence
from tutor.llm.host.protocol import Answer, BadRequest, ChatRequest
from tutor.llm.host.writing import Grammar, Sampler, SchemaUnusable, Text

DEFAULT_MAX_TOKENS = 512
MAX_WAITING = 256  # requests; more are told to come back
PATIENCE = 10.0  # seconds of waiting in the queue between two signs of life


class Completions:
    """An engine and the requests that are running on it."""

    def __init__(self, folder: Path, adapters: Path) -> None:
        """Load the model, which takes seconds."""
        self.engine = Engine(folder, adapters)
        self.engine.start()
        self.preparing = ThreadPoolExecutor(2, thread_name_prefix="preparing")
        self.open = 0

    async def chat(self, request: Request, body: Any) -> Response:
        """POST /v1/chat/completions"""
        engine = self.engine
        asked = protocol.chat_request(body)
        if self.open >= MAX_WAITING:
            raise BadRequest(
                "Too many requests are waiting; try again in a moment.", code="overloaded", status=429
            )
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Output] = asyncio.Queue()

        emit = partial(_post, loop, arrived)
        sequence = await loop.run_in_executor(self.preparing, partial(self._sequence, engine, asked, emit))
        answer = Answer(asked.model)
        if asked.stream:
            events = self._events(engine, asked, sequence, arrived, answer)
            return StreamingResponse(
                events, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
            )
        return await _unless_gone(request, self._whole(engine, asked, sequence, arrived, answer))

    def _sequence(self, engine: Engine, asked: ChatRequest, emit: Callable[[Output], None]) -> Sequence:
        prompt = _prompt(engine, asked.messages)
        grammar = None
        if asked.constrained:
            try:
                grammar = Grammar(engine.grammar_tokenizer, asked.schema)
            except SchemaUnusable as error:
                raise BadRequest(str(error), "response_format") from error
        return Sequence(
            prompt=prompt,
            emit=emit,
            max_tokens=min(asked.max_tokens or DEFAULT_MAX_TOKENS, engine.capacity - len(prompt)),
            sampler=Sampler(asked.sampling, grammar, engine.device),
            text=Text(engine.tokenizer.backend_tokenizer, asked.stop),
            adapter=_adapter(engine, asked.model),
        )

    async def _outputs(
        self, engine: Engine, sequence: Sequence, arrived: asyncio.Queue[Output]
    ) -> AsyncGenerator[Output]:
        """What the engine brings; leaving early takes the sequence off it."""
        self.open += 1
        try:
            engine.submit(sequence)
            while True:
                try:
                    output = await asyncio.wait_for(arrived.get(), PATIENCE)
                except TimeoutError:
                    if sequence.row is None:
                        yield Output()  # still in the queue: a sign of life
                    continue
                if output.error:
                    raise BadRequest(output.error, code="failed", status=500)
                yield output
                if output.finish:
                    return
        finally:
            self.open -= 1
            sequence.gone = True

    async def _events(
        self,
        engine: Engine,
        asked: ChatRequest,
        sequence: Sequence,
        arrived: asyncio.Queue[Output],
        answer: Answer,
    ) -> AsyncIterator[str]:
        yield _event(answer.chunk({"role": "assistant", "content": ""}))
        try:
            async with aclosing(self._outputs(engine, sequence, arrived)) as outputs:
                async for output in outputs:
                    if output.text or (output.choices and asked.sampling.top_logprobs is not None):
                        yield _event(
                            answer.chunk({"content": output.text}, None, _logprobs(engine, asked, [output]))
                        )
                    if output.finish:
                        yield _event(answer.chunk({}, output.finish))
                    elif sequence.row is None:
                        yield ": waiting\n\n"
        except BadRequest as error:
            yield _event(error.body())
            return
        if asked.include_usage:
            yield _event(answer.closing(_usage(sequence)))
        yield "data: [DONE]\n\n"

    async def _whole(
        self,
        engine: Engine,
        asked: ChatRequest,
        sequence: Sequence,
        arrived: asyncio.Queue[Output],
        answer: Answer,
    ) -> Response:
        async with aclosing(self._outputs(engine, sequence, arrived)) as stream:
            outputs = [output async for output in stream]
        text = "".join(output.text for output in outputs)
        logprobs = _logprobs(engine, asked, outputs)
        return JSONResponse(answer.whole(text, outputs[-1].finish or "stop", logprobs, _usage(sequence)))

    # Scores of given answers

    async def score(self, request: Request, body: Any) -> Response:
        """POST /v1/score: the log probability of each option as the whole answer, and its number of tokens."""
        engine = self.engine
        asked = protocol.score_request(body)
        prompt = _prompt(engine, asked.messages)
        adapter = await asyncio.get_running_loop().run_in_executor(
            self.preparing, _adapter, engine, asked.model
        )
        first, *rest = asked.options
        work = self._score_all(engine, prompt, adapter, first, rest)
        return await _unless_gone(request, work)

    async def _score_all(
        self, engine: Engine, prompt: list[int], adapter: str, first: str, rest: list[str]
    ) -> Response:
        # The first option leaves the prompt in the cache for the others.
        scored = [await self._score(engine, prompt, adapter, first)]
        scored += await asyncio.gather(*(self._score(engine, prompt, adapter, option) for option in rest))
        data = [
            {"index": i, "option": option, "logprob": sum(scores), "tokens": len(scores)}
            for i, (option, scores) in enumerate(zip([first, *rest], scored, strict=True))
        ]
        cost = protocol.usage(len(prompt), sum(len(scores) for scores in scored))
        return JSONResponse({"object": "list", "model": engine.name, "data": data, "usage": cost})

    async def _score(self, engine: Engine, prompt: list[int], adapter: str, option: str) -> list[float]:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Output] = asyncio.Queue()
        tokens = prompt + engine.tokenizer(option, add_special_tokens=False).input_ids
        _check_length(engine, len(tokens))
        sequence = Sequence(
            prompt=tokens,
            emit=partial(_post, loop, arrived),
            adapter=adapter,
            score_from=len(prompt),
        )
        async with aclosing(self._outputs(engine, sequence, arrived)) as outputs:
            async for output in outputs:
                return output.scores
        return []


def _post(loop: asyncio.AbstractEventLoop, arrived: asyncio.Queue[Output], output: Output) -> None:
    """From the engine's thread to the loop, unless the server is stopping."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(arrived.put_nowait, output)


async def _unless_gone(request: Request, work: Awaitable[Response]) -> Response:
    """The response, or an end to the work as soon as the client has left."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _prompt(engine: Engine, messages: list[dict[str, str]]) -> list[int]:
    """The tokens of the chat, up to where the assistant speaks; raises BadRequest if they are too many."""
    clean = [
        {**message, "content": _plain(message["content"], engine.tokenizer.all_special_tokens)}
        for message in messages
    ]
    text = engine.tokenizer.apply_chat_template(clean, add_generation_prompt=True, tokenize=False)
    tokens: list[int] = engine.tokenizer(text, add_special_tokens=False).input_ids
    _check_length(engine, len(tokens))
    return tokens


def _plain(text: str, special: list[str]) -> str:
    """Text without the model's own marks, so that nobody can put words into another's mouth."""
    while any(mark in text for mark in special):
        for mark in special:
            text = text.replace(mark, "")
    return text


def _check_length(engine: Engine, tokens: int) -> None:
    if tokens >= engine.capacity:
        raise BadRequest(
            f"This model's maximum context length is {engine.capacity} tokens; the messages have {tokens}. Shorten them.",
            "messages",
            "context_length_exceeded",
        )


def _adapter(engine: Engine, model: str) -> str:
    """The key of the adapter that the model name means, "" for the model itself; raises BadRequest."""
    if model == engine.name:
        return ""
    if model not in engine.models():
        known = ", ".join(engine.models())
        raise BadRequest(f"No model is called {model!r}. There are: {known}", "model", "model_not_found", 404)
    try:
        return engine.adapter(model)
    except AdapterUnusable as error:
        raise BadRequest(str(error), "model", "adapter_unusable") from error


def _usage(sequence: Sequence) -> dict[str, Any]:
    return protocol.usage(len(sequence.prompt), sequence.written, sequence.reused)


def _logprobs(engine: Engine, asked: ChatRequest, outputs: list[Output]) -> dict[str, Any] | None:
    if asked.sampling.top_logprobs is None:
        return None
    word = engine.tokenizer.convert_ids_to_tokens
    decode = engine.tokenizer.convert_tokens_to_string

    def entry(token: int, logprob: float | None) -> dict[str, Any]:
        text = decode([word(token)])
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    content = []
    for choice in (choice for output in outputs for choice in output.choices):
        top = [entry(token, logprob) for token, logprob in choice.top]
        content.append({**entry(choice.token, choice.logprob), "top_logprobs": top})
    return {"content": content}


def _event(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
