"""API keys: secrets that act for their owner, never beyond the owner's rights."""

from datetime import timedelta
from uuid import UUID

from application.identity.ports import ApiKeySecrets, IdentityLists, IdentityWork
from application.identity.rights import require_recent, rights_in
from application.identity.views import ApiKeyView, IssuedApiKey
from application.shared.ports import Clock
from application.shared.settling import require_version, settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.credentials import ApiKey
from domain.identity.errors import RightsNotHeld, ScopeNotHeld
from domain.identity.users import UserKind
from domain.shared.actor import Actor, ActorType, Permission
from domain.shared.errors import Forbidden, Invalid, NotFound, Violation
from domain.shared.values import Instant, ListQuery, Page, new_id

OVERLAP_MAX = timedelta(days=30)


class ApiKeyService:
    """Own keys, and those of service accounts. Administrators (users:write) see and revoke the keys of other people,
    but never get at their secrets."""

    def __init__(self, work: Work[IdentityWork], lists: IdentityLists, clock: Clock, secrets: ApiKeySecrets) -> None:
        self._work, self._lists, self._clock, self._secrets = work, lists, clock, secrets

    @repeatable
    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        scopes: frozenset[Permission],
        expires_at: Instant | None = None,
        allowed_cidrs: tuple[str, ...] = (),
        owner_id: UUID | None = None,
        repeat: Repeat | None = None,
    ) -> IssuedApiKey:
        """Make a key for the actor's user, or for a service account; the secret is shown this once.

        Raises ScopeNotHeld for scopes beyond the actor's rights, a key's own scopes included, or beyond those of the
        service account. Keys of service accounts are for administrators (users:write) who hold all its rights.
        Needs a recent sign-in, as changing and rotating keys do.
        """
        actor.require(Permission.API_KEYS)
        require_recent(actor)
        owner_id = owner_id or actor.require_user()
        _require_scopes(actor, scopes)
        async with self._work(Operation("api_key.create", actor, repeat)) as uow:
            if owner_id != actor.user_id:
                await _require_service(uow, actor, owner_id, scopes)
            key_id = new_id()
            secret, secret_hash = self._secrets.mint(key_id)
            key = ApiKey.issue(
                key_id=key_id,
                owner_id=owner_id,
                name=name,
                scopes=scopes,
                secret_hash=secret_hash,
                expires_at=expires_at,
                allowed_cidrs=allowed_cidrs,
                at=self._clock.now(),
            )
            uow.api_keys.add(key)
            return await uow.commit(IssuedApiKey(key=ApiKeyView.of(key), secret=secret))

    async def get(self, actor: Actor, key_id: UUID) -> ApiKeyView:
        """One key. Raises NotFound for others' keys."""
        actor.require(Permission.API_KEYS)
        async with self._work(Operation("api_key.get", actor)) as uow:
            return ApiKeyView.of(await _visible(uow, actor, key_id))

    async def page(self, actor: Actor, query: ListQuery) -> Page[ApiKeyView]:
        """Own keys; all keys for administrators. Sorts: created_at, name."""
        actor.require(Permission.API_KEYS)
        owner_id = None if _is_administrator(actor) else actor.require_user()
        return await self._lists.api_keys(owner_id, query)

    async def change(
        self,
        actor: Actor,
        key_id: UUID,
        *,
        name: str,
        scopes: frozenset[Permission],
        expires_at: Instant | None,
        allowed_cidrs: tuple[str, ...],
        expected: int | None = None,
    ) -> ApiKeyView:
        """Give a key these values. Raises NotFound, Forbidden, ScopeNotHeld, StaleVersion."""
        actor.require(Permission.API_KEYS)
        require_recent(actor)
        async with self._work(Operation("api_key.change", actor)) as uow:
            key = await _own(uow, actor, key_id)
            _require_scopes(actor, scopes)
            require_version(key, expected)
            key.change(
                name=name, scopes=scopes, expires_at=expires_at, allowed_cidrs=allowed_cidrs, at=self._clock.now()
            )
            return await uow.commit(ApiKeyView.of(key))

    @repeatable
    async def rotate(
        self, actor: Actor, key_id: UUID, *, overlap: timedelta, repeat: Repeat | None = None
    ) -> IssuedApiKey:
        """Give a key a new secret; the old one works for `overlap` more, at most 30 days."""
        actor.require(Permission.API_KEYS)
        require_recent(actor)
        if not timedelta(0) <= overlap <= OVERLAP_MAX:
            detail = f"Use 0 to {int(OVERLAP_MAX.total_seconds())} seconds."
            raise Invalid(violations=[Violation("/overlap_seconds", "out_of_range", detail)])
        async with self._work(Operation("api_key.rotate", actor, repeat)) as uow:
            key = await _own(uow, actor, key_id)
            now = self._clock.now()
            secret, secret_hash = self._secrets.mint(key.id)
            key.rotate(secret_hash, previous_until=now + overlap, at=now)
            return await uow.commit(IssuedApiKey(key=ApiKeyView.of(key), secret=secret))

    async def revoke(self, actor: Actor, key_id: UUID, *, expected: int | None = None) -> None:
        """End a key: it is refused everywhere within a second. Raises NotFound, StaleVersion."""
        actor.require(Permission.API_KEYS)

        async def attempt() -> None:
            async with self._work(Operation("api_key.revoke", actor)) as uow:
                key = await _visible(uow, actor, key_id)
                require_version(key, expected)
                key.revoke(self._clock.now())
                uow.api_keys.remove(key)
                await uow.commit(None)

        await settled(attempt)


async def _require_service(uow: IdentityWork, actor: Actor, owner_id: UUID, scopes: frozenset[Permission]) -> None:
    """Raise unless this is a service account whose keys the actor may make: a person's key would act as that person."""
    owner = await uow.users.find(owner_id) if _is_administrator(actor) else None
    if owner is None or owner.kind is not UserKind.SERVICE:
        raise NotFound(
            "service_account_not_found", "There is no service account of this id that you may make keys for."
        )
    rights = await rights_in(uow, owner.roles)
    if not rights.within(actor.permissions, actor.every_collection):
        raise RightsNotHeld()
    if not scopes <= rights.permissions:
        raise ScopeNotHeld()


def _is_administrator(actor: Actor) -> bool:
    return actor.may(Permission.USERS_WRITE)


def _require_scopes(actor: Actor, scopes: frozenset[Permission]) -> None:
    if not scopes <= actor.permissions:
        raise ScopeNotHeld()


async def _visible(uow: IdentityWork, actor: Actor, key_id: UUID) -> ApiKey:
    key = await uow.api_keys.get(key_id)
    if key.owner_id != actor.user_id and not _is_administrator(actor):
        raise NotFound()
    return key


async def _own(uow: IdentityWork, actor: Actor, key_id: UUID) -> ApiKey:
    """A key that the actor may alter: an administrator who could rotate others' would act in their name, and a key
    that could alter stronger ones would outgrow its scopes."""
    key = await _visible(uow, actor, key_id)
    if key.owner_id != actor.user_id:
        try:
            await _require_service(uow, actor, key.owner_id, key.scopes)
        except NotFound:
            raise Forbidden(detail="Only its owner can change or rotate a key; you can revoke it.") from None
    if actor.type is ActorType.API_KEY:
        _require_scopes(actor, key.scopes)
    return key
