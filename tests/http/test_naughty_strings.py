"""No text brings the service down, none is repeated in a refusal, and what is taken in comes back as it was.

Every place that takes a text gets an eighth of them, each place and each store another one, and the text with U+0000,
which stores differ on. With NAUGHTY_SHARE=1 (`make fuzz`) all go everywhere.
"""

import ipaddress
import json
import os
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx2
import pytest

from tests.http.naughty import NAUGHTY
from tests.http.service import Service
from tests.http.sites import KEY, REQUEST_ID, Site, sites
from tests.http.things import belongings, open_to_all, passkey_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

SHARE = int(os.environ.get("NAUGHTY_SHARE", "8"))
SPELLED = {"null", "None", "true", "undefined", "header", "date"}
"""Words that refusals may hold anyway."""

UNREACHED = "oidc_unavailable"
"""No OpenID provider is there."""


async def test_every_place_stands_every_text(on_each_store: Service) -> None:
    admin = await on_each_store.person("admin")
    things = await belongings(on_each_store, admin) | await open_to_all(on_each_store, admin)
    things |= await passkey_of(admin)
    store = on_each_store.container.settings().database_url.partition(":")[0]
    taken, wrong = 0, []
    for place, site in enumerate(sites(on_each_store.app)):
        share = dict(list(NAUGHTY.items())[(place + len(store)) % SHARE :: SHARE])
        for name, text in (share | {"NUL": NAUGHTY["NUL"]}).items():
            answer = await site.send(admin, things, text)
            found = list(_faults(site, text, answer))
            if answer.is_success and site.kind in {"json", "part"}:
                taken += 1
                found += [] if _is_shown(site, text, answer.json()) else ["is shown otherwise"]
                if "location" in answer.headers:
                    again = await admin.get(answer.headers["location"])
                    found += [] if _is_shown(site, text, again.json()) else ["is read otherwise"]
            wrong += [f"{site}: {name!r} {fault} ({answer.status_code} {answer.text[:300]})" for fault in found]
    assert not wrong, "\n".join(wrong)
    assert taken > 1000 / SHARE


def _faults(site: Site, text: str, answer: httpx2.Response) -> Iterator[str]:
    if answer.status_code >= 500 and answer.json().get("code") != UNREACHED:
        yield "brings it down"
    is_word = len(text.strip()) < 4 or text in SPELLED or site.steps == (REQUEST_ID,)
    if answer.headers.get("content-type") == "application/problem+json" and not is_word:
        told = list(_texts(answer.json()))
        if any(text in value for value in (*told, *answer.headers.values())):
            yield "is repeated"


def _is_shown(site: Site, text: str, content: Any) -> bool:
    """Whether the answer has the text where it was sent, in its normal form, or does not show this member at all."""
    shown = content.get("document", content)
    steps = site.steps
    if steps == ("filename",):
        name = shown["file_name"] or ""
        return not set(name) & set("/\\\x00\r\n") and name not in {".", ".."}
    if site.kind == "part" and not text:
        return True  # browsers send what was not filled in like this, so it counts as left out
    if str(site) == "PATCH /api/v1/me json email":
        return True  # it waits until its owner has confirmed it
    for step in steps:
        if step == KEY:
            return bool(shown.get(text) == "value")
        if isinstance(shown, dict) and step not in shown:
            return True
        shown = shown[step]
    return bool(shown == (json.loads(text) if steps == ("metadata",) else _normal(str(steps[0]), text)))


def _normal(member: str, text: str) -> Any:
    """The form in which a member is kept; texts without one are kept as they are."""
    if member in {"name", "question", "title"}:
        return text.strip()
    if member == "email":
        return unicodedata.normalize("NFKC", text).strip().lower()
    if member == "allowed_cidrs":
        return str(ipaddress.ip_network(text, strict=False))
    if member == "expires_at":
        return datetime.fromisoformat(text).isoformat()
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
