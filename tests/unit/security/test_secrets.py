"""Master key, seals, refresh tokens and API key texts."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.security.api_key_secrets import ChecksummedApiKeySecrets
from adapters.security.master_key import MasterKey, MasterKeyRefused, load_master_key, new_master_key_text
from adapters.security.refresh_tokens import HmacRefreshTokens
from adapters.security.sealing import RepeatSeal, Sealer
from domain.identity.errors import TokenRefused
from domain.shared.values import new_id

KEY = bytes(range(32))
REFRESH = HmacRefreshTokens(KEY)
SECRETS = ChecksummedApiKeySecrets()


def test_a_master_key_gives_a_key_for_each_purpose() -> None:
    key = MasterKey.parse(base64.b64encode(KEY).decode())
    assert key.derive("a") == MasterKey(KEY).derive("a") != key.derive("b")
    assert len(key.derive("a")) == 32
    assert MasterKey.parse(base64.urlsafe_b64encode(bytes(range(200, 232))).decode().rstrip("=")).derive("a")
    assert "AAECAw" not in repr(key)


@pytest.mark.parametrize(
    "text",
    ["", "short", "é" * 44, "!" * 44, base64.b64encode(KEY[:31]).decode(), base64.b64encode(KEY + b"x").decode()],
)
def test_a_wrong_master_key_is_named_and_never_shown(text: str) -> None:
    with pytest.raises(MasterKeyRefused) as refused:
        MasterKey.parse(text)
    assert "MASTER_KEY" in refused.value.detail
    assert not text or text not in str(refused.value)


def test_the_first_start_makes_a_key_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    with pytest.raises(MasterKeyRefused) as refused:
        load_master_key(None, file, may_create=False)
    assert refused.value.code == "master_key_missing"
    assert not file.exists()
    made = load_master_key(None, file, may_create=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_master_key(None, file, may_create=True).derive("a") == made.derive("a")
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_the_setting_wins_over_the_file(tmp_path: Path) -> None:
    key = load_master_key(base64.b64encode(KEY).decode(), tmp_path / "master.key", may_create=True)
    assert key.derive("a") == MasterKey(KEY).derive("a")
    assert not list(tmp_path.iterdir())


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    load_master_key(None, file, may_create=True)
    file.chmod(0o640)
    with pytest.raises(MasterKeyRefused, match="0600"):
        load_master_key(None, file, may_create=True)


def test_of_several_first_starts_at_once_all_get_one_key(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: load_master_key(None, file, may_create=True).derive("a"), range(8)))
    assert len(set(keys)) == 1


def test_a_printed_master_key_is_taken() -> None:
    assert MasterKey.parse(new_master_key_text() + "\n").derive("a") != MasterKey(KEY).derive("a")


@given(content=st.binary(max_size=200), context=st.binary(max_size=20))
def test_what_is_sealed_opens_under_its_key_and_context_only(content: bytes, context: bytes) -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(content, context)
    assert sealer.open(sealed, context) == content
    assert sealer.seal(content, context) != sealed
    for other, place in ((Sealer(b"k" * 32), context), (sealer, context + b"x")):
        with pytest.raises(ValueError, match="altered"):
            other.open(sealed, place)


@pytest.mark.parametrize("at", [0, 1, 12, 13, -1])
def test_altered_seals_do_not_open(at: int) -> None:
    sealed = bytearray(Sealer(KEY).seal(b"content"))
    sealed[at] ^= 1
    for altered in (bytes(sealed), bytes(sealed[:20]), b""):
        with pytest.raises(ValueError):
            Sealer(KEY).open(altered)


def test_a_kept_result_opens_with_its_idempotency_key_only() -> None:
    seal = RepeatSeal(KEY)
    sealed = seal.seal("key-1", b"the secret of an API key")
    assert RepeatSeal(KEY).open("key-1", sealed) == b"the secret of an API key"
    for other, secret in ((seal, "key-2"), (RepeatSeal(b"k" * 32), "key-1")):
        with pytest.raises(ValueError):
            other.open(secret, sealed)
    assert len(seal.key_of_repeat("key-1")) == 32


def test_a_refresh_token_says_session_and_generation() -> None:
    session_id = new_id()
    token, secret_hash = REFRESH.mint(session_id)
    assert REFRESH.read(token) == (session_id, 1, secret_hash)
    following = REFRESH.next(token, 2)
    assert REFRESH.read(following) == (session_id, 2, secret_hash)
    assert REFRESH.mint(session_id)[1] != secret_hash
    with pytest.raises(ValueError):
        REFRESH.next(token, 0)


def test_every_altered_character_of_a_refresh_token_is_noticed() -> None:
    token, _ = REFRESH.mint(new_id())
    for at, character in enumerate(token):
        altered = token[:at] + ("A" if character != "A" else "B") + token[at + 1 :]
        assert REFRESH.read(altered) is None
        with pytest.raises(TokenRefused):
            REFRESH.next(altered, 2)


@given(text=st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{112}", fullmatch=True)))
def test_no_text_of_others_is_a_refresh_token(text: str) -> None:
    assert REFRESH.read(text) is None
    assert HmacRefreshTokens(b"k" * 32).read(REFRESH.mint(new_id())[0]) is None


def test_an_api_key_names_its_id_and_survives_a_double_click() -> None:
    key_id = new_id()
    text, secret_hash = SECRETS.mint(key_id)
    assert SECRETS.read(text) == (key_id, secret_hash)
    assert text.startswith(f"fo_{key_id.hex}_")
    assert text.replace("_", "").isalnum()
    assert SECRETS.mint(key_id)[0] != text


def test_every_altered_character_of_an_api_key_is_noticed() -> None:
    text, _ = SECRETS.mint(new_id())
    for at, character in enumerate(text):
        assert SECRETS.read(text[:at] + ("0" if character != "0" else "1") + text[at + 1 :]) is None
        assert SECRETS.read(text[:at]) is None


@pytest.mark.parametrize("text", ["", "fo_", "fo_é_x", "\ud800", "x" * 1_000_000, "fo_" + "z" * 32 + "_" + "0" * 49])
def test_other_texts_are_no_api_keys(text: str) -> None:
    assert SECRETS.read(text) is None


def test_a_secret_beyond_32_bytes_is_refused_though_its_checksum_fits() -> None:
    from adapters.security.api_key_secrets import _checksum

    body = f"fo_{new_id().hex}_" + "z" * 43
    assert SECRETS.read(body + _checksum(body)) is None
