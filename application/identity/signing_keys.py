"""Port of the keys that sign access tokens: the ring as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from application.shared.notes import Note
from domain.shared.values import Instant


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """One row of the key ring. `state` is next, active or retired; the private key is sealed under the master key."""

    kid: str
    state: str
    public_jwk: Mapping[str, str]
    private_sealed: bytes
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyChange:
    """Keys that come, new states by kid, and keys that go."""

    add: Sequence[StoredSigningKey] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    remove: Sequence[str] = ()


class SigningKeyStore(Protocol):
    """Rows of the key ring, shared by all processes. Raises Unavailable when down."""

    async def load(self) -> Sequence[StoredSigningKey]:
        """All keys, oldest first."""

    async def change(self, change: SigningKeyChange, note: Note) -> None:
        """Write all of it and its journal entry in one transaction. Keys that are there already are not added again.

        Tokens that a removed key signed are refused from then on.
        """
