"""Records of repeated requests: what identifies them, and how their results are kept sealed."""

import hashlib
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter

from adapters.persistence.tracking import Row
from application.shared.ports import Seal
from application.shared.unit_of_work import Repeat
from domain.shared.errors import Invalid
from domain.shared.values import Instant

R = TypeVar("R")
KEPT = timedelta(hours=24)


class IdempotencyKeyReused(Invalid):
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request; take a new key for a new request."


class RepeatRecords:
    """Turns results into kept bytes and back. They are sealed under the Idempotency-Key itself, which is not stored."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._forms: dict[Any, TypeAdapter[Any]] = {}

    def key(self, repeat: Repeat) -> Row:
        """What identifies a record."""
        digest = hashlib.sha256(repeat.key.encode()).hexdigest()
        return {"principal": repeat.principal, "route": repeat.route, "key_hash": digest}

    def record(self, repeat: Repeat, result: Any, at: Instant) -> Row:
        """The row that `commit` writes beside everything else."""
        content = self._form(type(result)).dump_json(result)
        return self.key(repeat) | {
            "fingerprint": repeat.fingerprint,
            "result": self._seal.seal(repeat.key, content),
            "created_at": at,
            "expires_at": at + KEPT,
        }

    def open(self, repeat: Repeat, row: Row, now: Instant) -> bytes | None:
        """The kept result of a row; None once it has expired. Raises Invalid where the content differs."""
        if row["expires_at"] <= now:
            return None
        if row["fingerprint"] != repeat.fingerprint:
            raise IdempotencyKeyReused()
        return self._seal.open(repeat.key, row["result"])

    def decode(self, result: bytes, form: type[R]) -> R:
        value: R = self._form(form).validate_json(result)
        return value

    def _form(self, form: Any) -> TypeAdapter[Any]:
        if form not in self._forms:
            self._forms[form] = TypeAdapter(form)
        return self._forms[form]
