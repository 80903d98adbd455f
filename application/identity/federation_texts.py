"""What single sign-on gives out to be brought back: attempts and codes, and the addresses that codes are sent to."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from application.identity.federation_ports import Secrets
from domain.identity.federation import ProvenIdentity
from domain.identity.sessions import Authentication, Method
from domain.shared.entity import plain
from domain.shared.values import Instant

ATTEMPT, CODE = "oidc-attempt", "oidc-code"
RETURN_TO_MAX = 1000
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A sign-in that a browser has begun."""

    provider: str
    secrets: Secrets
    expires_at: Instant
    return_to: str | None = None
    challenge: str | None = None
    max_age: int | None = None
    link: bool = False

    def members(self) -> Mapping[str, Any]:
        own = self.secrets
        return {
            "provider": self.provider,
            "secrets": [own.state, own.nonce, own.verifier],
            "expires_at": plain(self.expires_at),
            "rest": [self.return_to, self.challenge, self.max_age, self.link],
        }

    @classmethod
    def of(cls, members: Mapping[str, Any] | None) -> "Attempt | None":
        if members is None:
            return None
        state, nonce, verifier = members["secrets"]
        return_to, challenge, max_age, link = members["rest"]
        return cls(
            provider=members["provider"],
            secrets=Secrets(state=state, nonce=nonce, verifier=verifier),
            expires_at=datetime.fromisoformat(members["expires_at"]),
            return_to=return_to,
            challenge=challenge,
            max_age=max_age,
            link=link,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Who was proven, for whoever has the verifier of `challenge`. `user_id` is None where it is to be linked."""

    id: str
    provider: str
    challenge: str
    expires_at: Instant
    identity: ProvenIdentity
    user_id: UUID | None

    def members(self) -> Mapping[str, Any]:
        """Values of claims stay out: roles are given before a code is, and a linked identity gets its own later."""
        proven = self.identity
        return {
            "code": [self.id, self.provider, self.challenge, plain(self.expires_at), plain(self.user_id)],
            "identity": [proven.issuer, proven.subject, proven.email, proven.email_verified],
            "authentication": [plain(proven.authentication.at), *plain(proven.authentication.methods)],
        }

    @classmethod
    def of(cls, members: Mapping[str, Any] | None) -> "Code | None":
        if members is None:
            return None
        code_id, provider, challenge, expires_at, user_id = members["code"]
        issuer, subject, email, email_verified = members["identity"]
        at, *methods = members["authentication"]
        authentication = Authentication(datetime.fromisoformat(at), tuple(map(Method, methods)))
        return cls(
            id=code_id,
            provider=provider,
            challenge=challenge,
            expires_at=datetime.fromisoformat(expires_at),
            identity=ProvenIdentity(
                issuer=issuer,
                subject=subject,
                email=email,
                email_verified=email_verified,
                authentication=authentication,
            ),
            user_id=UUID(user_id) if user_id else None,
        )


class ReturnAddresses:
    """The addresses that a browser may be sent back to: those below these origins."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = tuple(origins)

    def allow(self, address: str) -> bool:
        """Whether a browser that goes there stays with one of the origins. Nothing is guessed: what follows the origin
        must be a path or a query, in characters of RFC 3986, without a fragment."""
        if len(address) > RETURN_TO_MAX:
            return False
        rests = [address[len(origin) :] for origin in self._origins if address.startswith(origin)]
        return any(rest[:1] in {"", "/", "?"} and _ADDRESS.fullmatch(rest) for rest in rests)


def challenge_of(verifier: str) -> str:
    """The challenge of a verifier by S256 (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
