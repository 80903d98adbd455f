"""Roles, groups and standing of users from the terminal, as an administrator without a browser needs them."""

from tests.cli.conftest import Terminal

PASSWORD = "seven green tractors at dawn"


def test_a_role_is_made_given_and_taken(terminal: Terminal) -> None:
    terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada", "--password-stdin", stdin=PASSWORD)
    made = terminal.done("role", "create", "reader", "--permission", "search", "--permission", "jobs", "--json").data
    assert made["permissions"] == ["jobs", "search"]
    assert terminal.run("role", "create", "reader", "--permission", "search").code == 4
    assert terminal.run("role", "create", "x", "--permission", "everything").code == 2
    assert "reader" in terminal.done("user", "give-role", "ada@example.com", "reader").out
    assert terminal.run("role", "delete", "reader").code == 4
    changed = terminal.done("role", "change", "reader", "--permission", "answers", "--json").data
    assert changed["permissions"] == ["answers"]
    terminal.done("user", "take-role", "ada@example.com", "reader")
    terminal.done("role", "delete", "reader")
    assert terminal.run("role", "delete", "reader").code == 3
    assert [role["name"] for role in terminal.done("role", "list", "--json").data] == ["admin", "editor", "viewer"]


def test_a_group_is_filled_and_emptied(terminal: Terminal) -> None:
    terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada", "--password-stdin", stdin=PASSWORD)
    terminal.done("group", "create", "Research")
    assert terminal.run("group", "create", "Research").code == 4
    assert terminal.done("group", "add", "Research", "ada@example.com", "--json").data["member_count"] == 1
    members = terminal.done("group", "members", "Research", "--json").data
    assert [user["email"] for user in members] == ["ada@example.com"]
    assert terminal.run("group", "add", "Nobody", "ada@example.com").code == 3
    assert terminal.run("group", "add", "Research", "eve@example.com").code == 3
    terminal.done("group", "remove", "Research", "ada@example.com")
    terminal.done("group", "delete", "Research")
    assert terminal.done("group", "list", "--json").data == []


def test_a_user_is_shut_out_let_in_and_removed(terminal: Terminal) -> None:
    for name in ("ada", "eve"):
        address = f"{name}@example.com"
        given = ["--email", address, "--name", name, "--role", "admin", "--password-stdin"]
        terminal.done("user", "create", *given, stdin=PASSWORD)
    assert terminal.done("user", "disable", "ada@example.com", "--json").data["status"] == "disabled"
    assert terminal.run("user", "disable", "ada@example.com").code == 4
    assert terminal.run("user", "disable", "eve@example.com").code == 4
    assert terminal.done("user", "enable", "ada@example.com", "--json").data["status"] == "active"
    assert terminal.run("user", "delete", "ada@example.com").code != 0
    terminal.done("user", "delete", "ada@example.com", "--yes")
    assert terminal.run("user", "enable", "ada@example.com").code == 3
