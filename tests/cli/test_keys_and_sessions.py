"""Signing keys, API keys and sessions from the terminal."""

import pyotp
import pytest

from tests.cli.conftest import Terminal
from tests.cli.serving import serving

PASSWORD = "seven green tractors at dawn"


def test_signing_keys_are_listed_rotated_and_revoked(terminal: Terminal) -> None:
    before = terminal.done("keys", "list", "--json").data
    assert sorted(key["state"] for key in before) == ["active", "next"]
    early = terminal.run("keys", "rotate")
    assert (early.code, "--at-once" in early.err) == (4, True)
    after = terminal.done("keys", "rotate", "--at-once", "--json").data
    assert sorted(key["state"] for key in after) == ["active", "next", "retired"]
    retired = next(key["kid"] for key in after if key["state"] == "retired")
    terminal.done("keys", "revoke", retired)
    assert terminal.run("keys", "revoke", retired).code == 3
    assert "private" not in terminal.done("keys", "list").out


def test_keys_of_service_accounts_and_sessions_beside_a_running_service(terminal: Terminal) -> None:
    terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada", "--password-stdin", stdin=PASSWORD)
    robot = ("user", "create", "--email", "bot@example.com", "--name", "Bot", "--service", "--role", "viewer")
    terminal.done(*robot)
    made = ("api-key", "create", "--owner", "bot@example.com", "--name", "k", "--scope", "search")
    secret = terminal.done(*made).out.strip()
    assert secret.startswith("fo_")
    assert terminal.run("api-key", "create", "--owner", "ada@example.com", "--name", "k", "--scope", "search").code == 3
    with serving(terminal) as service:
        assert service.get("/api/v1/me", secret).status == 200
        key = terminal.done("api-key", "list", "--json").data[0]
        assert secret not in terminal.done("api-key", "list").out
        renewed = terminal.done("api-key", "rotate", key["id"], "--overlap", "0").out.strip()
        assert service.get("/api/v1/me", renewed).status == 200
        terminal.done("api-key", "revoke", key["id"])
        token = service.sign_in("ada@example.com", PASSWORD)
        assert service.get("/api/v1/me", token).status == 200
        (session,) = terminal.done("session", "list", "ada@example.com", "--json").data
        terminal.done("session", "end", session["id"])
        assert terminal.run("session", "end", session["id"]).code == 3
        service.sign_in("ada@example.com", PASSWORD)
        assert "1 sessions" in terminal.done("session", "end-all", "ada@example.com").err


def test_lost_second_factors_are_reset(terminal: Terminal) -> None:
    terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada", "--password-stdin", stdin=PASSWORD)
    with serving(terminal) as service:
        token = service.sign_in("ada@example.com", PASSWORD)
        app = pyotp.TOTP(service.post("/api/v1/me/totp", {}, token).json["secret"])
        assert service.post("/api/v1/me/totp", {"code": app.now()}, token).json["status"] == "active"
        with pytest.raises(AssertionError, match="second_factor_required"):
            service.sign_in("ada@example.com", PASSWORD)
        assert terminal.run("user", "reset-factors", "eve@example.com", "--yes").code == 3
        terminal.done("user", "reset-factors", "ada@example.com", "--yes")
        assert terminal.done("session", "list", "ada@example.com", "--json").data == []
        service.sign_in("ada@example.com", PASSWORD)
