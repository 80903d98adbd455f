"""Entities as tests need them: whole, valid, each different from the last. Name only what the test is about.

Build with `UserFactory(roles=frozenset({"admin"}))`; store with `await store.given(user)`.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import factory

from domain.identity.credentials import ApiKey, PasswordCredential
from domain.identity.sessions import SESSION_LIFETIME, Authentication, Session
from domain.identity.users import User, UserStatus
from domain.shared.actor import Permission
from domain.shared.entity import Aggregate
from domain.shared.values import new_id

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class AggregateFactory(factory.Factory):
    """Base of all factories of aggregates."""

    class Meta:
        model = Aggregate
        abstract = True

    id = factory.LazyFunction(new_id)
    created_at = BEGINNING
    updated_at = factory.SelfAttribute("created_at")


class UserFactory(AggregateFactory):
    """A person without any rights, who can sign in once a password is there."""

    class Meta:
        model = User

    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.Sequence(lambda n: f"person{n}@example.com")
    roles: Any = frozenset()

    class Params:
        admin = factory.Trait(roles=frozenset({"admin"}))
        editor = factory.Trait(roles=frozenset({"editor"}))
        viewer = factory.Trait(roles=frozenset({"viewer"}))
        disabled = factory.Trait(status=UserStatus.DISABLED)


class PasswordFactory(AggregateFactory):
    """The password of `user`; its hash fits nothing unless the test gives one."""

    class Meta:
        model = PasswordCredential

    class Params:
        user = None

    id = factory.LazyAttribute(lambda made: made.user.id if made.user else new_id())
    password_hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


class SessionFactory(AggregateFactory):
    """A live session of `user`."""

    class Meta:
        model = Session

    class Params:
        user = None

    user_id = factory.LazyAttribute(lambda made: made.user.id if made.user else new_id())
    secret_hash = factory.LazyAttribute(lambda made: hashlib.sha256(made.id.bytes).digest())
    expires_at = factory.LazyAttribute(lambda made: made.created_at + SESSION_LIFETIME)
    authentication = factory.LazyAttribute(lambda made: Authentication(made.created_at))


class ApiKeyFactory(AggregateFactory):
    """A key of `owner` that may search."""

    class Meta:
        model = ApiKey

    class Params:
        owner = None
        expired = factory.Trait(expires_at=BEGINNING - timedelta(days=1))

    owner_id = factory.LazyAttribute(lambda made: made.owner.id if made.owner else new_id())
    name = factory.Sequence(lambda n: f"key {n}")
    scopes = frozenset({Permission.SEARCH})
    secret_hash = factory.LazyAttribute(lambda made: hashlib.sha256(made.id.bytes).digest())
