"""The way out of a connection: closed gently, and watched for a client that takes nothing of its answer."""

from collections.abc import Callable
from typing import Any, Final

LINGER_SECONDS: Final = 2.0
WRITE_SECONDS: Final = 30.0
UNSENT_BYTES: Final = 64 * 1024
"""What the kernel may hold unsent: with its usual megabytes a slow client cannot be told from one that is gone."""


class WatchedTransport:
    """A transport whose client, while it is still sending, gets to read the answer before the end (RFC 9112 §9.6)."""

    def __init__(self, transport: Any, is_sending: Callable[[], bool]) -> None:
        self._transport, self._is_sending = transport, is_sending
        self._closing = self._lingering = False
        self._drained = True
        self._unsent_before, self._moved_at = 0, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def unsent(self) -> int:
        return int(self._transport.get_write_buffer_size())

    def is_closing(self) -> bool:
        return self._closing or bool(self._transport.is_closing())

    def close(self) -> None:
        if not self.is_closing() and self._is_sending():
            self.linger()
        elif not self._lingering:
            self.close_at_once()

    def close_at_once(self) -> None:
        """Close when what was written is sent; what the client sends meanwhile is answered by a reset."""
        self._closing = True
        self._transport.close()

    def linger(self) -> None:
        """Say that nothing more comes, and read on into nothing for a moment."""
        self._closing = self._lingering = self._drained = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def drained(self) -> None:
        """Note that the client has taken what there was; more may have been written since."""
        self._drained = True

    def is_stuck(self, now: float) -> bool:
        """Whether the client takes nothing of what waits for it. To be asked about once a second."""
        unsent = self.unsent
        if self._drained or unsent < self._unsent_before or not (unsent or self._lingering):
            self._moved_at, self._drained = now, False
        self._unsent_before = unsent
        return bool(unsent) and now - self._moved_at > WRITE_SECONDS

    def has_lingered(self, now: float) -> bool:
        """Whether the moment after the last byte is over. To be asked after `is_stuck`."""
        return self._lingering and not self._unsent_before and now - self._moved_at >= LINGER_SECONDS
