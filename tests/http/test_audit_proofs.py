"""The trail proved over HTTP: signed heads, and proofs that are checked by the program in the guide."""

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.security.head_keys import thumbprint
from domain.shared.values import new_id
from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem

ROOT = Path(__file__).parents[2]


async def sealed_event(service: Service, admin: Caller) -> str:
    await admin.post("/collections", {"name": f"Papers {new_id()}"})
    await service.number()
    return str((await admin.get("/audit-events?limit=1&action=collection.create")).json()["items"][0]["id"])


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def check(proof: dict[str, Any], key_id: str) -> None:
    """As the guide says it; raises where the proof does not hold."""
    text = (ROOT / "docs" / "guide" / "audit.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    names["check"](proof, key_id)


async def test_an_entry_is_proved_to_whoever_asks(stored: Service) -> None:
    admin = await stored.person("admin")
    event = await sealed_event(stored, admin)
    answer = await admin.get(f"/audit-events/{event}/proof")
    assert answer.status_code == 200, answer.text
    proof = answer.json()
    head = proof["checkpoint"]
    check(proof, head["key_id"])
    for forged in (
        proof | {"entry": proof["entry"].replace("collection.create", "collection.delete")},
        proof | {"sequence": proof["sequence"] - 1},
        proof | {"path": proof["path"][1:] if proof["path"] else ["00" * 32]},
        proof | {"checkpoint": head | {"sealed_at": "2020-01-01T00:00:00.000000Z"}},
        proof | {"checkpoint": head | {"public_key": "11" * 32}},
    ):
        with pytest.raises((AssertionError, InvalidSignature, ValueError, IndexError)):
            check(forged, head["key_id"])
    with pytest.raises(AssertionError):
        check(proof, "another key")
    entry = json.loads(proof["entry"])
    assert (proof["event_id"], entry["id"], entry["operation"]) == (event, event, "collection.create")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["public_key"]))
    assert thumbprint(key) == head["key_id"]
    actor = next(part for part in proof["personal"] if part["part"] == "actor")
    assert sha(bytes.fromhex(actor["salt"]), actor["text"].encode()).hex() == entry["actor_hash"]
    assert json.loads(actor["text"])["actor_name"].startswith("Person")
    again = await admin.get(f"/audit-events/{event}/proof", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    heads = (await admin.get("/audit-checkpoints?limit=1")).json()["items"]
    assert heads == [head]


async def test_what_is_not_sealed_or_not_there_has_no_proof(service: Service) -> None:
    admin = await service.person("admin")
    await admin.post("/collections", {"name": "Papers"})
    event = (await admin.get("/audit-events?limit=1&action=collection.create")).json()["items"][0]
    refused = await admin.get(f"/audit-events/{event['id']}/proof")
    assert_problem(refused, 409, "audit_event_unsealed")
    assert refused.headers["Retry-After"] == "1"
    assert_problem(await admin.get(f"/audit-events/{new_id()}/proof"), 404, "not_found")
    editor = await service.person("editor")
    assert_problem(await editor.get(f"/audit-events/{event['id']}/proof"), 403, "forbidden")
    assert_problem(await editor.get("/audit-checkpoints"), 403, "forbidden")


async def test_an_altered_entry_is_not_proved(service: Service) -> None:
    admin = await service.person("admin")
    event = await sealed_event(service, admin)
    entries = service.container.persistence.in_memory().entries
    place = next(place for place, entry in enumerate(entries) if str(entry.id) == event)
    row = entries[place].columns
    row["body"] = row["body"].replace("collection.create", "collection.delete")
    assert_problem(await admin.get(f"/audit-events/{event}/proof"), 409, "audit_event_altered")


async def test_heads_are_listed_page_by_page_and_each_follows_from_the_one_before(stored: Service) -> None:
    admin = await stored.person("admin")
    for _ in range(5):
        await sealed_event(stored, admin)
    heads: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await admin.get(f"/audit-checkpoints?limit=2&sort=number{cursor}")).json()
        heads += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [head["number"] for head in heads] == list(range(1, len(heads) + 1))
    assert len(heads) >= 5
    assert heads[0]["previous_head"] == "00" * 32
    for before, head in pairwise(heads):
        assert head["previous_head"] == before["head"]
        assert head["first_sequence"] == before["last_sequence"] + 1
    newest = (await admin.get("/audit-checkpoints?limit=1")).json()["items"]
    assert newest == heads[-1:]
