"""The ceremonies of WebAuthn, by py_webauthn. Attestation is not asked for: any authenticator may be used."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from application.identity.factor_ports import Assertion, ShownCredential
from domain.identity.passkeys import CREDENTIAL_ID_MAX, PUBLIC_KEY_MAX, Credential, Passkey
from domain.identity.users import User

T = TypeVar("T")
SERVICE = "FastOps"
TIMEOUT_MS = 300_000
ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_TRANSPORTS = frozenset(AuthenticatorTransport)


class WebauthnCeremonies:
    """The port `PasskeyCeremonies` for one relying party and the origins whose pages may speak for it."""

    def __init__(self, rp_id: str, origins: Sequence[str]) -> None:
        self._rp_id, self._origins = rp_id, list(origins)

    def creation_options(self, user: User, challenge: bytes, known: Sequence[Passkey]) -> Mapping[str, Any]:
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=SERVICE,
            user_id=user.id.bytes,
            user_name=user.email,
            user_display_name=user.name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=_descriptors(known),
            supported_pub_key_algs=ALGORITHMS,
        )
        return options_to_json_dict(options)

    def request_options(self, challenge: bytes, known: Sequence[Passkey] = ()) -> Mapping[str, Any]:
        verification = UserVerificationRequirement.PREFERRED if known else UserVerificationRequirement.REQUIRED
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=_descriptors(known),
            user_verification=verification,
        )
        return options_to_json_dict(options)

    def read(self, content: Mapping[str, Any]) -> ShownCredential | None:
        return _or_none(lambda: _read(content))

    def created(self, shown: ShownCredential) -> Credential | None:
        return _or_none(lambda: self._created(shown))

    def asserted(self, shown: ShownCredential, public_key: bytes) -> Assertion | None:
        return _or_none(lambda: self._asserted(shown, public_key))

    def _created(self, shown: ShownCredential) -> Credential | None:
        made = webauthn.verify_registration_response(
            credential=dict(shown.content),
            expected_challenge=shown.challenge,
            expected_rp_id=self._rp_id,
            expected_origin=self._origins,
            supported_pub_key_algs=ALGORITHMS,
        )
        if made.credential_id != shown.credential_id or len(made.credential_id) > CREDENTIAL_ID_MAX:
            return None
        if len(made.credential_public_key) > PUBLIC_KEY_MAX:
            return None
        told = shown.content["response"].get("transports")
        return Credential(
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            transports=tuple(sorted(_TRANSPORTS & set(told))) if isinstance(told, list) else (),
            backed_up=made.credential_backed_up,
        )

    def _asserted(self, shown: ShownCredential, public_key: bytes) -> Assertion:
        """The counter is not held against the last one here: only a right signature may tell of a clone."""
        made = webauthn.verify_authentication_response(
            credential=dict(shown.content),
            expected_challenge=shown.challenge,
            expected_rp_id=self._rp_id,
            expected_origin=self._origins,
            credential_public_key=public_key,
            credential_current_sign_count=0,
        )
        return Assertion(made.new_sign_count, made.user_verified, made.credential_backed_up)


def _read(content: Mapping[str, Any]) -> ShownCredential:
    """A page that is shown inside one of another site is none of ours, whatever its origin says (WebAuthn §13.4.9)."""
    response = content["response"]
    handle = response.get("userHandle")
    client_data = parse_client_data_json(base64url_to_bytes(response["clientDataJSON"]))
    if client_data.cross_origin:
        raise ValueError("asked for inside a page of another site")
    return ShownCredential(
        content=content,
        credential_id=base64url_to_bytes(content["rawId"]),
        challenge=client_data.challenge,
        user_handle=base64url_to_bytes(handle) if handle is not None else None,
    )


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id,
            transports=[AuthenticatorTransport(name) for name in passkey.transports] or None,
        )
        for passkey in passkeys
    ]


def _or_none(call: Callable[[], T]) -> T | None:
    """Whatever the library, or a decoder below it, makes of hostile bytes is a refusal and no error of this side."""
    try:
        return call()
    except Exception:
        return None
