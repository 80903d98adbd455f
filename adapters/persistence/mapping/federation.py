"""Rows of accounts at OpenID providers."""

from adapters.persistence.tracking import AggregateMapping, Row, Unique
from domain.identity.errors import IdentityTaken
from domain.identity.federation import FederatedIdentity


def identity_to_row(identity: FederatedIdentity) -> Row:
    return {
        "user_id": identity.user_id,
        "provider": identity.provider,
        "issuer": identity.issuer,
        "subject": identity.subject,
    }


def identity_from_row(row: Row) -> FederatedIdentity:
    return FederatedIdentity(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        user_id=row["user_id"],
        provider=row["provider"],
        issuer=row["issuer"],
        subject=row["subject"],
    )


IDENTITIES = AggregateMapping[FederatedIdentity](
    kind="identity",
    table="identities",
    to_row=identity_to_row,
    from_row=identity_from_row,
    unique=(Unique(("issuer", "subject"), IdentityTaken),),
    secret=frozenset({"subject"}),
)
"""The subject stands in no entry: those of the first sign-in are not the person's own, so nothing would erase it."""
