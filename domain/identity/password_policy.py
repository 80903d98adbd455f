"""Which passwords are taken, after NIST SP 800-63B-4 §3.1.1: long, not common, not the account's own names."""

import re
import unicodedata
from dataclasses import dataclass

from domain.identity.errors import PasswordRefused
from domain.shared.errors import Violation

PASSWORD_MIN = 15
PASSWORD_MIN_ALLOWED = 8
"""Also enough for whoever signs in with a second factor as well."""
PASSWORD_MAX = 1024
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def normal_password(text: str) -> str:
    """The form that is hashed: NFKC, so that the same password typed on two keyboards is the same."""
    return unicodedata.normalize("NFKC", text)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """The rules for a new password. `minimum` counts characters; below 8 nothing is secure."""

    minimum: int = PASSWORD_MIN

    def __post_init__(self) -> None:
        if self.minimum < PASSWORD_MIN_ALLOWED:
            raise ValueError(f"the shortest password may not be set below {PASSWORD_MIN_ALLOWED} characters")

    def check(
        self,
        password: str,
        *,
        common: bool,
        name: str,
        email: str,
        second_factor: bool = False,
        pointer: str = "/password",
    ) -> None:
        """Raise PasswordRefused where a rule breaks. `password` is in normal form, `common` says if it is listed.

        Where it is not the only factor, eight characters are enough.
        """
        minimum = PASSWORD_MIN_ALLOWED if second_factor else self.minimum
        if len(password) < minimum:
            raise _refused(pointer, "too_short", f"Use at least {minimum} characters; a few words are easiest.")
        if len(password) > PASSWORD_MAX:
            raise _refused(pointer, "too_long", f"Use at most {PASSWORD_MAX} characters.")
        if not _is_text(password):
            raise _refused(pointer, "not_text", "Use characters of Unicode text only.")
        if common:
            raise _refused(pointer, "too_common", "This is among the passwords that are guessed first. Take another.")
        if _names_account(password, name, email):
            raise _refused(pointer, "own_name", "Do not use the name or e-mail address of the account.")


def _refused(pointer: str, code: str, detail: str) -> PasswordRefused:
    return PasswordRefused(violations=[Violation(pointer, code, detail)])


def _is_text(password: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" or character == "\x00" for character in password)


def _names_account(password: str, name: str, email: str) -> bool:
    """Whether the password is the name or the address, bare or with digits and signs around it."""
    local = email.partition("@")[0]
    own = {_bare(text) for text in (name, email, local, local + name, name + local)} - {""}
    core = _bare(password)
    return core in own or core[::-1] in own


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", "", _EDGES.sub("", folded))
