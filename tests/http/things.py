"""One of each thing that the API has, for tests that go through all operations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from application.shared.unit_of_work import Operation
from domain.identity.federation import FederatedIdentity
from tests.authenticator import Authenticator
from tests.http.service import BASE, NOBODY, SYSTEM, Caller, Service


async def made(caller: Caller, path: str, content: Any) -> dict[str, Any]:
    answer = await caller.post(path, content)
    assert answer.status_code in {200, 201, 202}, answer.text
    return dict(answer.json())


async def linked(service: Service, person: Caller, subject: str) -> str:
    """The id of an identity of this person at the provider `corp`."""
    now = service.container.persistence.clock().now()
    identity = FederatedIdentity.link(user_id=UUID(person.id), provider="corp", issuer=NOBODY, subject=subject, at=now)
    async with service.container.persistence.store()(Operation("identity.link", SYSTEM)) as uow:
        uow.identities.add(identity)
        return str(await uow.commit(identity.id))


async def belongings(service: Service, owner: Caller, readers: Sequence[Caller] = ()) -> dict[str, str]:
    """One of each thing, made by the owner, by the path parameters that lead there; the readers may read some."""
    collection = await made(owner, "/collections", {"name": "Owned"})
    submitted = await made(owner, f"/collections/{collection['id']}/documents", {"text": "Thirty days of leave."})
    await service.ingest()
    answer = await made(owner, "/answers", {"question": "How many days of leave?"})
    key = await made(owner, "/api-keys", {"name": "Owned", "scopes": []})
    grants = [{"subject": {"type": "user", "id": reader.id}, "level": "read"} for reader in readers]
    grants.append({"subject": {"type": "user", "id": owner.id}, "level": "manage"})
    granted = await owner.put(f"/collections/{collection['id']}/grants", {"grants": grants}, headers={"If-Match": "*"})
    assert granted.status_code == 200, granted.text
    export = await made(owner, "/me/exports", {})
    await service.signed_in(owner.email)
    sessions = (await owner.get("/me/sessions")).json()["items"]
    return {
        "collection_id": collection["id"],
        "document_id": submitted["document"]["id"],
        "job_id": submitted["job"]["id"],
        "answer_id": answer["id"],
        "key_id": key["id"],
        "identity_id": await linked(service, owner, f"of {owner.id}, {key['id']}"),
        "export_id": export["id"],
        "session_id": next(session["id"] for session in sessions if not session["current"]),
    }


async def passkey_of(owner: Caller) -> dict[str, str]:
    """A passkey of the owner, without which it does not sign in any more."""
    options = (await made(owner, "/me/passkeys/options", {}))["options"]
    content = {"name": "Owned", "credential": Authenticator(BASE).create(options)}
    return {"passkey_id": (await made(owner, "/me/passkeys", content))["id"]}


async def open_to_all(service: Service, admin: Caller, mark: str = "") -> dict[str, str]:
    """One of each thing that needs its permission and nothing else; `mark` keeps unique names apart."""
    group = await made(admin, "/groups", {"name": f"Research{mark}"})
    role = await made(admin, "/roles", {"name": f"librarian{mark}", "permissions": ["search"]})
    await service.number()
    event = (await admin.get("/audit-events?limit=1")).json()["items"][0]
    return {
        "group_id": group["id"],
        "name": role["name"],
        "event_id": event["id"],
        "provider": "corp",
        "user_id": (await service.person()).id,
    }
