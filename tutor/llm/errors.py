"""What can go wrong with an endpoint, in words that tell the person what to do."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import httpx

from tutor.llm.models import Endpoint


class EndpointError(Exception):
    """A request to an endpoint failed; the message is for people.

    `kind`: dns, refused, tls, timeout, connection, key, model, context, request, redirect, rate, server, cut, malformed,
    constraint, schema. `detail` is what the server itself said, without the key. `spent` are the tokens of prompts and
    of answers that were of no use.
    """

    def __init__(self, kind: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.detail = detail
        self.spent = (0, 0)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.kind in {"refused", "connection", "rate", "server"}


def explain(endpoint: Endpoint, error: Exception, *, begun: bool = False) -> EndpointError:
    """Words for a transport error; `begun` when part of the answer had arrived."""
    name, url = endpoint.name, endpoint.base_url
    causes = list(_causes(error))
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return EndpointError("request", f"The address of {name} is not a web address: {url}")
    if isinstance(error, httpx.ConnectTimeout):
        return EndpointError(
            "timeout", f"{name} at {url} does not answer. Check the address and any firewall between."
        )
    if isinstance(error, httpx.TimeoutException):
        return EndpointError(
            "timeout",
            f"{name} was silent for {endpoint.timeout} s. It may be overloaded; or allow it more time.",
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        host = httpx.URL(url).host
        return EndpointError(
            "dns", f"The name {host} in the address of {name} is not known. Check its spelling."
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or str(cause)
            return EndpointError(
                "tls",
                f"{name} has no TLS connection to offer that can be trusted ({reason}). Check https and its certificate.",
            )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or isinstance(
        error, httpx.ConnectError
    ):
        what = (
            "Start it, or wait until it is ready"
            if endpoint.embedded
            else "Check that it runs and on which port"
        )
        return EndpointError("refused", f"Nothing listens at {url} ({name}). {what}.")
    if begun:
        return EndpointError("cut", f"The connection to {name} broke in the middle of its answer. Ask again.")
    return EndpointError("connection", f"The connection to {name} broke ({type(error).__name__}). Try again.")


def from_response(
    endpoint: Endpoint, status: int, body: str, key: str = "", location: str = ""
) -> EndpointError:
    """Words for an HTTP error status, or for an error object inside a stream (status 200)."""
    detail = _said(body)
    if key:
        detail = detail.replace(key, "…")
    name, lower, quoted = endpoint.name, detail.lower(), f": {detail}" if detail else ""
    if 300 <= status < 400:
        return EndpointError(
            "redirect",
            f"{name} redirects to {location or 'another address'}; redirects are not followed. Enter that address.",
        )
    if status in {401, 403}:
        return EndpointError("key", f"{name} refused the API key{quoted}. Enter a valid one.", detail)
    if "context" in lower and (
        "length" in lower or "long" in lower or "window" in lower or "exceed" in lower
    ):
        return EndpointError("context", f"The prompt is too long for {endpoint.model}{quoted}", detail)
    if status == 404 and ("model" in lower or not detail):
        return EndpointError(
            "model",
            f"{name} has no model {endpoint.model!r} at {endpoint.base_url}{quoted}. Test it to see which it has.",
            detail,
        )
    if status == 404:
        return EndpointError(
            "request", f"{name} knows no such address{quoted}. It usually ends in /v1.", detail
        )
    if status == 429:
        return EndpointError(
            "rate", f"{name} is over its limit{quoted}. Wait a moment, or raise the limit there.", detail
        )
    if status >= 500 or status == 200:
        return EndpointError(
            "server", f"{name} failed{quoted or f' with status {status}'}. Its own log says more.", detail
        )
    return EndpointError("request", f"{name} refused the request ({status}){quoted}", detail)


def _said(body: str) -> str:
    """The message inside an error body, in the shapes that servers use."""
    try:
        said = json.loads(body)
    except ValueError:
        return "" if body.lstrip().startswith("<") else body.strip()[:300]
    while isinstance(said, dict):
        said = next((said[name] for name in ("error", "message", "detail") if said.get(name)), "")
    return str(said)[:300]


def _causes(error: BaseException) -> Iterator[BaseException]:
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [inner for inner in (cause.__cause__, cause.__context__) if inner is not None]
        pending += getattr(cause, "exceptions", ())
