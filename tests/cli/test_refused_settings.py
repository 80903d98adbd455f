"""What the real command says to settings that cannot be used: their names, no values, exit code 2, and nothing made."""

import base64

import pytest

from tests.cli.conftest import Terminal

KEY = base64.b64encode(bytes(range(32))).decode()
SAFE = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://kb.example.com",
    "DATABASE_URL": "sqlite:///kept.db",
    "MASTER_KEY": KEY,
    "TRUSTED_PROXIES": "10.0.0.2",
    "METRICS_TOKEN": "m" * 32,
}
UNSAFE = {
    "an issuer in clear": {"PUBLIC_URL": "http://canary.example.com"},
    "no issuer": {"PUBLIC_URL": ""},
    "rows in memory": {"DATABASE_URL": "memory://canary"},
    "vectors in memory": {"VECTOR_STORE": "memory"},
    "no key": {"MASTER_KEY": ""},
    "no key for a server": {"MASTER_KEY": "", "DATABASE_URL": "postgresql://canary@127.0.0.1:9/canary"},
    "a key that is none": {"MASTER_KEY": base64.b64encode(b"canary").decode()},
    "no limits": {"RATE_LIMITS": "off"},
    "debugging": {"LOG_LEVEL": "DEBUG"},
    "every origin": {"CORS_ORIGINS": "*"},
    "an origin in clear": {"CORS_ORIGINS": "http://canary.example.com"},
    "every proxy": {"TRUSTED_PROXIES": "0.0.0.0/0"},
    "no proxy": {"TRUSTED_PROXIES": ""},
    "a token to guess": {"METRICS_TOKEN": "canary"},
}


@pytest.mark.parametrize("unsafe", UNSAFE.values(), ids=UNSAFE)
def test_production_refuses_and_names_the_setting(bare: Terminal, unsafe: dict[str, str]) -> None:
    ended = bare.run("serve", **{**SAFE, **unsafe})
    name = next(iter(unsafe))
    assert ended.code == 2, ended.err
    assert [line.split()[0] for line in ended.err.splitlines()] == [name]
    assert ended.out == ""
    assert "canary" not in ended.err
    assert [path.name for path in bare.folder.iterdir()] == []


def test_what_is_safe_gets_past_the_settings(bare: Terminal) -> None:
    ended = bare.run("serve", **SAFE)
    assert ended.code == 6, "only the database is missing"
    assert "kept.db. Run `fastops db upgrade`. [database_missing]" in ended.err


def test_everything_that_is_wrong_is_told_at_once(bare: Terminal) -> None:
    ended = bare.run("serve", **SAFE, VECTOR_STORE="memory", RATE_LIMITS="off", CORS_ORIGINS="*", API_DOCS="on")
    assert ended.code == 2
    names = {line.split()[0] for line in ended.err.splitlines()}
    assert names == {"VECTOR_STORE", "RATE_LIMITS", "CORS_ORIGINS"}


@pytest.mark.parametrize("command", [("serve",), ("db", "upgrade")], ids=" ".join)
@pytest.mark.parametrize("place", ["canary", "canary/inside"])
def test_a_data_directory_that_cannot_be_made_is_named(bare: Terminal, command: tuple[str, ...], place: str) -> None:
    """A file in the way stops root too, whom no permission stops."""
    (bare.folder / "canary").touch()
    ended = bare.run(*command, DATA_DIR=place)
    assert (ended.code, ended.err.split()[0]) == (2, "DATA_DIR"), ended.err
    assert "canary" not in ended.err
