"""Single sign-on: a browser is sent to an OpenID provider, comes back, and its client gets tokens.

Two sealed texts carry what happens between the requests, so that nothing is stored for those who never come back: the
*attempt*, which the browser keeps as a cookie while it is at the provider, and the *code* (RFC 6749 §4.1), which the
client trades for tokens with the verifier that it has kept (RFC 7636). Each can be used once.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from application.identity.federated_accounts import FederatedAccounts
from application.identity.federation_ports import OpenIdProvider, ProviderAnswer, SealedTexts, Secrets, SpentProofs
from application.identity.federation_texts import ATTEMPT, CODE, Attempt, Code, ReturnAddresses, challenge_of
from application.identity.session_starts import SessionStarts
from application.identity.views import TokenPair
from application.shared.ports import Clock
from domain.identity.errors import WRONG_CODE, InvalidGrant, SignInNotBegun
from domain.identity.federation import ProvenIdentity, ProviderPolicy
from domain.shared.actor import Origin
from domain.shared.errors import FastOpsError, Invalid, Kind, NotFound, Violation

ATTEMPT_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(minutes=1)
SECRET_BYTES = 32
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A configured provider: `title` is for people, `client` speaks to it."""

    name: str
    title: str
    policy: ProviderPolicy
    client: OpenIdProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where the browser goes, and what it keeps meanwhile under a name that `state` makes its own."""

    url: str
    state: str
    sealed: str


class FederationService:
    """Signs people in by providers. `issuer` is this service's own, which clients are told (RFC 9207)."""

    def __init__(
        self,
        providers: Sequence[Provider],
        accounts: FederatedAccounts,
        starts: SessionStarts,
        texts: SealedTexts,
        spent: SpentProofs,
        clock: Clock,
        addresses: ReturnAddresses,
        issuer: str,
    ) -> None:
        self._providers: Mapping[str, Provider] = {provider.name: provider for provider in providers}
        self._accounts, self._starts, self._texts, self._spent = accounts, starts, texts, spent
        self._clock, self._addresses, self._issuer = clock, addresses, issuer

    def providers(self) -> Sequence[Provider]:
        """Those that are configured, in that order."""
        return list(self._providers.values())

    async def begin(
        self,
        name: str,
        *,
        return_to: str | None = None,
        challenge: str | None = None,
        max_age: int | None = None,
        link: bool = False,
    ) -> Begun:
        """Begin a sign-in. Raises NotFound for a provider that is not configured, Invalid, and ProviderUnavailable.

        The client at `return_to` is told a code, which is worth something only with the verifier of `challenge`. With
        `link` that code adds the identity to the account that its client is signed in to.
        """
        provider = self._provider(name)
        self._check(return_to, challenge, link=link)
        own = Secrets(
            state=secrets.token_urlsafe(SECRET_BYTES),
            nonce=secrets.token_urlsafe(SECRET_BYTES),
            verifier=secrets.token_urlsafe(SECRET_BYTES),
        )
        attempt = Attempt(
            provider=name,
            secrets=own,
            expires_at=self._clock.now() + ATTEMPT_LIFETIME,
            return_to=return_to,
            challenge=challenge,
            max_age=max_age,
            link=link,
        )
        url = await provider.client.authorization_url(own, max_age)
        return Begun(url=url, state=own.state, sealed=self._texts.seal(ATTEMPT, attempt.members()))

    def attempt(self, name: str, state: str | None, sealed: str | None) -> Attempt:
        """The attempt that a browser comes back from. Raises NotFound, and SignInNotBegun where it is another's."""
        self._provider(name)
        attempt = Attempt.of(self._texts.open(ATTEMPT, sealed) if sealed else None)
        if attempt is None or attempt.provider != name or attempt.expires_at <= self._clock.now():
            raise SignInNotBegun()
        if state is None or not secrets.compare_digest(attempt.secrets.state.encode(), state.encode()):
            raise SignInNotBegun()
        return attempt

    async def finish(
        self, origin: Origin, attempt: Attempt, answer: ProviderAnswer, user_agent: str | None = None
    ) -> TokenPair | str:
        """Tokens, or the address to go on to with a code. Raises SignInNotBegun for an attempt that was used before,
        what `OpenIdProvider.prove` and `FederatedAccounts.account_of` raise, and InvalidGrant."""
        provider = self._provider(attempt.provider)
        if not await self._spent.spend(_digest(attempt.secrets.state), attempt.expires_at):
            raise SignInNotBegun()
        proven = await provider.client.prove(attempt.secrets, answer, attempt.max_age, self._clock.now())
        if attempt.link:
            return self._back(attempt, code=self._code(attempt, proven, None))
        user_id = await self._accounts.account_of(origin, provider.name, provider.policy, proven)
        if attempt.return_to is not None:
            return self._back(attempt, code=self._code(attempt, proven, user_id))
        return await self._starts.begin(origin, user_id, proven.authentication, user_agent)

    def refused(self, attempt: Attempt, refusal: FastOpsError) -> str | None:
        """Where to tell the client of a refusal (RFC 6749 §4.1.2.1); None where the browser itself is told."""
        if attempt.return_to is None:
            return None
        error = "temporarily_unavailable" if refusal.kind is Kind.UNAVAILABLE else "access_denied"
        page = f"{self._issuer}/problems/{refusal.code}"
        return self._back(attempt, error=error, error_description=refusal.detail, error_uri=page)

    async def code_grant(self, origin: Origin, *, code: str, verifier: str, user_agent: str | None = None) -> TokenPair:
        """Trade a code for tokens. Raises InvalidGrant."""
        proven = await self.spend(code, verifier)
        if proven.user_id is None:
            raise InvalidGrant(detail=WRONG_CODE)
        try:
            return await self._starts.begin(origin, proven.user_id, proven.identity.authentication, user_agent)
        except InvalidGrant:
            raise InvalidGrant(detail=WRONG_CODE) from None

    async def spend(self, code: str, verifier: str) -> Code:
        """What a code stands for; it is used up then. Raises InvalidGrant for any other text or verifier."""
        found = Code.of(self._texts.open(CODE, code))
        if found is None or found.expires_at <= self._clock.now() or not _VERIFIER.fullmatch(verifier):
            raise InvalidGrant(detail=WRONG_CODE)
        if not secrets.compare_digest(found.challenge, challenge_of(verifier)):
            raise InvalidGrant(detail=WRONG_CODE)
        if not await self._spent.spend(_digest(found.id), found.expires_at):
            raise InvalidGrant(detail=WRONG_CODE)
        return found

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            raise NotFound(detail="There is no OpenID provider of this name; list them to see which there are.")
        return self._providers[name]

    def _check(self, return_to: str | None, challenge: str | None, *, link: bool) -> None:
        broken = []
        if return_to is not None and not self._addresses.allow(return_to):
            detail = "Name an address of this service or of CORS_ORIGINS, without a fragment."
            broken.append(Violation("return_to", "return_to_not_allowed", detail))
        if (return_to is None) != (challenge is None) or (challenge and not _CHALLENGE.fullmatch(challenge)):
            detail = "With return_to, and only then, send the S256 challenge of a verifier: 43 characters (RFC 7636)."
            broken.append(Violation("code_challenge", "form", detail))
        if link and return_to is None:
            broken.append(Violation("return_to", "missing", "Send return_to with link: the code goes there."))
        if broken:
            raise Invalid(violations=broken)

    def _code(self, attempt: Attempt, proven: ProvenIdentity, user_id: UUID | None) -> str:
        code = Code(
            id=secrets.token_urlsafe(SECRET_BYTES),
            provider=attempt.provider,
            challenge=attempt.challenge or "",
            expires_at=self._clock.now() + CODE_LIFETIME,
            identity=proven,
            user_id=user_id,
        )
        return self._texts.seal(CODE, code.members())

    def _back(self, attempt: Attempt, **parameters: str) -> str:
        address = attempt.return_to or ""
        return f"{address}{'&' if '?' in address else '?'}{urlencode({**parameters, 'iss': self._issuer})}"


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
