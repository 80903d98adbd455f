"""One-time links: how a token is made for a mail, found again by its text, and spent with what it is good for."""

import json
from dataclasses import asdict, dataclass

from application.identity.link_ports import OneTimeSecrets
from application.identity.ports import IdentityWork
from application.shared.ports import SealedBox
from domain.identity.errors import LinkInvalid
from domain.identity.one_time_tokens import OneTimeToken, TokenPurpose
from domain.identity.users import User
from domain.shared.values import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContent:
    """What a token stands for: the address that it was sent to, and what follows from its use.

    `before` is the address that a change replaces. `name` and `password_hash` are those of somebody who registers.
    """

    email: str
    before: str | None = None
    name: str | None = None
    password_hash: str | None = None


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
        text, secret_hash = self._secrets.mint()
        subject = str(user.id) if user else self._secrets.subject_of(content.email)
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
        """What somebody who registers has handed in and not confirmed yet."""
        token = await uow.one_time_tokens.of_subject(self._secrets.subject_of(email), TokenPurpose.REGISTER)
        return None if token is None else self._content(token)

    async def open(self, uow: IdentityWork, text: str, *purposes: TokenPurpose) -> OpenLink:
        """The unspent token of one of these purposes. Raises LinkInvalid for any other text, and where the account was
        shut or has another address by now."""
        secret_hash = self._secrets.read(text)
        token = await uow.one_time_tokens.by_secret(secret_hash) if secret_hash else None
        if token is None or token.purpose not in purposes:
            raise LinkInvalid()
        content, user = self._content(token), None
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

    def _content(self, token: OneTimeToken) -> LinkContent:
        try:
            return LinkContent(**json.loads(self._seal.open(token.content, token.purpose.encode())))
        except ValueError:
            raise LinkInvalid() from None
