"""Ports of what goes by mail: unspent one-time tokens, and their secrets."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.identity.one_time_tokens import OneTimeToken, TokenPurpose
from domain.shared.values import Instant


class OneTimeTokens(Protocol):
    """Unspent tokens; one for each subject and purpose. Of two that are added at once the later raises StaleVersion."""

    async def by_secret(self, secret_hash: bytes) -> OneTimeToken | None:
        """The token with a secret of this hash, of whatever purpose."""

    async def of_subject(self, subject: str, purpose: TokenPurpose) -> OneTimeToken | None: ...
    async def of_user(self, user_id: UUID) -> Sequence[OneTimeToken]: ...

    async def expired(self, before: Instant, limit: int) -> Sequence[OneTimeToken]:
        """Up to `limit` of those whose time was over by `before`."""

    def add(self, token: OneTimeToken) -> None: ...
    def remove(self, token: OneTimeToken) -> None: ...


class OneTimeSecrets(Protocol):
    """Texts of one-time tokens: 32 random bytes, base64url."""

    def mint(self) -> tuple[str, bytes]:
        """A text, which is mailed, and the SHA-256 of its bytes, which is kept."""

    def read(self, text: str) -> bytes | None:
        """The hash; None where the text has not the form of a token."""

    def subject_of(self, address: str) -> str:
        """What stands for an address that has no account: 64 hexadecimal digits, told by this installation alone."""
