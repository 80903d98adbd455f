"""Attacks on access tokens. Whatever comes in, the answer is claims or TokenRefused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey

from adapters.security.access_tokens import LIFETIME_SECONDS, JoseAccessTokens
from adapters.security.signing_keys import ALGORITHM, PUBLISHED_BEFORE, KeyRing
from domain.identity.errors import TokenRefused
from domain.identity.sessions import Authentication, Method
from domain.shared.errors import Unavailable
from domain.shared.values import new_id
from tests.identity_services import ISSUER, MASTER, SECRETS, HmacRefreshTokens, a_ring

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER, SESSION = new_id(), new_id()
PROVEN = Authentication(NOW - timedelta(hours=1), (Method.PASSWORD, Method.CODE, Method.SEVERAL))


@pytest_asyncio.fixture
async def ring() -> KeyRing:
    return await a_ring(NOW)


@pytest.fixture
def tokens(ring: KeyRing) -> JoseAccessTokens:
    return JoseAccessTokens(ring, issuer=ISSUER, audience=ISSUER)


@pytest.fixture
def token(tokens: JoseAccessTokens) -> str:
    return tokens.issue(USER, SESSION, "search", PROVEN, NOW)[0]


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return _json(header), _json(claims)


def _json(segment: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return decoded


def segment(content: Mapping[str, Any] | bytes) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: OKPKey) -> str:
    """A token with a right signature over whatever header and claims."""
    message = f"{segment(header)}.{segment(claims)}"
    return f"{message}.{segment(key.private_key.sign(message.encode()))}"  # type: ignore[union-attr]


def refused(tokens: JoseAccessTokens, token: str, at: datetime = NOW) -> bool:
    try:
        tokens.verify(token, at)
    except TokenRefused:
        return True
    return False


def test_a_token_says_who_and_which_session(tokens: JoseAccessTokens, token: str) -> None:
    claims = tokens.verify(token, NOW)
    assert (claims.user_id, claims.session_id) == (USER, SESSION)
    assert claims.expires_at == NOW + timedelta(minutes=5)
    assert tokens.verify(token, NOW) == claims


def test_its_form_is_that_of_rfc_9068(tokens: JoseAccessTokens, token: str) -> None:
    header, claims = parts(token)
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == (ALGORITHM, "at+jwt")
    about_sign_in = {"auth_time", "amr", "acr"}
    assert set(claims) == {"iss", "aud", "sub", "client_id", "sid", "scope", "iat", "exp", "jti"} | about_sign_in
    assert claims["exp"] - claims["iat"] == LIFETIME_SECONDS == tokens.issue(USER, SESSION, "", PROVEN, NOW)[1]


def test_it_says_when_and_how_its_owner_signed_in(tokens: JoseAccessTokens, token: str) -> None:
    _, claims = parts(token)
    assert (claims["auth_time"], claims["amr"], claims["acr"]) == (1767222000, ["pwd", "otp", "mfa"], "aal2")
    assert tokens.verify(token, NOW).authenticated_at == PROVEN.at
    alone = tokens.issue(USER, SESSION, "", Authentication(NOW), NOW)[0]
    assert (parts(alone)[1]["amr"], parts(alone)[1]["acr"]) == (["pwd"], "aal1")


def test_the_published_keys_verify_it_and_hold_nothing_private(tokens: JoseAccessTokens, token: str) -> None:
    jwks: Any = tokens.jwks()
    assert all("d" not in key and key["kid"] and key["use"] == "sig" for key in jwks["keys"])
    assert jwt.decode(token, KeySet.import_key_set(jwks), algorithms=[ALGORITHM]).claims["sub"] == str(USER)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_unsigned_tokens_are_refused(tokens: JoseAccessTokens, token: str, algorithm: str) -> None:
    header, claims = parts(token)
    unsigned = f"{segment(header | {'alg': algorithm})}.{segment(claims)}."
    assert refused(tokens, unsigned)
    assert refused(tokens, unsigned + token.split(".")[2])


def test_the_public_key_is_no_shared_secret(tokens: JoseAccessTokens, token: str, ring: KeyRing) -> None:
    header, claims = parts(token)
    public = ring.active.as_pem(private=False)
    jwk = json.dumps(ring.active.as_dict(private=False)).encode()
    raw = base64.urlsafe_b64decode(str(ring.active.as_dict(private=False)["x"]) + "=")
    for secret in (public, jwk, raw):
        for algorithm in ("HS256", "HS512", ALGORITHM):
            message = f"{segment(header | {'alg': algorithm})}.{segment(claims)}"
            digest = hashlib.sha512 if algorithm != "HS256" else hashlib.sha256
            mac = hmac.new(secret, message.encode(), digest).digest()
            assert refused(tokens, f"{message}.{segment(mac)}")


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "EdDSA"},
        {"alg": "HS256"},
        {"alg": "Ed448"},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": None},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/chain.pem"},
        {"x5c": ["MIIB"]},
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": ""},
        {"kid": None},
        {"kid": 7},
        {"kid": ["a"]},
        {"kid": {"a": 1}},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"extra": 1},
    ],
)
def test_a_header_that_is_not_ours_is_refused_even_rightly_signed(
    tokens: JoseAccessTokens, token: str, ring: KeyRing, change: dict[str, Any]
) -> None:
    header, claims = parts(token)
    assert not refused(tokens, signed(header, claims, ring.active))
    assert refused(tokens, signed(header | change, claims, ring.active))


def test_our_header_in_another_spelling_is_refused(tokens: JoseAccessTokens, token: str, ring: KeyRing) -> None:
    header, claims = parts(token)
    for spelling in (json.dumps(header), json.dumps(header, sort_keys=True, separators=(",", ":"))):
        message = f"{segment(spelling.encode())}.{segment(claims)}"
        signature = ring.active.private_key.sign(message.encode())  # type: ignore[union-attr]
        assert refused(tokens, f"{message}.{segment(signature)}") is (segment(spelling.encode()) not in token)


def test_a_key_in_the_header_is_never_used(tokens: JoseAccessTokens, token: str) -> None:
    header, claims = parts(token)
    own = OKPKey.generate_key("Ed25519")
    public = own.as_dict(private=False)
    for change in (
        {"jwk": public},
        {"jwk": public, "kid": own.thumbprint()},
        {"kid": own.thumbprint()},
        {},
    ):
        assert refused(tokens, signed(header | change, claims, own))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "client_id", "sid", "iat", "exp", "jti"])
def test_every_claim_is_needed(tokens: JoseAccessTokens, token: str, ring: KeyRing, missing: str) -> None:
    header, claims = parts(token)
    del claims[missing]
    assert refused(tokens, signed(header, claims, ring.active))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": None},
        {"client_id": "other"},
        {"sub": "admin"},
        {"sub": None},
        {"sub": 7},
        {"sid": ""},
        {"sid": {"a": 1}},
        {"exp": "2030-01-01"},
        {"exp": 1e300},
        {"exp": 10**30},
        {"exp": True},
        {"exp": None},
        {"exp": -1},
        {"iat": "now"},
        {"iat": int(NOW.timestamp()) + 60},
        {"jti": 1},
    ],
)
def test_a_claim_of_another_value_is_refused(
    tokens: JoseAccessTokens, token: str, ring: KeyRing, change: dict[str, Any]
) -> None:
    header, claims = parts(token)
    assert refused(tokens, signed(header, claims | change, ring.active))


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"7", b"{", b"\xff", b"[" * 2000, b'{"exp":NaN}'])
def test_claims_that_are_no_object_are_refused(
    tokens: JoseAccessTokens, token: str, ring: KeyRing, payload: bytes
) -> None:
    message = f"{token.split('.')[0]}.{segment(payload)}"
    signature = ring.active.private_key.sign(message.encode())  # type: ignore[union-attr]
    assert refused(tokens, f"{message}.{segment(signature)}")


def test_it_expires_though_it_was_verified_before(tokens: JoseAccessTokens, token: str) -> None:
    assert not refused(tokens, token, NOW + timedelta(seconds=299))
    assert refused(tokens, token, NOW + timedelta(seconds=300))


def test_every_altered_character_of_the_signature_is_noticed(tokens: JoseAccessTokens, token: str) -> None:
    head, _, signature = token.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at in range(len(signature)):
        other = alphabet[(alphabet.index(signature[at]) + 1) % 64]
        assert refused(tokens, f"{head}.{signature[:at]}{other}{signature[at + 1 :]}")


def test_cut_stretched_and_foreign_texts_are_refused(tokens: JoseAccessTokens, token: str) -> None:
    for cut in range(len(token)):
        assert refused(tokens, token[:cut])
    refresh, _ = HmacRefreshTokens(MASTER.derive("refresh-tokens")).mint(SESSION)
    shared = jwt.encode({"alg": "HS256"}, {"sub": str(USER)}, OctKey.generate_key(256))
    for text in (
        token + "A",
        token + ".",
        token + "=",
        " " + token,
        token + "\n",
        token.replace(".", ".."),
        "é" + token[1:],
        "\ud800" + token[1:],
        "\x00",
        "..",
        "x" * 1_000_000,
        "." * 1_000_000,
        segment(b"[" * 3000) + "." + token.split(".", 1)[1],
        refresh,
        SECRETS.mint(new_id())[0],
        shared,
    ):
        assert refused(tokens, text)


@given(text=st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{85}A")))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    assert refused(GARBAGE_TOKENS, text)


@given(header=st.recursive(st.none() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x)))
def test_no_header_makes_it_fail_otherwise(header: Any) -> None:
    content = json.dumps(header).encode()
    assert refused(GARBAGE_TOKENS, f"{segment(content)}.{segment(b'{}')}.{'A' * 86}")


async def test_tokens_of_all_keys_in_the_ring_count_until_their_key_is_gone(ring: KeyRing) -> None:
    tokens = JoseAccessTokens(ring, issuer=ISSUER, audience=ISSUER)
    issued = tokens.issue(USER, SESSION, "", PROVEN, NOW)[0]
    assert not refused(tokens, issued)
    await ring.rotate(NOW + PUBLISHED_BEFORE)
    assert not refused(tokens, issued)
    assert parts(tokens.issue(USER, SESSION, "", PROVEN, NOW)[0])[0]["kid"] != parts(issued)[0]["kid"]
    for rotation in range(2, 8):
        await ring.rotate(NOW + PUBLISHED_BEFORE * rotation)
    assert refused(tokens, issued)


def test_only_so_many_verified_tokens_are_remembered(ring: KeyRing) -> None:
    tokens = JoseAccessTokens(ring, issuer=ISSUER, audience=ISSUER, cached_max=2)
    for _ in range(5):
        assert tokens.verify(tokens.issue(USER, SESSION, "", PROVEN, NOW)[0], NOW).user_id == UUID(str(USER))
    assert len(tokens._cached) == 2


def test_without_keys_nothing_is_signed_and_everything_refused(token: str) -> None:
    with pytest.raises(Unavailable):
        GARBAGE_TOKENS.issue(USER, SESSION, "", PROVEN, NOW)
    assert refused(GARBAGE_TOKENS, token)


GARBAGE_TOKENS = JoseAccessTokens(KeyRing(None, None), issuer=ISSUER, audience=ISSUER)  # type: ignore[arg-type]


async def test_processes_of_one_installation_take_each_others_tokens(ring: KeyRing) -> None:
    """Where no PUBLIC_URL is set, each names itself by its port; with one, nobody else's name is taken."""
    names = ["http://127.0.0.1:8000", "http://127.0.0.1:8001", "https://elsewhere.example:1"]
    pattern = r"http://[^/]+:\d+"
    first, second, foreign = (JoseAccessTokens(ring, issuer=n, audience=n, siblings=pattern) for n in names)
    strict = JoseAccessTokens(ring, issuer=names[1], audience=names[1])
    token, _ = first.issue(new_id(), new_id(), "", PROVEN, NOW)
    assert second.verify(token, NOW) == first.verify(token, NOW)
    with pytest.raises(TokenRefused):
        strict.verify(token, NOW)
    with pytest.raises(TokenRefused):
        second.verify(foreign.issue(new_id(), new_id(), "", PROVEN, NOW)[0], NOW)
