"""Refusals of the identity context."""

from collections.abc import Mapping
from typing import Any

from domain.shared.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    Malformed,
    RuleBroken,
    Unauthenticated,
    Unavailable,
    Violation,
    WrongState,
)


class EmailTaken(AlreadyExists):
    default_code = "email_taken"
    default_detail = "Another account has this e-mail address."


class LastAdministrator(RuleBroken):
    default_code = "last_admin"
    default_detail = (
        "At least one active administrator who can sign in must remain: give the role admin to another person first, "
        "who has a password, a passkey or a linked identity."
    )


class InvalidGrant(Malformed):
    """A sign-in or refresh that is refused; RFC 6749 §5.2 `invalid_grant`. Says what was shown, and the same for every
    cause."""

    default_code = "invalid_grant"
    default_detail = "The credentials given are not valid."


WRONG_PASSWORD = "The e-mail, the password, or the second factor that was sent is not valid."  # noqa: S105 (a sentence)
WRONG_REFRESH_TOKEN = "The refresh token is not valid: it was used before, or its session is over. Sign in again."  # noqa: S105 (a sentence)
WRONG_PASSKEY = "The passkey is not valid here and now: ask for new options and try again."
WRONG_CODE = "The code or its code_verifier is not valid: a code works once, for a minute. Begin the sign-in again."


class SecondFactorRequired(InvalidGrant):
    """The password was right, and more is asked for; `factors` are the kinds that would do.

    `passkey_options` are what a browser needs to show a passkey (WebAuthn), where there is one.
    """

    default_code = "second_factor_required"
    default_detail = "This account has a second factor: send the same again with a code as totp, or with a passkey."

    def __init__(self, factors: tuple[str, ...] = (), passkey_options: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.factors, self.passkey_options = factors, passkey_options

    @property
    def members(self) -> Mapping[str, Any]:
        told: dict[str, Any] = {"factors": list(self.factors)}
        return told if self.passkey_options is None else {**told, "passkey_options": self.passkey_options}


class CodeRefused(Invalid):
    default_code = "code_refused"
    default_detail = "This code is wrong, too old or was used before; take the one that the app shows now."
    default_violations = (Violation("/code", "code_refused", default_detail),)


class SecondFactorMissing(WrongState):
    default_code = "second_factor_missing"
    default_detail = "Recovery codes stand in for a second factor: add one first."


class PasskeyRefused(Invalid):
    default_code = "passkey_refused"
    default_detail = "The authenticator's answer is not valid here and now: ask for new options and try again."
    default_violations = (Violation("/credential", "passkey_refused", default_detail),)


class PasskeyKnown(AlreadyExists):
    default_code = "passkey_known"
    default_detail = "This passkey is there already."


class PasswordRefused(Invalid):
    default_code = "password_refused"
    default_detail = "This password is not accepted; see errors."


class PasswordTooShort(RuleBroken):
    """The last second factor cannot go while the password is one that is long enough only beside it."""

    default_code = "password_too_short"
    default_detail = (
        "A password as short as yours is enough only beside a second factor: change it to a longer one first."
    )


class UnknownRole(Invalid):
    default_code = "unknown_role"
    default_detail = "There is no role of this name."


class RoleNameTaken(AlreadyExists):
    default_code = "role_name_taken"
    default_detail = "There is a role of this name already; names of roles are unique."


class RoleBuiltIn(WrongState):
    default_code = "role_built_in"
    default_detail = "The built-in roles cannot be changed; make a role of your own."


class RoleInUse(RuleBroken):
    """Also where a role was deleted while it was being given."""

    default_code = "role_in_use"
    default_detail = "Every role that a user has must be there: take a role from all users before you delete it."


class GroupNameTaken(AlreadyExists):
    default_code = "group_name_taken"
    default_detail = "There is a group of this name already; names of groups are unique."


class RightsNotHeld(Forbidden):
    default_code = "rights_not_held"
    default_detail = "You can neither give rights that you do not have nor take over accounts that have them."


class SessionRequired(Forbidden):
    default_code = "session_required"
    default_detail = "An API key cannot manage the account of its owner: sign in with the password."


class ScopeNotHeld(Forbidden):
    default_code = "scope_not_held"
    default_detail = "A key cannot have scopes that its owner does not have."


class LinkInvalid(Invalid):
    """A one-time token that is refused; says the same for one that is unknown, used, expired, replaced or misused."""

    default_code = "link_invalid"
    default_detail = "This link was used before, has expired, or a newer one replaced it. Ask for another one."
    default_violations = (Violation("/token", "link_invalid", default_detail),)


class RegistrationClosed(Forbidden):
    default_code = "registration_closed"
    default_detail = "Accounts are made by administrators here: ask one for an account."


class MailOff(Forbidden):
    default_code = "mail_off"
    default_detail = "This installation sends no mail, so this goes through an administrator. Operators set SMTP_URL."


class AlreadyJoined(WrongState):
    default_code = "user_already_joined"
    default_detail = "This account can sign in already: nobody needs an invitation to it."


class TokenRefused(Unauthenticated):
    default_code = "invalid_token"
    default_detail = "The token or key is expired, altered or no longer valid. Sign in again."


class SignInNotBegun(Malformed):
    """A callback whose state is unknown here: another browser's, too old, or used before."""

    default_code = "oidc_state_invalid"
    default_detail = "This sign-in was not begun in this browser, took too long or is over. Begin it again."


class ProviderDenied(Forbidden):
    default_code = "oidc_denied"
    default_detail = "The OpenID provider has not signed you in. Begin again, or sign in another way."


class ProofRefused(Forbidden):
    """An answer of a provider that does not prove what it should; the detail says which check it failed."""

    default_code = "oidc_proof_refused"
    default_detail = "What the OpenID provider sent does not prove who you are. Begin again."

    def __init__(self, flaw: str | None = None) -> None:
        sentence = f"What the OpenID provider sent does not prove who you are: {flaw}. Begin again."
        super().__init__(detail=sentence if flaw else None)


class AccountUnknown(Forbidden):
    default_code = "oidc_account_unknown"
    default_detail = (
        "No account here is linked to yours at this OpenID provider. If you have an account, sign in to it another way "
        "and link it; else ask an administrator."
    )


class AccountDisabled(Forbidden):
    default_code = "account_disabled"
    default_detail = "This account is disabled. Ask an administrator."


class IdentityTaken(AlreadyExists):
    default_code = "identity_taken"
    default_detail = "This account of the OpenID provider is linked already, to you or to somebody else."


class IdentityNeeded(RuleBroken):
    """The last of what somebody can sign in by cannot go."""

    default_code = "identity_needed"
    default_detail = (
        "You would have no way to sign in any more: add a passkey, link another provider, or have a link mailed to "
        "choose a password first."
    )


class ProviderUnavailable(Unavailable):
    """`flaw` is for operators: what is wrong with the provider, in words that go on behind its name."""

    default_code = "oidc_unavailable"
    default_detail = "The OpenID provider does not answer as it should. Try again, or sign in another way."
    default_retry_after = 5.0

    def __init__(self, flaw: str = "does not answer as it should", *, retry_after: float | None = None) -> None:
        super().__init__(retry_after=retry_after)
        self.flaw = flaw


class ClientRefused(Unavailable):
    default_code = "oidc_client_refused"
    default_detail = "The OpenID provider refuses this service; an administrator has to check OIDC_PROVIDERS."
    default_retry_after = 60.0
