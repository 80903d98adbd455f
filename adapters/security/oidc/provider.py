"""The port `OpenIdProvider` over HTTP: authorization code flow with PKCE (OpenID Connect Core §3.1, RFC 7636)."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from adapters.security.oidc.discovery import Discovery, Endpoints
from adapters.security.oidc.fetching import Fetched, Fetcher
from adapters.security.oidc.id_tokens import Expected, claims_of, header_of
from application.identity.federation_ports import ProviderAnswer, Secrets
from application.identity.federation_texts import challenge_of
from domain.identity.errors import ClientRefused, ProofRefused, ProviderDenied, ProviderUnavailable
from domain.identity.federation import ProvenIdentity
from domain.identity.sessions import Authentication, Method
from domain.shared.values import Instant

CALL_SECONDS = 10.0
VALUES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """This service as a client of one provider.

    `email_counts` takes e-mail addresses of this provider as verified, whatever it says; `roles_claim` is a member of
    the claims, or the way to one with dots between.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    redirect_uri: str
    scopes: Sequence[str] = ("openid", "email", "profile")
    roles_claim: str | None = None
    email_counts: bool = False

    def __repr__(self) -> str:
        return f"Registration({self.issuer})"


class HttpOpenIdProvider:
    """Speaks to one provider."""

    def __init__(self, registration: Registration, discovery: Discovery, fetcher: Fetcher) -> None:
        self._registration, self._discovery, self._fetcher = registration, discovery, fetcher

    async def authorization_url(self, secrets: Secrets, max_age: int | None) -> str:
        endpoints, own = await self._discovery.endpoints(), self._registration
        parameters = {
            "response_type": "code",
            "client_id": own.client_id,
            "redirect_uri": own.redirect_uri,
            "scope": " ".join(own.scopes),
            "state": secrets.state,
            "nonce": secrets.nonce,
            "code_challenge": challenge_of(secrets.verifier),
            "code_challenge_method": "S256",
        }
        if max_age is not None:
            parameters["max_age"] = str(max_age)
        joint = "&" if "?" in endpoints.authorization else "?"
        return f"{endpoints.authorization}{joint}{urlencode(parameters)}"

    async def prove(
        self, secrets: Secrets, answer: ProviderAnswer, max_age: int | None, now: Instant
    ) -> ProvenIdentity:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._prove(secrets, answer, max_age, now)
        except TimeoutError:
            raise ProviderUnavailable() from None

    async def check(self) -> None:
        await self._discovery.check()

    async def _prove(
        self, secrets: Secrets, answer: ProviderAnswer, max_age: int | None, now: Instant
    ) -> ProvenIdentity:
        endpoints, own = await self._discovery.endpoints(), self._registration
        if (answer.issuer or endpoints.tells_issuer) and answer.issuer != own.issuer:
            raise ProofRefused("the answer is of another issuer")
        if answer.error is not None or not answer.code:
            raise ProviderDenied()
        tokens = await self._tokens(endpoints, answer.code, secrets.verifier)
        token, access_token = str(tokens.get("id_token")), tokens.get("access_token")
        kid, algorithm = header_of(token)
        expected = Expected(
            issuer=own.issuer,
            client_id=own.client_id,
            nonce=secrets.nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            max_age=max_age,
        )
        key = await self._discovery.key(kid, algorithm)
        claims = claims_of(token, key, algorithm, expected, now)
        further = await self._further(endpoints, claims, expected.access_token)
        return self._identity(claims, further, now)

    async def _tokens(self, endpoints: Endpoints, code: str, verifier: str) -> Mapping[str, Any]:
        own = self._registration
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": own.redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if own.client_secret is not None and "client_secret_basic" in endpoints.token_auth:
            pair = f"{quote_plus(own.client_id)}:{quote_plus(own.client_secret)}"  # RFC 6749 §2.3.1
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = own.client_id
            if own.client_secret is not None:
                form["client_secret"] = own.client_secret
        answer = await self._fetcher.post(endpoints.token, form, headers)
        if answer.status != 200:
            raise _refusal(answer)
        return answer.members

    async def _further(
        self, endpoints: Endpoints, claims: Mapping[str, Any], access_token: str | None
    ) -> Mapping[str, Any]:
        """Claims of the userinfo endpoint, where the ID token lacks some; those of somebody else are refused."""
        lacking = "email" not in claims or _values(claims, self._registration.roles_claim) is None
        if not lacking or endpoints.userinfo is None or access_token is None:
            return {}
        answer = await self._fetcher.get(endpoints.userinfo, {"Authorization": f"Bearer {access_token}"})
        if answer.status != 200:
            raise ProviderUnavailable()
        if answer.members.get("sub") != claims["sub"]:
            raise ProofRefused("the user information is somebody else's")
        return answer.members

    def _identity(self, claims: Mapping[str, Any], further: Mapping[str, Any], now: Instant) -> ProvenIdentity:
        own, of_address = self._registration, claims if "email" in claims else further
        email = of_address.get("email")
        told = of_address.get("email_verified")
        values = _values(claims, own.roles_claim) or _values(further, own.roles_claim) or []
        return ProvenIdentity(
            issuer=own.issuer,
            subject=claims["sub"],
            authentication=_authentication(claims, now),
            email=email if isinstance(email, str) else None,
            email_verified=own.email_counts or told is True or told == "true",
            name=_first_text(claims.get("name"), further.get("name"), claims.get("preferred_username")),
            values=frozenset(values),
        )


def _refusal(answer: Fetched) -> Exception:
    error = answer.members.get("error")
    if error == "invalid_grant":
        return ProofRefused("the provider does not know the code")
    if answer.status in {400, 401, 403} and error is not None:
        return ClientRefused()
    return ProviderUnavailable()


def _authentication(claims: Mapping[str, Any], now: Instant) -> Authentication:
    """When and how the person signed in at the provider; now, where it does not tell."""
    proven, methods = claims.get("auth_time"), claims.get("amr")
    at = now
    if isinstance(proven, (int, float)) and not isinstance(proven, bool) and 0 <= proven < now.timestamp():
        at = datetime.fromtimestamp(proven, UTC)
    several = isinstance(methods, list) and Method.SEVERAL in methods
    return Authentication(at, (Method.FEDERATED, *((Method.SEVERAL,) if several else ())))


def _values(claims: Mapping[str, Any], name: str | None) -> list[str] | None:
    """The texts of a claim; of one that is absent None, and none where no claim is asked for."""
    if name is None:
        return []
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return [item for item in items[:VALUES_MAX] if isinstance(item, str)]


def _first_text(*values: object) -> str | None:
    return next((value for value in values if isinstance(value, str) and value.strip()), None)
