"""The pages that links in mails lead to. They change nothing by themselves: a person presses a button, because what
looks through mails for harm opens their links too. Everything else they need they ask of the API."""

from functools import cache
from importlib.resources import files
from string import Template
from typing import Annotated, Any, Final

from starlette.responses import Response

from domain.identity.password_policy import PASSWORD_MIN_ALLOWED
from domain.shared.actor import Origin
from domain.shared.errors import NotFound
from entrypoints.http.pages import page
from entrypoints.http.provided import provided
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone

router = Router(in_document=False)

TITLES: Final = {
    "accept-invitation": "Accept your invitation",
    "confirm-email": "Confirm your e-mail address",
    "reset-password": "Choose a new password",
}
"""By the name of the page; a closed list, so no path leads to any other file."""
REQUESTS: Final = {"confirm-email": "email-verifications", "reset-password": "password-resets"}
"""What mails the link of a page once more."""
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
    shorter = ""
    if name != "accept-invitation" and minimum > PASSWORD_MIN_ALLOWED:  # who is invited has no second factor yet
        shorter = f" If you sign in with a second factor as well, {PASSWORD_MIN_ALLOWED} are enough."
    new_password = _filled("new-password", minimum=minimum, shorter=shorter)
    mail_request = _filled("mail-request", request=REQUESTS.get(name, ""))
    return _filled("notices") + _filled(name, new_password=new_password, mail_request=mail_request)


def _filled(name: str, **parts: object) -> str:
    """A file of this package with its places filled in."""
    return Template((files(__package__) / f"{name}.html").read_text("utf-8")).substitute(parts)
