"""The audit trail: everything that changed, for those who may know."""

import pytest

from application.audit.trail import AuditService
from application.knowledge.collections import CollectionService
from domain.shared.actor import Actor, ActorType, Permission, system_actor
from domain.shared.errors import Forbidden, NotFound
from domain.shared.values import ListQuery, Sort, new_id
from tests.stores import memory_store


async def test_a_change_can_be_read_by_auditors_only() -> None:
    store = memory_store()
    collections = CollectionService(store.work, store.reads, store.principals, store.clock)
    made = await collections.create(system_actor("cli"), name="Papers")
    trail = AuditService(store.audit)
    auditor = Actor(type=ActorType.USER, user_id=new_id(), permissions=frozenset({Permission.AUDIT_READ}))
    page = await trail.page(auditor, ListQuery(sort=Sort("at")))
    assert [(event.action, event.target_id) for event in page.items] == [("collection.create", str(made.id))]
    assert await trail.get(auditor, page.items[0].id) == page.items[0]
    with pytest.raises(NotFound):
        await trail.get(auditor, new_id())
    stranger = Actor(type=ActorType.USER, user_id=new_id(), permissions=frozenset(Permission) - {Permission.AUDIT_READ})
    with pytest.raises(Forbidden):
        await trail.page(stranger, ListQuery(sort=Sort("at")))
    with pytest.raises(Forbidden):
        await trail.get(stranger, page.items[0].id)
