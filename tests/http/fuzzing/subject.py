"""What is fuzzed: the whole service on the memory store, with its loops, an OpenID provider and administrators."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Lock
from typing import Any

from fastapi import FastAPI
from schemathesis.python.asgi import get_client

from entrypoints.http.app import create_app
from entrypoints.wiring.lifecycle import running
from tests.fakes_openid import openid_stand_in
from tests.http.service import PASSWORD, SYSTEM, memory_settings, quick_container
from tests.processes import free_port

KEEPERS = 500
"""Administrators are among what is deleted, disabled and changed, so there are many."""
VISITOR = "visitor@example.com"
"""An account that nobody keeps; its password is the right one for the token endpoint."""
PROVIDER = "corp"


def a_subject() -> FastAPI:
    """An application that starts whole when its first request comes, and stops at the end of the process."""
    port = free_port()
    provider = {"name": PROVIDER, "issuer": f"http://127.0.0.1:{port}", "client_id": "kb"}
    container = quick_container(memory_settings(registration="open", oidc_providers=json.dumps([provider])))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with openid_stand_in(port), running(container):
            users = container.identity.users()
            for email in (VISITOR, *map(keeper, range(KEEPERS))):
                roles = frozenset({"viewer" if email == VISITOR else "admin"})
                await users.create(SYSTEM, name="Keeper", email=email, password=PASSWORD, roles=roles)
            yield

    return create_app(container, lifespan)


def keeper(number: int) -> str:
    return f"keeper{number}@example.com"


class KeeperSignIn:
    """Authentication for schemathesis: the first administrator that can still sign in, so that much is its own."""

    def __init__(self) -> None:
        self._lock, self._number = Lock(), 0

    def get(self, case: Any, context: Any) -> str:
        with self._lock, get_client(context.app) as client:
            while True:
                form = {"grant_type": "password", "username": keeper(self._number), "password": PASSWORD}
                answer = client.post("/api/v1/auth/token", data=form)
                if answer.status_code == 200:
                    return str(answer.json()["access_token"])
                self._number += 1

    def set(self, case: Any, token: str, context: Any) -> None:
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"
