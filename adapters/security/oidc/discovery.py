"""What a provider publishes of itself: its endpoints (OpenID Connect Discovery) and its keys (RFC 7517), remembered."""

import asyncio
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from adapters.security.oidc.addresses import is_safe
from adapters.security.oidc.fetching import Fetcher
from domain.identity.errors import ProviderUnavailable

PublicKey = RSAKey | ECKey | OKPKey
Timer = Callable[[], float]
"""Seconds that only ever grow."""

KEPT_SECONDS = 3600.0
REFETCH_SECONDS = 60.0
"""Between two looks for unknown keys, so that tokens of such keys do not make this service ask each time."""
PAUSE_SECONDS = 5.0
"""After a failure nobody asks again for so long; until then all are refused at once."""
KEYS_MAX = 100
RSA_BITS_MIN = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The part of the discovery document that is used. `tells_issuer`: its answers carry `iss` (RFC 9207)."""

    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    token_auth: frozenset[str]
    tells_issuer: bool


class Discovery:
    """Asks one issuer, at most once at a time, and again after an hour."""

    def __init__(self, issuer: str, fetcher: Fetcher, timer: Timer = time.monotonic) -> None:
        self._issuer, self._fetcher, self._timer = issuer, fetcher, timer
        self._in_clear = issuer.startswith("http://")
        self._lock = asyncio.Lock()
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, Sequence[PublicKey]] | None = None
        self._failed, self._flaw = -PAUSE_SECONDS, ""

    async def endpoints(self) -> Endpoints:
        """Raises ProviderUnavailable where the document cannot be had, or is another issuer's."""
        async with self._lock:
            return await self._endpoints_now()

    async def check(self) -> None:
        """Raises ProviderUnavailable where the document or the keys cannot be had, or there is no key."""
        async with self._lock:
            if not await self._keys_now():
                raise ProviderUnavailable("publishes no key that is taken")

    async def key(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key of this id; without one the only key that fits the algorithm. None where there is none.

        An unknown id is looked for anew, because providers rotate their keys, but not more often than once a minute.
        """
        async with self._lock:
            found = _fitting(await self._keys_now(), kid, algorithm)
            if found is None and self._keys is not None and self._timer() - self._keys[0] >= REFETCH_SECONDS:
                found = _fitting(await self._fetched_keys(), kid, algorithm)
            return found

    async def _endpoints_now(self) -> Endpoints:
        if self._endpoints is None or self._timer() - self._endpoints[0] >= KEPT_SECONDS:
            path = "/.well-known/openid-configuration"
            members = await self._ask(self._issuer.removesuffix("/") + path)
            self._endpoints = self._timer(), self._read(members)
        return self._endpoints[1]

    async def _keys_now(self) -> Sequence[PublicKey]:
        if self._keys is None or self._timer() - self._keys[0] >= KEPT_SECONDS:
            return await self._fetched_keys()
        return self._keys[1]

    async def _fetched_keys(self) -> Sequence[PublicKey]:
        members = await self._ask((await self._endpoints_now()).jwks)
        self._keys = self._timer(), _public_keys(members.get("keys"))
        return self._keys[1]

    async def _ask(self, url: str) -> Mapping[str, Any]:
        wait = self._failed + PAUSE_SECONDS - self._timer()
        if wait > 0:
            raise ProviderUnavailable(self._flaw, retry_after=wait)
        try:
            answer = await self._fetcher.get(url)
            if answer.status != 200 or not answer.members:
                raise ProviderUnavailable(f"answers with status {answer.status} and without members at {url}")
        except ProviderUnavailable as error:
            raise self._noted(error.flaw) from None
        return answer.members

    def _noted(self, flaw: str) -> ProviderUnavailable:
        """The refusal, which all others get as well for a while."""
        self._failed, self._flaw = self._timer(), flaw
        return ProviderUnavailable(flaw)

    def _read(self, members: Mapping[str, Any]) -> Endpoints:
        needed = [members.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        userinfo = members.get("userinfo_endpoint")
        fine = all(is_safe(url, in_clear=self._in_clear) for url in [*needed, *([userinfo] if userinfo else [])])
        if members.get("issuer") != self._issuer:
            raise self._noted("says that its issuer is another one")
        if not fine:
            raise self._noted("names addresses that are not used: they must begin with https://")
        auth = members.get("token_endpoint_auth_methods_supported")
        return Endpoints(
            authorization=str(needed[0]),
            token=str(needed[1]),
            jwks=str(needed[2]),
            userinfo=userinfo or None,
            token_auth=frozenset(map(str, auth)) if isinstance(auth, list) else frozenset({"client_secret_basic"}),
            tells_issuer=members.get("authorization_response_iss_parameter_supported") is True,
        )


def _public_keys(published: object) -> Sequence[PublicKey]:
    """The keys for signatures among those published; the others, weak and secret ones included, are passed over."""
    keys: list[PublicKey] = []
    for item in (published if isinstance(published, list) else [])[:KEYS_MAX]:
        if not isinstance(item, dict) or item.get("use", "sig") != "sig":
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that RSA keys are short, which is looked at below
                key = JWKRegistry.import_key(item)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < RSA_BITS_MIN:
            continue
        if isinstance(key, (RSAKey, ECKey, OKPKey)):
            keys.append(key)
    return keys


def _fitting(keys: Sequence[PublicKey], kid: str | None, algorithm: str) -> PublicKey | None:
    kind = {"R": RSAKey, "P": RSAKey, "E": OKPKey if algorithm.startswith("Ed") else ECKey}[algorithm[0]]
    fitting = [key for key in keys if isinstance(key, kind) and key.get("alg", algorithm) == algorithm]
    if kid is not None:
        return next((key for key in fitting if key.get("kid") == kid), None)
    return fitting[0] if len(fitting) == 1 else None
