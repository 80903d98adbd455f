"""The revisions in their order, and which of them are contract steps.

A revision that says nothing else is an expand step: services of the release before go on beside it. One that takes
away or tightens what an older release uses names in `OLDEST_READER` the oldest release that still runs after it.
"""

import importlib.resources
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import ModuleType

from alembic.config import Config
from alembic.script import ScriptDirectory

from domain.shared.errors import NotFound

LOCATION = importlib.resources.files("migrations")
BASE = "base"
HEAD = "head"


class Kind(StrEnum):
    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema. `oldest_reader` is the release that a contract step asks for, None on an expand step."""

    id: str
    title: str
    kind: Kind
    oldest_reader: str | None
    module: ModuleType


@cache
def scripts() -> ScriptDirectory:
    """Alembic's view of the folder that was installed."""
    config = Config()
    config.set_main_option("script_location", str(LOCATION))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


@cache
def chain() -> tuple[Revision, ...]:
    """All revisions, oldest first."""
    return tuple(_revision(script.module) for script in reversed(list(scripts().walk_revisions())))


def _revision(module: ModuleType) -> Revision:
    title = (module.__doc__ or "").strip().splitlines()[0]
    first = module.down_revision is None
    oldest_reader = None if first else getattr(module, "OLDEST_READER", None)
    kind = Kind.EXPAND if oldest_reader is None else Kind.CONTRACT
    return Revision(module.revision, title, kind, oldest_reader, module)


def first_reader() -> str:
    """The oldest release that may run on the first schema."""
    return str(chain()[0].module.OLDEST_READER)


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
    readers = [revision.oldest_reader for revision in chain()[: place(id)] if revision.oldest_reader]
    return (readers or [first_reader()])[-1] if place(id) else None


def numbers(release: str) -> tuple[int, ...]:
    """The numbers of a release, in the order in which releases are compared."""
    return tuple(int(part) for part in release.split(".") if part.isdigit())
