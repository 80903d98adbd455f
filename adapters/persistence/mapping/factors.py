"""Rows of second factors and passkeys."""

from adapters.persistence.tracking import ONE_OF_EACH, AggregateMapping, Row, Unique
from domain.identity.errors import PasskeyKnown
from domain.identity.passkeys import Passkey
from domain.identity.second_factors import RecoveryCodes, TotpFactor


def totp_to_row(factor: TotpFactor) -> Row:
    return {"secret_sealed": factor.secret_sealed, "confirmed_at": factor.confirmed_at}


def totp_from_row(row: Row) -> TotpFactor:
    return TotpFactor(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        secret_sealed=row["secret_sealed"],
        confirmed_at=row["confirmed_at"],
    )


def recovery_codes_to_row(codes: RecoveryCodes) -> Row:
    return {"hashes": sorted(codes.hashes)}


def recovery_codes_from_row(row: Row) -> RecoveryCodes:
    return RecoveryCodes(
        id=row["id"], created_at=row["created_at"], updated_at=row["updated_at"], hashes=frozenset(row["hashes"])
    )


def passkey_to_row(passkey: Passkey) -> Row:
    return {
        "user_id": passkey.user_id,
        "label": passkey.label,
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
        "transports": list(passkey.transports),
        "backed_up": passkey.backed_up,
        "last_used_at": passkey.last_used_at,
        "cloned_at": passkey.cloned_at,
    }


def passkey_from_row(row: Row) -> Passkey:
    names = ("label", "credential_id", "public_key", "sign_count", "backed_up", "last_used_at", "cloned_at")
    return Passkey(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        user_id=row["user_id"],
        transports=tuple(row["transports"]),
        **{name: row[name] for name in names},
    )


TOTP_FACTORS = AggregateMapping[TotpFactor](
    kind="totp_factor",
    table="totp_factors",
    to_row=totp_to_row,
    from_row=totp_from_row,
    unique=(ONE_OF_EACH,),
    secret=frozenset({"secret_sealed"}),
)
RECOVERY_CODES = AggregateMapping[RecoveryCodes](
    kind="recovery_codes",
    table="recovery_codes",
    to_row=recovery_codes_to_row,
    from_row=recovery_codes_from_row,
    unique=(ONE_OF_EACH,),
    secret=frozenset({"hashes"}),
)
PASSKEYS = AggregateMapping[Passkey](
    kind="passkey",
    table="passkeys",
    to_row=passkey_to_row,
    from_row=passkey_from_row,
    unique=(Unique(("credential_id",), PasskeyKnown),),
    personal=frozenset({"label"}),
    private=True,
)
