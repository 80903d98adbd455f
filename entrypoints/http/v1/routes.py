"""All resources of version 1."""

from typing import Final

from entrypoints.http.routers import Router
from entrypoints.http.v1 import (
    account,
    answers,
    api_keys,
    audit_events,
    collections,
    document_access,
    documents,
    exports,
    groups,
    identities,
    jobs,
    passkeys,
    reauthentication,
    registration,
    roles,
    search,
    second_factors,
    single_sign_on,
    tokens,
    users,
)

ROUTERS: Final[tuple[Router, ...]] = (
    account.router,
    users.router,
    search.router,
    answers.router,
    documents.router,
    document_access.router,
    collections.router,
    jobs.router,
    tokens.router,
    reauthentication.router,
    registration.router,
    second_factors.router,
    single_sign_on.router,
    identities.router,
    passkeys.router,
    api_keys.router,
    roles.router,
    groups.router,
    audit_events.router,
    exports.router,
    audit_events.checkpoints,
)
"""In the order in which a request is held against them, the busiest first."""
