"""Codes of authenticator apps and recovery codes, as texts."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from adapters.security.master_key import MasterKeyRefused
from adapters.security.sealing import Sealer
from adapters.security.totp import PyotpCodes
from domain.shared.values import new_id
from tests.identity_services import MASTER, RECOVERY_TEXTS, TOTP_CODES

USER = new_id()
RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SEALER = Sealer(MASTER.derive("totp"))


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    sealed = SEALER.seal(RFC_6238_SECRET.encode(), USER.bytes)
    assert TOTP_CODES.step_of(sealed, USER, code, at(seconds)) == seconds // 30
    assert TOTP_CODES.step_of(sealed, USER, f"{code[:3]} {code[3:]}", at(seconds)) == seconds // 30


def test_one_step_before_and_after_is_taken_and_no_more() -> None:
    secret, sealed = TOTP_CODES.mint(USER)
    now = at(1_800_000_000)
    code = pyotp.TOTP(secret).at(now)
    taken = [TOTP_CODES.step_of(sealed, USER, code, now + timedelta(seconds=30 * n)) for n in (-2, -1, 0, 1, 2)]
    assert taken == [None, 60_000_000, 60_000_000, 60_000_000, None]


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", "287082\n", "x" * 10_000])
def test_other_texts_are_no_codes(text: str) -> None:
    sealed = SEALER.seal(RFC_6238_SECRET.encode(), USER.bytes)
    assert TOTP_CODES.step_of(sealed, USER, text, at(59)) is None


def test_a_secret_opens_for_its_user_and_master_key_only() -> None:
    secret, sealed = TOTP_CODES.mint(USER)
    assert secret.encode() not in sealed
    with pytest.raises(MasterKeyRefused):
        TOTP_CODES.step_of(sealed, new_id(), "123456", at(59))
    with pytest.raises(MasterKeyRefused):
        PyotpCodes(Sealer(MASTER.derive("other")), "FastOps").step_of(sealed, USER, "123456", at(59))


def test_the_address_for_apps_names_service_and_account() -> None:
    uri = TOTP_CODES.uri(RFC_6238_SECRET, "ada@example.com")
    parsed = pyotp.parse_uri(uri)
    assert (parsed.secret, parsed.name, parsed.issuer) == (RFC_6238_SECRET, "ada@example.com", "FastOps")


def test_recovery_codes_are_all_different_and_known_by_their_hash_alone() -> None:
    texts, hashes = RECOVERY_TEXTS.mint(10)
    assert (len(set(texts)), len(hashes)) == (10, 10)
    assert {RECOVERY_TEXTS.hash_of(text) for text in texts} == hashes
    assert RECOVERY_TEXTS.hash_of(f" {texts[0].upper().replace('-', ' ')} ") in hashes
    assert not any(text.replace("-", "") in "".join(hashes) for text in texts)


@pytest.mark.parametrize("text", ["", "123456", "aaaaaa-bbbbbb-cccccc-dddddd-e", "a" * 23 + "1", "é" * 24])
def test_other_texts_are_no_recovery_codes(text: str) -> None:
    assert RECOVERY_TEXTS.hash_of(text) is None
