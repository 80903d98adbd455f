"""Checks of rules over several rows. Each statement gives true where its rule holds after the change; `subject` is the
user, role or whatever the rule is checked for."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, not_, or_, select

from adapters.persistence.sqlalchemy.tables.identity import (
    identities,
    passkeys,
    passwords,
    recovery_codes,
    roles,
    totp_factors,
    user_roles,
    users,
)
from domain.identity.roles import ADMIN, BUILT_IN
from domain.identity.users import UserKind, UserStatus

_SUBJECT = bindparam("subject", type_=users.c.id.type)


def _can_sign_in(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(
        exists().where(passwords.c.id == user_id),
        exists().where(and_(passkeys.c.user_id == user_id, passkeys.c.cloned_at.is_(None))),
        exists().where(identities.c.user_id == user_id),
    )


_HAS_FACTOR = or_(
    exists().where(and_(totp_factors.c.id == _SUBJECT, totp_factors.c.confirmed_at.is_not(None))),
    exists().where(passkeys.c.user_id == _SUBJECT),
)

GUARDS: dict[str, Select[tuple[bool]]] = {
    "identity.short_password": select(
        or_(~exists().where(and_(passwords.c.id == _SUBJECT, passwords.c.is_short.is_(True))), _HAS_FACTOR)
    ),
    "identity.recovery_codes": select(or_(~exists().where(recovery_codes.c.id == _SUBJECT), _HAS_FACTOR)),
    "identity.way_in": select(_can_sign_in(_SUBJECT)),
    "identity.last_administrator": select(
        exists().where(
            and_(
                user_roles.c.role == ADMIN.name,
                users.c.id == user_roles.c.user_id,
                users.c.status == UserStatus.ACTIVE.value,
                users.c.kind == UserKind.PERSON.value,
                _can_sign_in(users.c.id),
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
