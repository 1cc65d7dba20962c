"""A scripted OpenID provider: discovery, authorisation, token, user info and keys over a real socket."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "lyceum", "the client's secret"


class Provider:
    """The server, as a context manager. `person` is who is signed in there; `audience` whom its tokens are for."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.audience = CLIENT
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: set[str] = set()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def __enter__(self) -> Provider:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/.well-known/openid-configuration":
            answer(
                request,
                {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "userinfo_endpoint": f"{self.url}/userinfo",
                    "jwks_uri": f"{self.url}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                },
            )
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert asked["client_id"] == CLIENT
            assert asked["response_type"] == "code"
            assert "openid" in asked["scope"].split()
            assert asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            request.send_response(302)
            back = urlencode({"code": code, "state": asked["state"]})
            request.send_header("Location", f"{asked['redirect_uri']}?{back}")
            request.end_headers()
        elif parts.path == "/userinfo":
            known = request.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
            answer(request, self.person if known else {"error": "invalid_token"}, 200 if known else 401)
        elif parts.path == "/keys":
            key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            answer(request, {"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})
        else:
            answer(request, {"error": "not_found"}, 404)

    def post(self, request: BaseHTTPRequestHandler) -> None:
        sent = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        given = {name: values[0] for name, values in sent.items()}
        asked = self.codes.pop(given.get("code", ""), None)  # a code works once
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET)
            or given.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            answer(request, {"error": "invalid_grant"}, 400)
            return
        token = secrets.token_urlsafe()
        self.tokens.add(token)
        now = int(time.time())
        claims = {**self.person, "iss": self.url, "aud": self.audience, "iat": now, "exp": now + 300}
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})
        answer(
            request, {"access_token": token, "token_type": "Bearer", "expires_in": 300, "id_token": signed}
        )


def answer(request: BaseHTTPRequestHandler, body: dict[str, Any], status: int = 200) -> None:
    """One JSON object."""
    raw = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(raw)))
    request.end_headers()
    request.wfile.write(raw)
