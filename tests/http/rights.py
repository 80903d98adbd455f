"""Who gets what: the answer that each operation owes to each kind of caller, computed from the OpenAPI document.

    python -m tests.http.rights

prints it as a table. `test_rights` asks the service all of it.
"""

from dataclasses import dataclass
from typing import Any, Final

from domain.identity.roles import ADMIN, EDITOR, VIEWER
from domain.shared.actor import Permission
from entrypoints.http.app import create_app
from tests.http.operations import Described, described
from tests.http.service import memory_settings, quick_container

OK: Final = "ok"
"""The caller gets in: a success, or a refusal that is not about rights, such as 409, 412 or 422."""

OWNED: Final = frozenset(
    {
        "collection_id",
        "document_id",
        "job_id",
        "answer_id",
        "key_id",
        "session_id",
        "identity_id",
        "passkey_id",
        "export_id",
    }
)
"""Path parameters that lead to something of the owner's. All others need their permission and nothing else."""
SHARED: Final = frozenset({"collection_id", "document_id"})
"""What the owner lets others read."""

READ_SCOPES: Final = frozenset({Permission.COLLECTIONS_READ, Permission.DOCUMENTS_READ})
OWNERS_ALONE: Final = frozenset({"change_api_key", "rotate_api_key"})
"""Administrators see and revoke the keys of others; whoever could change them would act in their name."""


@dataclass(frozen=True)
class Standing:
    """A kind of caller: what it may do, and which of the owner's things it may know of."""

    permissions: frozenset[Permission] = frozenset()
    sees: frozenset[str] = frozenset()
    signed_in: bool = True
    is_key: bool = False
    only_reads: bool = False


OUT: Final = Standing(signed_in=False)
STANDINGS: Final[dict[str, Standing]] = {
    "anonymous": OUT,
    "expired token": OUT,
    "ended session": OUT,
    "disabled user": OUT,
    "expired key": OUT,
    "revoked key": OUT,
    "key without scopes": Standing(is_key=True),
    "read-only key": Standing(READ_SCOPES, SHARED, is_key=True),
    "user without roles": Standing(),
    "reader": Standing(VIEWER.permissions, SHARED),
    "other editor": Standing(EDITOR.permissions),
    "reading editor": Standing(EDITOR.permissions, SHARED, only_reads=True),
    "owner": Standing(EDITOR.permissions, OWNED),
    "administrator": Standing(ADMIN.permissions, OWNED - {"answer_id", "session_id", "identity_id", "passkey_id"}),
}
"""In the order in which they are tried: those who may change things come last."""


def expected(operation: Described, caller: str) -> str:
    """`ok`, or the status of the refusal. Checks run in the order 401, 403, 404."""
    standing, permission = STANDINGS[caller], operation.document["x-permission"]
    if permission == "public":
        return OK
    if not standing.signed_in:
        return "401"
    if permission != "signed-in" and permission not in standing.permissions:
        return "403"
    if standing.is_key and "session_required" in refusals(operation, "403"):
        return "403"
    if owned(operation) - standing.sees:
        return "404"
    changes = operation.method != "GET"
    if changes and standing.only_reads and owned(operation) & SHARED:
        return "403"
    return "403" if caller == "administrator" and operation.name in OWNERS_ALONE else OK


def owned(operation: Described) -> frozenset[str]:
    parameters = operation.document.get("parameters", ())
    return OWNED & {parameter["name"] for parameter in parameters if parameter["in"] == "path"}


def refusals(operation: Described, status: str) -> dict[str, Any]:
    """The codes of a status, as the document names them."""
    content = operation.document["responses"].get(status, {}).get("content", {})
    return dict(content.get("application/problem+json", {}).get("examples", {}))


def table(operations: list[Described]) -> str:
    """Markdown: a row for each operation, a column for each caller."""
    heads = ["operation", "permission", *STANDINGS]
    rows = [
        [str(operation), operation.document["x-permission"], *(expected(operation, caller) for caller in STANDINGS)]
        for operation in operations
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


if __name__ == "__main__":
    print(table(list(described(create_app(quick_container(memory_settings()))))))
