"""Records of repeated requests: what identifies them, who works on them, and how their results are kept sealed."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter

from adapters.persistence.tracking import Row
from application.shared.ports import Seal
from application.shared.unit_of_work import Repeat
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

R = TypeVar("R")
BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
"""Results may hold bytes that are no text, such as the head of a trail."""
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""Longer than any language model may take; work that takes longer still is done, but another one may begin it too."""


class IdempotencyKeyReused(Invalid):
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request; take a new key for a new request."
    default_violations = (Violation("Idempotency-Key", "idempotency_key_reused", default_detail),)


@dataclass(frozen=True, slots=True)
class RepeatWrite:
    """A row to be put in place of one that has run out, or that `holder` holds; any other one refuses it."""

    row: Row
    holder: UUID | None

    @property
    def at(self) -> Instant:
        moment: Instant = self.row["created_at"]
        return moment

    def may_displace(self, row: Row) -> bool:
        return not is_live(row, self.at) or (self.holder is not None and row["holder"] == self.holder)


def is_live(row: Row, now: Instant) -> bool:
    """Whether the row still holds a result, or a lease."""
    return bool(row["expires_at"] > now or (row["leased_until"] is not None and row["leased_until"] > now))


class RepeatRecords:
    """Turns results into kept bytes and back. They are sealed under the Idempotency-Key itself, which is not stored."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._forms: dict[Any, TypeAdapter[Any]] = {}

    def key(self, repeat: Repeat) -> Row:
        """What identifies a record."""
        digest = hashlib.sha256(repeat.key.encode()).hexdigest()
        return {"principal": repeat.principal, "route": repeat.route, "key_hash": digest}

    def lease(self, repeat: Repeat, at: Instant) -> RepeatWrite:
        """The row of one who begins to work. To releases that know no leases it looks like an expired record.

        Its holder is a new token each time, so one whose lease was lost cannot write over the next one's work.
        """
        holder = new_id()
        row = {"fingerprint": repeat.fingerprint, "result": b"", "created_at": at, "expires_at": at}
        return RepeatWrite(self.key(repeat) | row | {"holder": holder, "leased_until": at + LEASE}, holder)

    def record(self, repeat: Repeat, result: Any, at: Instant) -> RepeatWrite:
        """The row that `commit` writes beside everything else, in place of the lease where there was one."""
        content = self._form(type(result)).dump_json(result)
        row = {
            "fingerprint": repeat.fingerprint,
            "result": self._seal.seal(repeat.key, content),
            "created_at": at,
            "expires_at": at + KEPT,
        }
        return RepeatWrite(self.key(repeat) | row | {"holder": None, "leased_until": None}, repeat.holder)

    def open(self, repeat: Repeat, row: Row, now: Instant) -> bytes | None:
        """The kept result of a row, None where it ran out or is still worked on. Invalid where the content differs."""
        if not is_live(row, now):
            return None
        if row["fingerprint"] != repeat.fingerprint:
            raise IdempotencyKeyReused()
        return None if row["holder"] is not None else self._seal.open(repeat.key, row["result"])

    def decode(self, result: bytes, form: type[R]) -> R:
        value: R = self._form(form).validate_json(result)
        return value

    def _form(self, form: Any) -> TypeAdapter[Any]:
        if form not in self._forms:
            self._forms[form] = TypeAdapter(form | None, config=BYTES)  # pydantic takes no config beside a bare class
        return self._forms[form]
