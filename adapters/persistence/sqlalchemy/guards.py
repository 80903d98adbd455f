"""Checks of rules over several rows. Each statement gives true where its rule holds after the change."""

from sqlalchemy import Select, and_, exists, not_, or_, select

from adapters.persistence.sqlalchemy.tables.identity import identities, passkeys, passwords, roles, user_roles, users
from domain.identity.roles import ADMIN, BUILT_IN
from domain.identity.users import UserKind, UserStatus

GUARDS: dict[str, Select[tuple[bool]]] = {
    "identity.last_administrator": select(
        exists().where(
            and_(
                user_roles.c.role == ADMIN.name,
                users.c.id == user_roles.c.user_id,
                users.c.status == UserStatus.ACTIVE.value,
                users.c.kind == UserKind.PERSON.value,
                or_(
                    exists().where(passwords.c.id == users.c.id),
                    exists().where(passkeys.c.user_id == users.c.id),
                    exists().where(identities.c.user_id == users.c.id),
                ),
            )
        )
    ),
    "identity.roles_in_place": select(
        not_(
            exists().where(
                and_(
                    user_roles.c.role.not_in(sorted(BUILT_IN)),
                    ~exists().where(roles.c.name == user_roles.c.role),
                )
            )
        )
    ),
}
