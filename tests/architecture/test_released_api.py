"""The API keeps what the last release has promised, and says where it is going to stop."""

from pathlib import Path

from entrypoints.http.deprecation import SUNSET
from entrypoints.reference.api import RELEASED, broken, canonical, contract, released

WAY_OUT = (
    "These break clients; docs/guide/evolution.md says how something may end. "
    "While the changelog calls the release unreleased, `make release-api` takes them over."
)
GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def test_nothing_breaks_the_clients_of_the_last_release() -> None:
    lines = broken()
    assert lines == [], "\n".join([WAY_OUT, *lines])


def test_the_released_contract_is_canonical() -> None:
    assert RELEASED.read_text("utf-8") == canonical(released())


def test_every_end_is_announced_in_the_guide() -> None:
    page = (GUIDE / "evolution.md").read_text("utf-8")
    for path, item in contract()["paths"].items():
        for method, operation in item.items():
            if operation.get("deprecated") or SUNSET in operation:
                assert f"`{method.upper()} {path}`, {operation[SUNSET]}" in page
