"""Checks of rules over several rows. Each statement gives true where its rule holds after the change."""

from sqlalchemy import Select, and_, exists, select

from adapters.persistence.sqlalchemy.tables.identity import user_roles, users
from domain.identity.roles import ADMIN
from domain.identity.users import UserStatus

GUARDS: dict[str, Select[tuple[bool]]] = {
    "identity.last_administrator": select(
        exists().where(
            and_(
                user_roles.c.role == ADMIN.name,
                users.c.id == user_roles.c.user_id,
                users.c.status == UserStatus.ACTIVE.value,
            )
        )
    ),
}
