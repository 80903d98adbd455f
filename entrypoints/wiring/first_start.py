"""What the very first start in development makes once the store is open: the handbook and the first administrator."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from application.knowledge.hand_in import HandIn
from application.knowledge.views import GrantView
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery
from entrypoints.http.handbook import folder

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

HANDBOOK = "handbook"
PASSWORD_BYTES = 18


class FirstStart:
    """Runs under the creator's lock. The administrator comes last, so that a start cut short is taken up again."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    async def __call__(self, container: "Container") -> None:
        """Make handbook and administrator, unless there are users already."""
        actor = system_actor("first-start")
        if (await container.identity.users().page(actor, ListQuery(limit=1))).items:
            return
        await _make_handbook(container, actor)
        await self._make_administrator(container, actor)

    async def _make_administrator(self, container: "Container", actor: Actor) -> None:
        """With a password where a terminal can show it, else without one; it never passes through the log."""
        settings = container.settings()
        email, shown = settings.access.admin_email, self._terminal.isatty()
        length = max(PASSWORD_BYTES, settings.access.password_min_length)
        password = secrets.token_urlsafe(length) if shown else None
        await container.identity.users().create(
            actor, name="Administrator", email=email, password=password, roles=frozenset({"admin"})
        )
        if password is not None:
            lines = [f"  Administrator  {email}", f"  Password       {password}", "  It is shown this once."]
        else:
            command = f"fastops user reset-password {email} --password-stdin"
            lines = [f"The administrator {email} has no password yet; set one with `{command}`."]
        self._terminal.write("\n".join(["", *lines, "", ""]))
        self._terminal.flush()


async def _make_handbook(container: "Container", actor: Actor) -> None:
    """The guide as a collection that everyone may read; its pages are ingested like any documents."""
    collections = container.knowledge.collections()
    try:
        handbook = await collections.named(actor, HANDBOOK)
    except NotFound:
        handbook = await collections.create(actor, name=HANDBOOK, description="The guide of FastOps.")
        everyone = GrantView(subject_type="everyone", subject_id=None, level="read")
        await collections.set_grants(actor, handbook.id, [everyone], expected=None)
    pages = [_page(path) for path in sorted(folder().glob("*.md"))]
    await container.knowledge.documents().submit_many(actor, handbook.id, pages)


def _page(path: Path) -> HandIn:
    return HandIn(content=path.read_bytes(), media_type="text/markdown", file_name=path.name, external_id=path.name)
