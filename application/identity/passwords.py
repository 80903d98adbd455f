"""How use cases take new passwords and check given ones: the policy, the list of common ones, and the hasher."""

from uuid import UUID

from application.identity.factor_ports import SHORT_PASSWORD, FactorWork
from application.identity.ports import CommonPasswords, IdentityWork, PasswordHasher
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import PasswordRefused
from domain.identity.password_policy import PASSWORD_MAX, PasswordPolicy, normal_password
from domain.shared.errors import Violation
from domain.shared.values import Instant

UNKNOWN_HASH = "Use a hash of argon2, bcrypt, scrypt or PBKDF2 in the form of passlib or Django, of usual cost."


class PasswordKeeper:
    """The one way in which passwords meet their hashes; both sides in normal form."""

    def __init__(self, policy: PasswordPolicy, common: CommonPasswords, hasher: PasswordHasher) -> None:
        self._policy, self._common, self._hasher = policy, common, hasher

    async def hash(
        self, password: str, *, name: str, email: str, second_factor: bool = False, pointer: str = "/password"
    ) -> str:
        """The hash of a new password; with a `second_factor` beside it a shorter one will do.

        Raises PasswordRefused, pointing at `pointer`, and Unavailable when busy.
        """
        text = normal_password(password[: PASSWORD_MAX + 1])
        common = len(text) <= PASSWORD_MAX and self._common.contains(text)
        self._policy.check(text, common=common, name=name, email=email, second_factor=second_factor, pointer=pointer)
        return await self._hasher.hash(text)

    def is_short(self, password: str) -> bool:
        """Whether it is long enough only beside a second factor."""
        return len(normal_password(password)) < self._policy.minimum

    def adopt(self, foreign: str) -> str:
        """A hash that another system made, as it is stored until its owner signs in. Raises PasswordRefused."""
        kept = self._hasher.adopted(foreign)
        if kept is None:
            raise PasswordRefused(violations=[Violation("/password_hash", "hash_unknown", UNKNOWN_HASH)])
        return kept

    def require_room(self) -> None:
        """Raises Unavailable with retry_after where `verify` would; whose password it is makes no difference."""
        self._hasher.require_room()

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it fits, and a new hash where parameters have changed; None costs and answers like a wrong one.

        Raises Unavailable with retry_after when too much is waiting.
        """
        return await self._hasher.verify(normal_password(password[: PASSWORD_MAX + 1]), password_hash)


async def has_second_factor(uow: FactorWork, user_id: UUID) -> bool:
    """Whether a sign-in of this user takes more than the password."""
    totp = await uow.totp_factors.find(user_id)
    return (totp is not None and totp.is_active) or bool(await uow.passkeys.of_user(user_id))


async def put_password(
    uow: IdentityWork, user_id: UUID, password_hash: str, at: Instant, *, is_short: bool = False
) -> None:
    """Have this be the user's password, the first one or in place of another. The commit raises PasswordTooShort where
    a short one has no second factor beside it any more."""
    credential = await uow.passwords.find(user_id)
    if credential is None:
        uow.passwords.add(PasswordCredential.set(user_id, password_hash, at, is_short=is_short))
    else:
        credential.change(password_hash, at, is_short=is_short)
    if is_short:
        uow.guard(SHORT_PASSWORD, user_id)
