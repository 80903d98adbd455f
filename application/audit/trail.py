"""Use cases on the audit trail: reading it."""

from uuid import UUID

from application.audit.ports import AuditEvent, AuditTrail
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery, Page


class AuditService:
    """Everything that changed, for those who may know. Nobody changes it."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    async def page(self, actor: Actor, query: ListQuery) -> Page[AuditEvent]:
        """Entries, newest first unless sorted otherwise."""
        actor.require(Permission.AUDIT_READ)
        return await self._trail.events(query)

    async def get(self, actor: Actor, event_id: UUID) -> AuditEvent:
        """One entry."""
        actor.require(Permission.AUDIT_READ)
        return await self._trail.event(event_id)
