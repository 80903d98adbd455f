"""The pages that links in mails lead to. They change nothing by themselves: a person presses a button, because what
looks through mails for harm opens their links too. Everything else they need they ask of the API."""

from functools import cache
from importlib.resources import files
from string import Template
from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from domain.identity.password_policy import PASSWORD_MIN_ALLOWED
from domain.shared.actor import Origin
from domain.shared.errors import NotFound
from entrypoints.http.pages import page
from entrypoints.http.provided import provided
from entrypoints.http.security import anyone

router = APIRouter(include_in_schema=False)

TITLES: Final = {
    "accept-invitation": "Accept your invitation",
    "confirm-email": "Confirm your e-mail address",
    "reset-password": "Choose a new password",
}
"""By the name of the page; a closed list, so no path leads to any other file."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
"""Forms are sent by the script alone: without it a browser would put a password into an address, or show an answer that
is for programs."""


@router.get("/account/{name}")
async def account_page(
    name: str, _: Annotated[Origin, anyone("")], settings: Annotated[Any, provided("settings")]
) -> Response:
    if name not in TITLES:
        raise NotFound
    content = _content(name, settings.access.password_min_length)
    return page("..", TITLES[name], content, script="account.js", headers=HEADERS)


@cache
def _content(name: str, minimum: int) -> str:
    """What stands on a page where a password has at least `minimum` characters."""
    shorter = f" If you sign in with a second factor as well, {PASSWORD_MIN_ALLOWED} are enough."
    rules = {"minimum": str(minimum), "shorter": shorter if minimum > PASSWORD_MIN_ALLOWED else ""}
    password = Template(_file("new-password.html")).substitute(rules)
    return _file("notices.html") + Template(_file(f"{name}.html")).substitute(new_password=password)


def _file(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")
