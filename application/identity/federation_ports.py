"""Ports of single sign-on: the provider as seen from here, what is sealed and handed out, and the view of the work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from application.identity.ports import IdentityWork
from domain.identity.federation import FederatedIdentity, ProvenIdentity
from domain.shared.values import Instant


class FederatedIdentities(Protocol):
    async def find(self, id: UUID) -> FederatedIdentity | None:
        """None where there is none."""

    async def by_subject(self, issuer: str, subject: str) -> FederatedIdentity | None:
        """Who signs in as this account of this issuer."""

    async def of_user(self, user_id: UUID) -> Sequence[FederatedIdentity]:
        """All of a user, oldest first."""

    def add(self, identity: FederatedIdentity) -> None: ...
    def remove(self, identity: FederatedIdentity) -> None: ...


class FederationWork(IdentityWork, Protocol):
    """What a use case of single sign-on can touch."""

    @property
    def identities(self) -> FederatedIdentities: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What one attempt to sign in is held by: `state` and `nonce` (OpenID Connect), `verifier` (PKCE, RFC 7636)."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """What a browser brought back from a provider (RFC 6749 §4.1.2). `issuer` is that of RFC 9207."""

    code: str | None = field(default=None, repr=False)
    error: str | None = None
    issuer: str | None = None


class OpenIdProvider(Protocol):
    """One OpenID provider, by its discovery document. No call takes more than 10 s.

    Raises ProviderUnavailable with retry_after whenever it does not answer as OpenID Connect says: it is down, slow,
    sends too much or what cannot be read; and ClientRefused where it does not accept this service as its client.
    """

    async def authorization_url(self, secrets: Secrets, max_age: int | None) -> str:
        """Where to send the browser. `max_age` asks for a sign-in of the last so many seconds."""

    async def prove(
        self, secrets: Secrets, answer: ProviderAnswer, max_age: int | None, now: Instant
    ) -> ProvenIdentity:
        """Who came back. Spends the code of the answer.

        Raises ProviderDenied where the provider has not signed anybody in, and ProofRefused where issuer, code or ID
        token are not what they have to be (OpenID Connect Core §3.1.3.7).
        """

    async def check(self) -> None:
        """Look whether discovery document and keys can be had and are as they must be."""


class SealedTexts(Protocol):
    """Members that somebody else keeps for this service: encrypted, authenticated, fit for URLs and cookies."""

    def seal(self, purpose: str, members: Mapping[str, Any]) -> str:
        """JSON members as text. It opens for the same purpose only."""

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        """The members; None for whatever this installation has not sealed for this purpose."""


class SpentProofs(Protocol):
    """Remembers what may be used once, by its SHA-256, on all processes. Machinery: no journal entries."""

    async def spend(self, digest: bytes, until: Instant) -> bool:
        """Whether this is the first use; of several at once one is. It need not be remembered after `until`.

        One atomic statement at once. Raises Unavailable when the store is down.
        """

    async def forget(self, now: Instant, limit: int) -> int:
        """Remove up to `limit` that need not be remembered any more; how many went."""
