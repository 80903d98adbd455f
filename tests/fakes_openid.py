"""An OpenID provider on the loopback that a test drives: honest unless told otherwise, and then as wrong as it says."""

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from application.identity.federation_texts import challenge_of

CLIENT_ID, CLIENT_SECRET = "fastops client", "s3cret/with:signs"
GONE = object()
"""Stands for a claim or member that is left out."""


def a_key(kid: str = "k1") -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": kid, "use": "sig", "alg": "ES256"})


@dataclass
class OpenIdStandIn:
    """`claims` are what the next ID token says besides or instead, `metadata` the same for the discovery document.

    `write` makes the text of the token, `tokens` are those beside it, `stalled` holds paths that never answer, `bodies`
    those that answer this. `forms` came to the token endpoint.
    """

    issuer: str = ""
    key: ECKey = field(default_factory=a_key)
    published: list[Any] | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    write: Callable[[dict[str, Any]], str] | None = None
    stalled: set[str] = field(default_factory=set)
    bodies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=lambda: {"access_token": "at-1"})
    reusable_codes: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def signs_in(self, login_url: str, **answer: Any) -> str:
        """What the browser is sent back to, when somebody has signed in at this address of the provider."""
        parts = urlsplit(login_url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        asked = dict(parse_qsl(parts.query, strict_parsing=True))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.issuer, "session_state": "x"} | answer
        return f"{asked['redirect_uri']}?{urlencode({k: v for k, v in told.items() if v is not GONE})}"

    def _token(self, form: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        pair = base64.b64decode((authorization or "").removeprefix("Basic ")).decode().split(":")
        if [unquote_plus(part) for part in pair] != [CLIENT_ID, CLIENT_SECRET]:
            return 401, {"error": "invalid_client"}
        self.forms.append(form)
        asked = self.codes.get(form["code"]) if self.reusable_codes else self.codes.pop(form["code"], None)
        if asked is None or challenge_of(form["code_verifier"]) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        honest = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "ada",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "email": "ada@corp.example",
            "email_verified": True,
            "name": "Ada King",
        }
        claims = {name: value for name, value in (honest | self.claims).items() if value is not GONE}
        token = self.write(claims) if self.write else self.signed(claims)
        return 200, {**self.tokens, "token_type": "Bearer", "id_token": token}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        """A token of these claims by the provider's key."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid, **header}, claims, self.key, algorithms=["ES256"])

    def _answer(self, path: str, form: dict[str, str], authorization: str | None) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            names["userinfo_endpoint"] = "userinfo"
            honest: dict[str, Any] = {name: f"{self.issuer}/{end}" for name, end in names.items()}
            told = honest | {"issuer": self.issuer} | self.metadata
            return 200, {name: value for name, value in told.items() if value is not GONE}
        if path == "/jwks":
            published = [self.key.as_dict(private=False)] if self.published is None else self.published
            return 200, {"keys": published}
        if path == "/userinfo" and authorization == f"Bearer {self.tokens['access_token']}":
            return 200, {"sub": "ada"} | self.userinfo
        return self._token(form, authorization) if path == "/token" else (404, {})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(path)
        if path in self.stalled:
            await asyncio.Event().wait()
        if path in self.bodies:
            status, content = self.bodies[path]
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            status, members = self._answer(path, form, headers.get("authorization"))
            content = json.dumps(members).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n".encode())
        place = f"Location: {self.issuer}/elsewhere\r\n" if status in {301, 302, 307} else ""
        writer.write(f"Content-Type: application/json\r\n{place}\r\n".encode() + content)
        await writer.drain()


@asynccontextmanager
async def openid_stand_in(port: int = 0) -> AsyncIterator[OpenIdStandIn]:
    """A running provider; on any free port unless told."""
    provider = OpenIdStandIn()
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await provider.serve(reader, writer)
        finally:  # also where it is cancelled amid a silence
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield provider
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
