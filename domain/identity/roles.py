"""Roles: named sets of permissions. The built-in ones cannot be changed."""

from dataclasses import dataclass

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
