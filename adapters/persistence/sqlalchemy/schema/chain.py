"""The revisions in their order, and which of them are contract steps.

A revision that says nothing else is an expand step: services of the release before go on beside it. One that takes
away or tightens what an older release uses names in `OLDEST_READER` the oldest release that still runs after it.

Each start asks where the schema stands, so the chain is read from the sources: Alembic is loaded to move a schema.
"""

import ast
import importlib.resources
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from domain.shared.errors import NotFound

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

LOCATION = importlib.resources.files("migrations")
BASE = "base"
HEAD = "head"


class Kind(StrEnum):
    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema above `below`. `reader` is the oldest release that runs after it, where it names one."""

    id: str
    below: str
    title: str
    reader: str | None

    @property
    def oldest_reader(self) -> str | None:
        """The release that a contract step asks for, None on an expand step. The first revision takes nothing away."""
        return None if self.below == BASE else self.reader

    @property
    def kind(self) -> Kind:
        return Kind.EXPAND if self.oldest_reader is None else Kind.CONTRACT


@cache
def scripts() -> "ScriptDirectory":
    """Alembic's view of the folder that was installed."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


@cache
def chain() -> tuple[Revision, ...]:
    """All revisions, oldest first. Raises ValueError where they are no chain."""
    sources = [source for source in (LOCATION / "versions").iterdir() if source.name.endswith(".py")]
    above = {revision.below: revision for revision in map(_revision, sources)}
    ordered, below = list[Revision](), BASE
    while below in above:
        ordered.append(above[below])
        below = above[below].id
    if len(ordered) != len(sources):
        raise ValueError("each revision but the first stands on another one, and no two on the same")
    return tuple(ordered)


def _revision(source: Traversable) -> Revision:
    tree = ast.parse(source.read_text("utf-8"))
    said: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ):
                said[name] = value
    title = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Revision(said["revision"], said["down_revision"] or BASE, title, said.get("OLDEST_READER"))


def module_of(revision: Revision) -> ModuleType:
    """The revision itself, loaded by Alembic."""
    return scripts().get_revision(revision.id).module


def needed() -> str:
    """The revision without which this release does not run: the newest expand step. Contract steps may follow later."""
    return next(revision.id for revision in reversed(chain()) if revision.kind is Kind.EXPAND)


def place(id: str | None) -> int:
    """How many revisions lead up to this one and include it; 0 for None and `base`. Raises NotFound."""
    if id is None or id == BASE:
        return 0
    if id == HEAD:
        return len(chain())
    for number, revision in enumerate(chain(), 1):
        if revision.id == id:
            return number
    raise NotFound("unknown_revision", "There is no such revision; see `fastops db history`.")


def oldest_reader_at(id: str | None) -> str | None:
    """The oldest release that may run on the schema at this revision; None where there is no schema."""
    readers = [revision.reader for revision in chain()[: place(id)] if revision.reader]
    return readers[-1] if readers else None


def numbers(release: str) -> tuple[int, ...]:
    """The numbers of a release, in the order in which releases are compared."""
    return tuple(int(part) for part in release.split(".") if part.isdigit())
