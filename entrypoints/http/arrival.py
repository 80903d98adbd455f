"""How the next request of a connection arrives: awaited, then its head, then its content; and what takes too long."""

from typing import Final

HEAD_SECONDS: Final = 10.0
CONTENT_BYTES_PER_SECOND: Final = 500
CONTENT_WINDOW_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 75.0
"""Longer than the 60 s of common proxies, so that they end idle connections and this side closes none on a request."""
QUIET_SECONDS: Final = 1.0


class Arrival:
    """At most one of three times is set; none while the request is at work. Times are those of the loop."""

    __slots__ = ("_awaited_since", "_bytes", "_content_since", "_head_since", "_used")

    def __init__(self) -> None:
        self._awaited_since: float | None = None
        self._head_since: float | None = None
        self._content_since: float | None = None
        self._bytes = 0
        self._used = False

    @property
    def is_awaited(self) -> bool:
        """Whether nothing of the next request has come, and nothing is at work."""
        return self._awaited_since is not None

    @property
    def has_content_to_come(self) -> bool:
        return self._content_since is not None

    def awaited(self, now: float) -> None:
        """Nothing is at work any more; the next head may be on its way already."""
        if self._head_since is None:
            self._awaited_since = now

    def head_begins(self, now: float) -> None:
        if self._head_since is None:
            self._awaited_since, self._head_since = None, now

    def content_begins(self, now: float) -> None:
        self._head_since, self._content_since, self._bytes, self._used = None, now, 0, True

    def content_came(self, size: int) -> None:
        self._bytes += size

    def content_is_whole(self) -> None:
        self._content_since = None

    def ended(self) -> None:
        """Nothing more is expected."""
        self._awaited_since = self._head_since = self._content_since = None

    def held_up(self, now: float) -> None:
        """It is this side that does not read, so the time does not count."""
        if self._head_since is not None:
            self._head_since = now
        if self._content_since is not None:
            self._content_since, self._bytes = now, 0

    def is_idle(self, now: float) -> bool:
        """Whether no request came for long; a new connection is given the time of a head."""
        patience = KEEP_ALIVE_SECONDS if self._used else HEAD_SECONDS
        return self._awaited_since is not None and now - self._awaited_since > patience

    def is_quiet(self, now: float) -> bool:
        """Whether nobody seems to be using this connection at the moment."""
        return self._awaited_since is not None and now - self._awaited_since >= QUIET_SECONDS

    def is_slow(self, now: float) -> bool:
        """Whether a head takes too long, or a content came too slowly in the window that has passed."""
        if self._head_since is not None:
            return now - self._head_since > HEAD_SECONDS
        if self._content_since is None or now - self._content_since < CONTENT_WINDOW_SECONDS:
            return False
        too_slow = self._bytes < CONTENT_BYTES_PER_SECOND * CONTENT_WINDOW_SECONDS
        self._content_since, self._bytes = now, 0
        return too_slow
