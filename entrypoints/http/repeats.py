"""Idempotency-Key: what makes two requests the same one, as the IETF draft has it."""

import re
from hashlib import sha256
from typing import Any

from fastapi import Depends, Request
from pydantic import BaseModel

from application.shared.unit_of_work import Repeat, RepeatLost
from domain.shared.actor import Actor
from domain.shared.errors import Invalid, Violation
from entrypoints.http.documented import add_answer_header, add_parameter, add_problem
from entrypoints.http.exchange import Exchange, exchange_of

KEY_MAX = 255
_BARE = re.compile(r"[\x21\x23-\x7e]+")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"')
KEY_REUSED = Invalid("idempotency_key_reused", "This key was used for other content; make a new one.")


class RepeatKey:
    """The repeat that a request with an Idempotency-Key may be. It stands behind actor and body in a signature."""

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> Repeat | None:
        exchange = exchange_of(request)
        return repeat_of(request, exchange.members) if b"idempotency-key" in exchange.headers else None

    def describe(self, operation: dict[str, Any]) -> None:
        schema = {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_MAX,
            "pattern": f"^({_BARE.pattern}|{_STRING.pattern})$",
        }
        description = "Makes the request safe to repeat for 24 hours: the first answer is given again."
        add_parameter(operation, "header", "Idempotency-Key", schema, description)
        add_answer_header(operation, "Idempotency-Replayed", "`true` where this is the first answer again.")
        add_problem(operation, RepeatLost)
        add_problem(operation, KEY_REUSED)


def repeat_of(request: Request, content: bytes) -> Repeat | None:
    """The repeat of this request with this canonical content; None without a key. Raises Invalid for an unfit key.

    The same key of the same caller on the same route with other content, or on another id, is a reused key.
    """
    exchange = exchange_of(request)
    key = _key(exchange)
    if key is None:
        return None
    method = request.scope["method"]
    fingerprint = sha256(b"\0".join((method.encode(), request.scope["path"].encode(), content)))
    return Repeat(
        key=key,
        principal=_principal(exchange.actor, exchange),
        route=f"{method} {request.scope['route'].path}",
        fingerprint=fingerprint.hexdigest(),
    )


def _key(exchange: Exchange) -> str | None:
    """The key: a String of RFC 9651 §3.3.3 as the draft has it, or the same characters bare, which is as common."""
    field = exchange.header(b"idempotency-key")
    if field is None:
        return None
    text = field.strip(" \t")
    quoted = _STRING.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(key) > KEY_MAX or not (quoted or _BARE.fullmatch(key)):
        detail = f"Use 1 to {KEY_MAX} visible ASCII characters, such as a UUID, with or without quotation marks."
        raise Invalid(violations=[Violation("Idempotency-Key", "form", detail)])
    return key


def _principal(actor: Actor | None, exchange: Exchange) -> str:
    if actor is None or actor.id is None:
        return f"address:{exchange.client_address}"
    return f"{actor.type}:{actor.id}"


def repeat_key() -> Any:
    return Depends(RepeatKey())
