"""The model host's HTTP side. It knows no torch: that comes with the language model, once one is asked for."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tutor.llm import catalog, embeddings
from tutor.llm.host import protocol
from tutor.llm.host.protocol import BadRequest

if TYPE_CHECKING:
    from tutor.llm.host.completions import Completions

log = logging.getLogger(__name__)

MAX_TEXTS = 512  # of one embeddings request


class Host:
    """The models and the requests that are running on them."""

    def __init__(self, model: str, *, lazy: bool) -> None:
        """A lazy host loads the language model when the first request asks for it."""
        self.model = model
        self.lazy = lazy
        self.completions: Completions | None = None
        self.embeds = False
        self.failure = ""
        self.loading = threading.Lock()
        # Vectors are asked for while a student waits: threads of their own, off the engine's and the server's.
        self.embedding = ThreadPoolExecutor(2, thread_name_prefix="embeddings")

    def load(self) -> None:
        """Load the models that are needed from the start; what fails is told by /health."""
        try:
            if not self.lazy:
                self._completions()
            embeddings.embed(["warm"])
            self.embeds = True
        except Exception as error:
            log.exception("The models could not be loaded")
            self.failure = str(error) or type(error).__name__

    def _completions(self) -> Completions:
        """The language model, loaded by whoever comes first."""
        with self.loading:
            if self.completions is not None:
                return self.completions
            from tutor.llm.host import completions  # brings torch

            loaded = completions.Completions(catalog.path(self.model), catalog.root() / "adapters")
            self.completions = loaded
            return loaded

    def check_ready(self) -> None:
        """Raise BadRequest (503) until the models are loaded."""
        if not self.embeds:
            message = self.failure or "The model is being loaded; try again in a few seconds."
            raise BadRequest(message, code="not_ready", status=503)

    async def language_model(self) -> Completions:
        """The language model; the first request of a lazy host waits for it. Raises BadRequest (503)."""
        self.check_ready()
        if self.completions is not None:
            return self.completions
        try:
            return await asyncio.to_thread(self._completions)
        except (catalog.ModelMissing, OSError, RuntimeError) as error:
            log.exception("The language model could not be loaded")
            raise BadRequest(str(error), code="not_ready", status=503) from error

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions"""
        return await (await self.language_model()).chat(request, await _json(request))

    async def score(self, request: Request) -> Response:
        """POST /v1/score"""
        return await (await self.language_model()).score(request, await _json(request))

    async def embed(self, request: Request) -> Response:
        """POST /v1/embeddings"""
        self.check_ready()
        asked = protocol.embeddings_request(await _json(request), model=embeddings.MODEL)
        if not asked.texts or len(asked.texts) > MAX_TEXTS:
            raise BadRequest(f"input must hold between 1 and {MAX_TEXTS} texts.", "input")
        loop = asyncio.get_running_loop()
        vectors = await loop.run_in_executor(self.embedding, embeddings.embed, asked.texts)
        data = [
            {"object": "embedding", "index": i, "embedding": vector}
            for i, vector in enumerate(vectors.tolist())
        ]
        tokens = sum(embeddings.count_tokens(asked.texts))
        cost = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "model": asked.model, "data": data, "usage": cost})

    async def models(self, request: Request) -> Response:
        """GET /v1/models"""
        names = self.completions.engine.models() if self.completions else [self.model]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "lyceum"} for name in names]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, request: Request) -> Response:
        """GET /health: 200 when requests can be served."""
        state: dict[str, Any] = {
            "status": "ready" if self.embeds else "failed" if self.failure else "loading",
            "model": self.model,
        }
        if self.completions:
            engine = self.completions.engine
            state |= {"device": str(engine.device), "threads": engine.threads}
            state |= {"running": len(engine.running), "waiting": len(engine.waiting)}
        if self.failure:
            state["error"] = self.failure
        return JSONResponse(state, status_code=200 if self.embeds else 503)

    def app(self) -> Starlette:
        """The ASGI application; loading begins when it starts."""

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            threading.Thread(target=self.load, name="loading", daemon=True).start()
            yield
            if self.completions:
                self.completions.engine.stop()

        routes = [
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/score", self.score, methods=["POST"]),
            Route("/v1/embeddings", self.embed, methods=["POST"]),
        ]
        # No web page has any business here, whatever name it gives this machine.
        trusted = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        handlers: dict[Any, Any] = {BadRequest: _refuse, ClientDisconnect: _nobody}
        return Starlette(routes=routes, exception_handlers=handlers, middleware=[trusted], lifespan=lifespan)


async def _refuse(request: Request, error: BadRequest) -> Response:
    return JSONResponse(error.body(), status_code=error.status)


async def _nobody(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=499)


async def _json(request: Request) -> Any:
    if "origin" in request.headers:
        raise BadRequest("Web pages cannot use this host.", code="forbidden", status=403)
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}") from error


def serve(model: str, port: int, *, lazy: bool) -> None:
    """Serve on loopback until told to stop."""
    uvicorn.run(
        Host(model, lazy=lazy).app(),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
