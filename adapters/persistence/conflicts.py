"""Which refusal a broken unique constraint stands for: one table for every store."""

from typing import Any

from adapters.persistence.mapping.factors import PASSKEYS, RECOVERY_CODES, TOTP_FACTORS
from adapters.persistence.mapping.federation import IDENTITIES
from adapters.persistence.mapping.identity import (
    API_KEYS,
    GROUPS,
    ONE_TIME_TOKENS,
    PASSWORDS,
    ROLES,
    SESSIONS,
    USERS,
)
from adapters.persistence.mapping.knowledge import ANSWERS, COLLECTIONS, DOCUMENTS
from adapters.persistence.mapping.operations import EXPORTS, JOBS
from adapters.persistence.tracking import AggregateMapping
from application.shared.unit_of_work import RepeatLost
from domain.shared.errors import AlreadyExists, FastOpsError

MAPPINGS: tuple[AggregateMapping[Any], ...] = (
    USERS,
    PASSWORDS,
    SESSIONS,
    API_KEYS,
    ONE_TIME_TOKENS,
    TOTP_FACTORS,
    RECOVERY_CODES,
    IDENTITIES,
    PASSKEYS,
    ROLES,
    GROUPS,
    COLLECTIONS,
    DOCUMENTS,
    ANSWERS,
    JOBS,
    EXPORTS,
)

BY_COLUMNS: dict[tuple[str, ...], type[FastOpsError]] = {
    (mapping.table, *unique.columns): unique.error for mapping in MAPPINGS for unique in mapping.unique
} | {("repeats", "principal", "route", "key_hash"): RepeatLost}

BY_NAME: dict[str, type[FastOpsError]] = {
    f"pk_{columns[0]}" if columns[1:] == ("id",) else "uq_" + "_".join(columns): error
    for columns, error in BY_COLUMNS.items()
} | {"pk_repeats": RepeatLost}


def refusal(constraint: str | None, columns: tuple[str, ...] = ()) -> FastOpsError:
    """The refusal of a constraint, by its name or by its table and columns."""
    error = BY_NAME.get(constraint or "") or BY_COLUMNS.get(columns) or AlreadyExists
    return error()
