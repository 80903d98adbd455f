"""Rows of identity."""

from adapters.persistence.tracking import ONE_OF_EACH, AggregateMapping, Owned, Row, Unique
from domain.identity.credentials import ApiKey, PasswordCredential
from domain.identity.errors import EmailTaken, GroupNameTaken, RoleNameTaken
from domain.identity.groups import Group
from domain.identity.one_time_tokens import OneTimeToken, TokenPurpose
from domain.identity.roles import CustomRole
from domain.identity.sessions import Authentication, Method, Session, SessionEnd
from domain.identity.users import User, UserKind, UserStatus
from domain.shared.actor import Permission
from domain.shared.errors import StaleVersion


def user_to_row(user: User) -> Row:
    return {
        "name": user.name,
        "email": user.email,
        "kind": user.kind.value,
        "status": user.status.value,
        "email_verified": user.email_verified,
        "roles": [{"user_id": user.id, "role": role} for role in sorted(user.roles)],
    }


def user_from_row(row: Row) -> User:
    return User(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        name=row["name"],
        email=row["email"],
        kind=UserKind(row["kind"]),
        status=UserStatus(row["status"]),
        email_verified=row["email_verified"],
        roles=frozenset(owned["role"] for owned in row["roles"]),
    )


def password_to_row(credential: PasswordCredential) -> Row:
    return {"password_hash": credential.password_hash, "is_short": credential.is_short}


def password_from_row(row: Row) -> PasswordCredential:
    """Releases before 0.2 do not say whether a password is short: they took long ones only."""
    return PasswordCredential(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        password_hash=row["password_hash"],
        is_short=bool(row["is_short"]),
    )


def session_to_row(session: Session) -> Row:
    return {
        "user_id": session.user_id,
        "secret_hash": session.secret_hash,
        "generation": session.generation,
        "expires_at": session.expires_at,
        "ended_at": session.ended_at,
        "end_reason": session.end_reason.value if session.end_reason else None,
        "client_address": session.client_address,
        "user_agent": session.user_agent,
        "authenticated_at": session.authentication.at,
        "methods": " ".join(session.authentication.methods),
    }


def session_from_row(row: Row) -> Session:
    return Session(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        user_id=row["user_id"],
        secret_hash=row["secret_hash"],
        generation=row["generation"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        end_reason=SessionEnd(row["end_reason"]) if row["end_reason"] else None,
        client_address=row["client_address"],
        user_agent=row["user_agent"],
        authentication=_authentication(row),
    )


def _authentication(row: Row) -> Authentication:
    """Releases before 0.2 keep neither time nor methods: they know the password alone."""
    at, methods = row["authenticated_at"] or row["created_at"], row["methods"] or Method.PASSWORD
    return Authentication(at, tuple(Method(name) for name in methods.split()))


def api_key_to_row(key: ApiKey) -> Row:
    return {
        "owner_id": key.owner_id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "secret_hash": key.secret_hash,
        "expires_at": key.expires_at,
        "allowed_cidrs": list(key.allowed_cidrs),
        "previous_hash": key.previous_hash,
        "previous_until": key.previous_until,
    }


def api_key_from_row(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        owner_id=row["owner_id"],
        name=row["name"],
        scopes=frozenset(Permission(scope) for scope in row["scopes"]),
        secret_hash=row["secret_hash"],
        expires_at=row["expires_at"],
        allowed_cidrs=tuple(row["allowed_cidrs"]),
        previous_hash=row["previous_hash"],
        previous_until=row["previous_until"],
        last_used_at=row.get("last_used_at"),
    )


def one_time_token_to_row(token: OneTimeToken) -> Row:
    return {
        "subject": token.subject,
        "purpose": token.purpose.value,
        "user_id": token.user_id,
        "secret_hash": token.secret_hash,
        "content": token.content,
        "expires_at": token.expires_at,
    }


def one_time_token_from_row(row: Row) -> OneTimeToken:
    return OneTimeToken(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        subject=row["subject"],
        purpose=TokenPurpose(row["purpose"]),
        user_id=row["user_id"],
        secret_hash=row["secret_hash"],
        content=row["content"],
        expires_at=row["expires_at"],
    )


def role_to_row(role: CustomRole) -> Row:
    permissions = sorted(permission.value for permission in role.permissions)
    return {"name": role.name, "description": role.description, "permissions": permissions}


def role_from_row(row: Row) -> CustomRole:
    return CustomRole(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        name=row["name"],
        description=row["description"],
        permissions=frozenset(Permission(name) for name in row["permissions"]),
    )


def group_to_row(group: Group) -> Row:
    return {
        "name": group.name,
        "description": group.description,
        "members": [{"group_id": group.id, "user_id": user_id} for user_id in sorted(group.members)],
    }


def group_from_row(row: Row) -> Group:
    return Group(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        name=row["name"],
        description=row["description"],
        members=frozenset(owned["user_id"] for owned in row["members"]),
    )


USERS = AggregateMapping[User](
    kind="user",
    table="users",
    to_row=user_to_row,
    from_row=user_from_row,
    owned=(Owned("roles", "user_roles", "user_id"),),
    unique=(Unique(("email",), EmailTaken),),
    personal=frozenset({"name", "email"}),
    rights=frozenset({"name", "email", "status", "roles"}),
)
PASSWORDS = AggregateMapping[PasswordCredential](
    kind="password",
    table="passwords",
    to_row=password_to_row,
    from_row=password_from_row,
    unique=(ONE_OF_EACH,),
    secret=frozenset({"password_hash", "is_short"}),
)
SESSIONS = AggregateMapping[Session](
    kind="session",
    table="sessions",
    to_row=session_to_row,
    from_row=session_from_row,
    personal=frozenset({"client_address", "user_agent"}),
    private=True,
    secret=frozenset({"secret_hash"}),
    rights=frozenset({"ended_at", "expires_at"}),
)
API_KEYS = AggregateMapping[ApiKey](
    kind="api_key",
    table="api_keys",
    to_row=api_key_to_row,
    from_row=api_key_from_row,
    secret=frozenset({"secret_hash", "previous_hash"}),
    rights=frozenset({"name", "scopes", "secret_hash", "expires_at", "allowed_cidrs", "previous_until"}),
)
ONE_TIME_TOKENS = AggregateMapping[OneTimeToken](
    kind="one_time_token",
    table="one_time_tokens",
    to_row=one_time_token_to_row,
    from_row=one_time_token_from_row,
    unique=(Unique(("subject", "purpose"), StaleVersion),),
    secret=frozenset({"subject", "secret_hash", "content"}),
)
"""Of two first tokens of a subject at once the later one sees what replaced it, as with any other change."""
ROLES = AggregateMapping[CustomRole](
    kind="role",
    table="roles",
    to_row=role_to_row,
    from_row=role_from_row,
    unique=(Unique(("name",), RoleNameTaken),),
    rights=frozenset({"permissions"}),
)
GROUPS = AggregateMapping[Group](
    kind="group",
    table="user_groups",
    to_row=group_to_row,
    from_row=group_from_row,
    owned=(Owned("members", "group_members", "group_id", large=True),),
    unique=(Unique(("name",), GroupNameTaken),),
    rights=frozenset({"members"}),
)
