"""Who stands behind a credential, remembered for as long as no right changes anywhere."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from application.identity.ports import Principal, Principals, RightsEpoch
from domain.identity.credentials import ApiKey
from domain.shared.values import Instant

T = TypeVar("T")
REMEMBERED = 10_000
TOUCH_EVERY = timedelta(minutes=1)


class Remembered(Generic[T]):
    """Values by id, each with the epoch that it was read under; one of another epoch counts as forgotten.

    The epoch is taken before the value is read: a change in between makes the value too old, never too fresh.
    """

    def __init__(self, epoch: RightsEpoch) -> None:
        self._epoch = epoch
        self._kept: OrderedDict[UUID, tuple[int, T]] = OrderedDict()

    async def get(self, key: UUID, read: Callable[[], Awaitable[T | None]]) -> T | None:
        epoch = await self._epoch.current()
        kept = self._kept.get(key)
        if kept is not None and kept[0] == epoch:
            return kept[1]
        value = await read()
        if value is None:
            self._kept.pop(key, None)
            return None
        self._kept[key] = (epoch, value)
        self._kept.move_to_end(key)
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return value


class Standing:
    """The standing of sessions and API keys. A change of rights counts on every process within a second."""

    def __init__(self, principals: Principals, epoch: RightsEpoch) -> None:
        self._principals = principals
        self._sessions: Remembered[Principal] = Remembered(epoch)
        self._keys: Remembered[tuple[ApiKey, Principal]] = Remembered(epoch)
        self._touched: OrderedDict[UUID, Instant] = OrderedDict()

    async def of_session(self, session_id: UUID, now: Instant) -> Principal | None:
        """The user of a session that is live at `now`; None for an ended, expired or unknown one."""
        found = await self._sessions.get(session_id, lambda: self._principals.of_session(session_id, now))
        if found is None or (found.valid_until is not None and found.valid_until <= now):
            return None
        return found

    async def of_api_key(self, key_id: UUID) -> tuple[ApiKey, Principal] | None:
        """The key and its owner; whether the secret fits is for the caller to check."""
        return await self._keys.get(key_id, lambda: self._principals.of_api_key(key_id))

    async def used(self, key: ApiKey, now: Instant) -> None:
        """Keep the time of a key's last use, to the minute."""
        last = self._touched.get(key.id, key.last_used_at)
        if last is not None and now - last < TOUCH_EVERY:
            return
        self._touched[key.id] = now
        if len(self._touched) > REMEMBERED:
            self._touched.popitem(last=False)
        await self._principals.touch_api_key(key.id, now)
