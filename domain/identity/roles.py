"""Roles: named sets of permissions. The built-in ones cannot be changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from domain.shared.actor import Permission

P = Permission


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions. `every_collection` is sight of all collections without a grant."""

    name: str
    description: str
    permissions: frozenset[Permission]
    every_collection: bool = False
    built_in: bool = True


ADMIN = Role("admin", "Everything, every collection included.", frozenset(Permission), every_collection=True)
EDITOR = Role(
    "editor",
    "Own collections and their documents, search, answers, own API keys.",
    frozenset(
        {
            P.COLLECTIONS_READ,
            P.COLLECTIONS_WRITE,
            P.DOCUMENTS_READ,
            P.DOCUMENTS_WRITE,
            P.SEARCH,
            P.ANSWERS,
            P.JOBS,
            P.API_KEYS,
            P.EVALUATIONS_READ,
            P.EVALUATIONS_WRITE,
        }
    ),
)
VIEWER = Role(
    "viewer",
    "Search and answers over what is granted, own API keys.",
    frozenset({P.COLLECTIONS_READ, P.DOCUMENTS_READ, P.SEARCH, P.ANSWERS, P.JOBS, P.API_KEYS}),
)
BUILT_IN = {role.name: role for role in (ADMIN, EDITOR, VIEWER)}


@dataclass(frozen=True, slots=True)
class Rights:
    """What roles add up to."""

    permissions: frozenset[Permission] = frozenset()
    every_collection: bool = False

    def within(self, permissions: frozenset[Permission], every_collection: bool) -> bool:
        """Whether somebody with these permissions and this sight has all of them."""
        return self.permissions <= permissions and (every_collection or not self.every_collection)


def rights_of(roles: Iterable[str]) -> Rights:
    """The rights of somebody with these roles; names of no role add nothing."""
    return _rights_of(frozenset(roles))


@lru_cache(maxsize=1024)
def _rights_of(names: frozenset[str]) -> Rights:
    roles = [BUILT_IN[name] for name in names if name in BUILT_IN]
    permissions = frozenset[Permission]().union(*(role.permissions for role in roles))
    return Rights(permissions, any(role.every_collection for role in roles))
