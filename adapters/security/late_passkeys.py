"""The ceremonies of WebAuthn where nobody has used a passkey yet: without their library, the heaviest of identity."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from application.identity.factor_ports import Assertion, PasskeyCeremonies, ShownCredential
from domain.identity.passkeys import Credential, Passkey
from domain.identity.users import User


class LatePasskeyCeremonies:
    """The port `PasskeyCeremonies` by what `make` gives, which is called when a passkey is first used."""

    def __init__(self, make: Callable[[], PasskeyCeremonies]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> PasskeyCeremonies:
        return self._make()

    def creation_options(self, user: User, challenge: bytes, known: Sequence[Passkey]) -> Mapping[str, Any]:
        return self._made.creation_options(user, challenge, known)

    def request_options(self, challenge: bytes, known: Sequence[Passkey] = ()) -> Mapping[str, Any]:
        return self._made.request_options(challenge, known)

    def read(self, content: Mapping[str, Any]) -> ShownCredential | None:
        return self._made.read(content)

    def created(self, shown: ShownCredential) -> Credential | None:
        return self._made.created(shown)

    def asserted(self, shown: ShownCredential, public_key: bytes) -> Assertion | None:
        return self._made.asserted(shown, public_key)
