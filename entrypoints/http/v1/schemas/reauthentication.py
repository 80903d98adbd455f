"""What proves anew who somebody is, and the access token that it gives."""

from typing import Final, Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from application.identity.views import AccessGrant
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.passkeys import Credential
from entrypoints.http.v1.schemas.tokens import TOKEN
from entrypoints.http.v1.schemas.totp import Code
from entrypoints.http.v1.schemas.users import Password


class Proof(Input):
    """The proofs of a sign-in: the password, with a second factor where there is one, or a passkey alone.

    A passkey alone answers the options of `/auth/passkeys/options`; one beside the password those that
    `second_factor_required` brings.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["password"], "properties": {"password": {"type": "string"}}},
                {"required": ["passkey"], "properties": {"passkey": {"type": "object"}}},
            ]
        }
    )

    password: Password | None = None
    totp: Code | None = None
    passkey: Credential | None = None


class AccessTokenOut(TypedDict):
    """An access token alone. `expires_in` counts seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


def access_token_out(grant: AccessGrant) -> AccessTokenOut:
    return {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": grant.expires_in,
        "scope": grant.scope,
    }


PROOF: Final = {"password": "a long secret sentence"}
ACCESS_TOKEN: Final = {name: value for name, value in TOKEN.items() if name != "refresh_token"}
