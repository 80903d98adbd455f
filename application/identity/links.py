"""One-time links: how a token is made for a mail, found again by its text, and spent with what it is good for."""

import json
from dataclasses import asdict, dataclass, replace

from application.identity.link_ports import OneTimeSecrets
from application.identity.ports import IdentityWork
from application.shared.ports import SealedBox
from domain.identity.errors import LinkInvalid
from domain.identity.one_time_tokens import OneTimeToken, TokenPurpose
from domain.identity.users import User
from domain.shared.values import Instant

REGISTRATIONS_MAX = 5
"""Of one address, open at once: as many as it may be mailed in an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContent:
    """What a token stands for: the address that it was sent to, and what follows from its use.

    `before` is the address that a change replaces. `name` and `password_hash` are those of somebody who registers, and
    `contested` says that the address may have been registered more than once, so that its reader need not be who asked.
    """

    email: str
    before: str | None = None
    name: str | None = None
    password_hash: str | None = None
    contested: bool = False


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A token that may be spent; `user` is None for somebody who registers."""

    token: OneTimeToken
    content: LinkContent
    user: User | None


class Links:
    """Purpose-bound: a token of one purpose is no token at all for another."""

    def __init__(self, secrets: OneTimeSecrets, seal: SealedBox) -> None:
        self._secrets, self._seal = secrets, seal

    async def issue(
        self, uow: IdentityWork, purpose: TokenPurpose, user: User | None, content: LinkContent, at: Instant
    ) -> str:
        """The text of a new token, which replaces an older one of the same subject and purpose at the commit."""
        subject = str(user.id) if user else self._secrets.subject_of(content.email)
        return await self._issue(uow, purpose, subject, user, content, at)

    async def register(self, uow: IdentityWork, content: LinkContent, at: Instant) -> str | None:
        """The text of a new token of a registration. Other open ones of the address stay as they are; None where there
        are as many as may be. The same registration once more gets a token in place of the one before."""
        rows = await self._registrations(uow, content.email)
        others = [
            token for token in rows.values() if token and self.content(token).password_hash != content.password_hash
        ]
        same = [place for place, token in rows.items() if token and token not in others]
        empty = [place for place, token in rows.items() if token is None]
        old = sorted((token.expires_at, place) for place, token in rows.items() if token and token.expires_at <= at)
        subject = next(iter([*same, *empty, *(place for _, place in old)]), None)
        if subject is None:
            return None
        contested = content.contested or any(token.expires_at > at for token in others)
        return await self._issue(uow, TokenPurpose.REGISTER, subject, None, replace(content, contested=contested), at)

    async def _issue(
        self,
        uow: IdentityWork,
        purpose: TokenPurpose,
        subject: str,
        user: User | None,
        content: LinkContent,
        at: Instant,
    ) -> str:
        text, secret_hash = self._secrets.mint()
        sealed = self._seal.seal(json.dumps(asdict(content)).encode(), purpose.encode())
        token = await uow.one_time_tokens.of_subject(subject, purpose)
        if token is not None:
            token.reissue(secret_hash, sealed, at)
            return text
        made = OneTimeToken.issue(
            subject=subject,
            purpose=purpose,
            user_id=user.id if user else None,
            secret_hash=secret_hash,
            content=sealed,
            at=at,
        )
        uow.one_time_tokens.add(made)
        return text

    async def pending(self, uow: IdentityWork, email: str) -> LinkContent | None:
        """What somebody who registers has handed in last and not confirmed yet. Whoever asks for its mail again need
        not have asked for the account, and other registrations may be forgotten by now, so it counts as contested."""
        tokens = sorted(await self.registrations(uow, email), key=lambda token: token.expires_at)
        return replace(self.content(tokens[-1]), contested=True) if tokens else None

    async def registrations(self, uow: IdentityWork, email: str) -> list[OneTimeToken]:
        """What was asked for an address that has no account."""
        return [token for token in (await self._registrations(uow, email)).values() if token]

    async def _registrations(self, uow: IdentityWork, email: str) -> dict[str, OneTimeToken | None]:
        """By their places, which are subjects of their own: the first is the address itself."""
        names = [email, *(f"{email}\n{place}" for place in range(1, REGISTRATIONS_MAX))]
        places = [self._secrets.subject_of(name) for name in names]
        return {place: await uow.one_time_tokens.of_subject(place, TokenPurpose.REGISTER) for place in places}

    async def open(self, uow: IdentityWork, text: str, *purposes: TokenPurpose) -> OpenLink:
        """The unspent token of one of these purposes. Raises LinkInvalid for any other text, and where the account was
        shut or has another address by now."""
        secret_hash = self._secrets.read(text)
        token = await uow.one_time_tokens.by_secret(secret_hash) if secret_hash else None
        if token is None or token.purpose not in purposes:
            raise LinkInvalid()
        content, user = self.content(token), None
        if token.user_id is not None:
            user = await uow.users.find(token.user_id)
            if user is None or not user.is_active or user.email != (content.before or content.email):
                raise LinkInvalid()
        return OpenLink(token, content, user)

    @staticmethod
    def spend(uow: IdentityWork, link: OpenLink, at: Instant) -> None:
        """Use it up at the commit: of several uses at once one wins. Raises LinkInvalid where it has expired."""
        link.token.spend(at)
        uow.one_time_tokens.remove(link.token)

    def content(self, token: OneTimeToken) -> LinkContent:
        """What it stands for. Raises LinkInvalid where it was sealed under another key."""
        try:
            return LinkContent(**json.loads(self._seal.open(token.content, token.purpose.encode())))
        except ValueError:
            raise LinkInvalid() from None
