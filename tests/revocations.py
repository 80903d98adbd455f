"""Rights that are taken in one process while another remembers them: whether that one stops, and how soon."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tests.crashes import EMAIL, PASSWORD
from tests.wire import Reply, Wire

GIVE_UP_SECONDS = 10.0
WARM = 3
"""Questions before a right is taken, so that it is remembered from its use."""
PHASE_SECONDS = 0.25
"""At which moment between two looks at the database a right is taken is left to chance."""
FORM = "application/x-www-form-urlencoded"
Authority = Mapping[str, str]
"""The field of a credential."""


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    authority: Authority


@dataclass(frozen=True, slots=True)
class Case:
    """A credential that may read `path` until `take` is done, and is answered `status` from then on."""

    kind: str
    authority: Authority
    path: str
    status: int
    take: Callable[[], Awaitable[Any]]


class Revocations:
    """Changes go to the process at port `here`; the one at port `there` knows only what the database says."""

    def __init__(self, here: int, there: int) -> None:
        self._here, self._there, self._numbers = Wire(here), Wire(there), count()
        self._admin = Account("", {})

    async def aclose(self) -> None:
        for wire in (self._here, self._there):
            await wire.close()

    async def round(self, pause: float = 0.01) -> dict[str, float]:
        """Take one right of each kind, one after another, and ask with each, so many seconds apart, until it is
        refused; by kind, seconds from the answer to the change until the answer of the first refusal."""
        self._admin = await self._signed_in(EMAIL)
        return {case.kind: await self._take(case, pause) for case in await self._cases()}

    async def _take(self, case: Case, pause: float) -> float:
        for _ in range(WARM):
            assert (await self._ask(case.path, case.authority)).status == 200, case.kind
        await asyncio.sleep(random.uniform(0, PHASE_SECONDS))
        await case.take()
        taken = time.monotonic()
        while (reply := await self._ask(case.path, case.authority)).status == 200:
            assert time.monotonic() - taken < GIVE_UP_SECONDS, f"{case.kind}: it is still let in"
            await asyncio.sleep(pause)
        seconds = time.monotonic() - taken
        for answer in (reply, await self._ask(case.path, case.authority)):
            assert answer.status == case.status, (case.kind, answer.status, answer.body)
        assert (await self._ask("/me", self._admin.authority)).status == 200, "others stay"
        return seconds

    async def _cases(self) -> list[Case]:
        number = next(self._numbers)
        return [*await self._of_accounts(number), *await self._of_collections(number)]

    async def _of_accounts(self, number: int) -> list[Case]:
        role = f"keeper-{number}"
        await self._made("/roles", {"name": role, "permissions": ["audit:read"]})
        shut, away, narrowed, owner = [await self._person(f"{name}-{number}", role) for name in "abcd"]
        (session,) = (await self._asked("GET", "/me/sessions", away.authority)).json["items"]
        key = await self._made("/api-keys", {"name": "key", "scopes": ["search"]}, owner.authority)
        shown = {"x-api-key": key["secret"]}
        disable = partial(self._change, "POST", f"/users/{shut.id}/disable", {})
        end = partial(self._change, "DELETE", f"/me/sessions/{session['id']}", None, away.authority)
        narrow = partial(self._change, "PATCH", f"/roles/{role}", {"permissions": []})
        revoke = partial(self._change, "DELETE", f"/api-keys/{key['id']}", None, owner.authority)
        return [
            Case("disabled user", shut.authority, "/me", 401, disable),
            Case("ended session", away.authority, "/me", 401, end),
            Case("changed role", narrowed.authority, "/audit-events?limit=1", 403, narrow),
            Case("revoked key", shown, "/me", 401, revoke),
        ]

    async def _of_collections(self, number: int) -> list[Case]:
        person, member, leaver = [await self._person(f"{name}-{number}", "editor") for name in "efg"]
        kept, left = [await self._made("/groups", {"name": f"readers {name} {number}"}) for name in "fg"]
        path = f"/collections/{(await self._made('/collections', {'name': f'c {number}'}))['id']}"
        for group, one in ((kept, member), (left, leaver)):
            await self._change("PUT", f"/groups/{group['id']}/members/{one.id}")

        manager = ("user", self._admin.id, "manage")

        def grants(*others: tuple[str, str, str]) -> dict[str, Any]:
            told = [{"subject": {"type": kind, "id": one}, "level": level} for kind, one, level in (manager, *others)]
            return {"grants": told}

        readers = [("group", left["id"], "read"), ("user", person.id, "read"), ("group", kept["id"], "read")]
        await self._change("PUT", f"{path}/grants", grants(*readers))
        shorter = [partial(self._change, "PUT", f"{path}/grants", grants(*readers[:number])) for number in (2, 1)]
        leave = partial(self._change, "DELETE", f"/groups/{left['id']}/members/{leaver.id}")
        return [
            Case("changed group grant", member.authority, path, 404, shorter[0]),
            Case("changed grant", person.authority, path, 404, shorter[1]),
            Case("left group", leaver.authority, path, 404, leave),
        ]

    async def _person(self, name: str, role: str) -> Account:
        """A new account, signed in, with this role and what everybody needs."""
        content = {"name": name, "email": f"{name}@example.com", "password": PASSWORD, "roles": ["editor", role]}
        await self._made("/users", content)
        return await self._signed_in(content["email"])

    async def _signed_in(self, email: str) -> Account:
        form = urlencode({"grant_type": "password", "username": email, "password": PASSWORD}).encode()
        reply = await self._here.request("POST", "/api/v1/auth/token", {"content-type": FORM}, form)
        assert reply.status == 200, reply.body
        authority = {"authorization": f"Bearer {reply.json['access_token']}"}
        return Account((await self._asked("GET", "/me", authority)).json["id"], authority)

    async def _made(self, path: str, content: Any, authority: Authority | None = None) -> Any:
        return (await self._change("POST", path, content, authority)).json

    async def _change(self, method: str, path: str, content: Any = None, authority: Authority | None = None) -> Reply:
        """By the administrator, unless it says otherwise."""
        fields = {"if-match": "*", **(authority or self._admin.authority)}
        reply = await self._asked(method, path, fields, content)
        assert reply.status in {200, 201, 204}, reply.body
        return reply

    async def _asked(self, method: str, path: str, fields: Authority, content: Any = None) -> Reply:
        body = None if content is None else json.dumps(content).encode()
        typed = {} if body is None else {"content-type": "application/json"}
        return await self._here.request(method, f"/api/v1{path}", {**fields, **typed}, body)

    async def _ask(self, path: str, authority: Authority) -> Reply:
        return await self._there.request("GET", f"/api/v1{path}", dict(authority))
