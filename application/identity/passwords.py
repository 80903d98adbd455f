"""How use cases take new passwords and check given ones: the policy, the list of common ones, and the hasher."""

from uuid import UUID

from application.identity.ports import CommonPasswords, IdentityWork, PasswordHasher
from domain.identity.credentials import PasswordCredential
from domain.identity.password_policy import PASSWORD_MAX, PasswordPolicy, normal_password
from domain.shared.values import Instant


class PasswordKeeper:
    """The one way in which passwords meet their hashes; both sides in normal form."""

    def __init__(self, policy: PasswordPolicy, common: CommonPasswords, hasher: PasswordHasher) -> None:
        self._policy, self._common, self._hasher = policy, common, hasher

    async def hash(self, password: str, *, name: str, email: str, pointer: str = "/password") -> str:
        """The hash of a new password. Raises PasswordRefused, pointing at `pointer`, and Unavailable when busy."""
        text = normal_password(password[: PASSWORD_MAX + 1])
        common = len(text) <= PASSWORD_MAX and self._common.contains(text)
        self._policy.check(text, common=common, name=name, email=email, pointer=pointer)
        return await self._hasher.hash(text)

    def require_room(self) -> None:
        """Raises Unavailable with retry_after where `verify` would; whose password it is makes no difference."""
        self._hasher.require_room()

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it fits, and a new hash where parameters have changed; None costs and answers like a wrong one.

        Raises Unavailable with retry_after when too much is waiting.
        """
        return await self._hasher.verify(normal_password(password[: PASSWORD_MAX + 1]), password_hash)


async def put_password(uow: IdentityWork, user_id: UUID, password_hash: str, at: Instant) -> None:
    """Have this be the user's password, the first one or in place of another."""
    credential = await uow.passwords.find(user_id)
    if credential is None:
        uow.passwords.add(PasswordCredential.set(user_id, password_hash, at))
    else:
        credential.change(password_hash, at)
