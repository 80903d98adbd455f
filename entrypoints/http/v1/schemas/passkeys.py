"""Passkeys, and the options and answers of WebAuthn, whose members are those of browsers."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.identity.views import PasskeyView
from domain.identity.passkeys import PASSKEY_NAME_MAX
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, LINE, PageOut

Credential = Annotated[
    dict[str, Any],
    Field(
        description="What `PublicKeyCredential.toJSON()` gives (WebAuthn level 3, §5.1).",
        json_schema_extra={"required": ["id", "rawId", "type", "response"]},
    ),
]


class NewPasskey(Input):
    name: Annotated[str, Field(min_length=1, max_length=PASSKEY_NAME_MAX, pattern=LINE)]
    credential: Credential


class PasskeySignIn(Input):
    credential: Credential


class PasskeyOut(TypedDict):
    id: UUID
    name: str
    backed_up: Annotated[bool, Field(description="Whether its provider keeps a copy of the key.")]
    blocked: Annotated[bool, Field(description="Whether its key was copied: it is refused for good.")]
    last_used_at: Instant | None
    created_at: Instant


class PasskeysOut(PageOut):
    items: list[PasskeyOut]


class PasskeyOptionsOut(TypedDict):
    """For `navigator.credentials`, by `PublicKeyCredential.parse…OptionsFromJSON()`. Good for five minutes, once."""

    options: Annotated[dict[str, Any], Field(description="The options of WebAuthn in their JSON form.")]


def passkey_out(view: PasskeyView) -> PasskeyOut:
    return {
        "id": view.id,
        "name": view.label,
        "backed_up": view.backed_up,
        "blocked": view.blocked,
        "last_used_at": view.last_used_at,
        "created_at": view.created_at,
    }


PASSKEY: Final = {
    "id": EXAMPLE_ID,
    "name": "Ada's phone",
    "backed_up": True,
    "blocked": False,
    "last_used_at": None,
    "created_at": EXAMPLE_TIME,
}
_ID: Final = "AQIDBAUGBwgJCgsMDQ4PEA"
CREATED: Final = {
    "id": _ID,
    "rawId": _ID,
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIi4uLn0", "attestationObject": "o2NmbXRkbm9uZQ"},
}
NEW_PASSKEY: Final = {"name": "Ada's phone", "credential": CREATED}
ASSERTED: Final = {
    "credential": {
        "id": _ID,
        "rawId": _ID,
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0Ii4uLn0",
            "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4",
            "signature": "MEUCIQ",
            "userHandle": "AZo8TnsQfMOdXi9qixxNcA",
        },
    }
}
REQUEST_OPTIONS: Final = {
    "options": {
        "challenge": "q83vEjRWeJCrze8SNFZ4kA",
        "timeout": 300000,
        "rpId": "kb.example.com",
        "allowCredentials": [],
        "userVerification": "required",
    }
}
CREATION_OPTIONS: Final = {
    "options": {
        "rp": {"name": "FastOps", "id": "kb.example.com"},
        "user": {"id": "AZo8TnsQfMOdXi9qixxNcA", "name": "ada@example.com", "displayName": "Ada Lovelace"},
        "challenge": "q83vEjRWeJCrze8SNFZ4kA",
        "pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}],
        "timeout": 300000,
        "excludeCredentials": [],
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
        "attestation": "none",
    }
}
