"""Which form an answer takes, by the Accept field of a request (RFC 9110 §12.5.1)."""

import re

from fastapi import Request
from starlette.exceptions import HTTPException

from entrypoints.http.exchange import exchange_of

_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def chosen(request: Request, offered: tuple[str, ...], wanted: str | None = None) -> str:
    """The media type to answer with: `wanted` where it is given, else what Accept likes best, the first of equals.

    Raises HTTPException 406 where Accept lets none of them through, or not the one that is wanted.
    """
    accept = exchange_of(request).header(b"accept")
    media_type = wanted or max(offered, key=lambda one: quality(accept, one))
    if quality(accept, media_type) == 0:
        raise HTTPException(406)
    return media_type


def quality(accept: str | None, media_type: str) -> float:
    """How much an Accept field likes this media type, from 0 (not at all) to 1; the most specific range decides.

    Answers without content have the media type "" and fit everything.
    """
    if not media_type or accept is None or not accept.strip() or accept == "*/*":
        return 1.0
    main = media_type.partition("/")[0]
    best, weight = -1, 0.0
    for item in accept.split(","):
        essence, *parameters = (part.strip().lower() for part in item.split(";"))
        rank = {"*/*": 0, f"{main}/*": 1, media_type: 2}.get(essence, -1)
        if rank >= best and rank >= 0:
            weights = [float(match[1]) for match in map(_QUALITY.fullmatch, parameters) if match]
            best, weight = rank, weights[0] if weights else 1.0
    return weight
