"""Reading what a request carries: its media type, and its bytes up to a limit that is checked before they are kept."""

from typing import Final

from fastapi import Request

from domain.shared.errors import Malformed, TooLarge, UnsupportedMedia
from entrypoints.http.exchange import exchange_of

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
BODY_MAX: Final = 1024 * 1024


def media_type_of(request: Request, taken: tuple[str, ...]) -> str:
    """The media type of the content, in lower case and without parameters.

    Raises UnsupportedMedia for any other than those taken, for a charset that is not UTF-8, and for coded content.
    """
    exchange = exchange_of(request)
    essence, *parameters = (part.strip().lower() for part in (exchange.header(b"content-type") or "").split(";"))
    if essence not in taken:
        raise UnsupportedMedia(detail=f"Send the content as {' or '.join(taken)}.")
    charsets = [text.partition("=")[2].strip('"') for text in parameters if text.startswith("charset=")]
    if any(charset not in {"utf-8", "utf8"} for charset in charsets):
        raise UnsupportedMedia(detail="Send the content in UTF-8.")
    if (exchange.header(b"content-encoding") or "identity").strip().lower() != "identity":
        raise UnsupportedMedia(detail="Send the content without a Content-Encoding.")
    return essence


def check_length(request: Request, limit: int) -> None:
    """Raise TooLarge where the request announces more than `limit` bytes, before any of them is read."""
    announced = exchange_of(request).headers.get(b"content-length", b"")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        raise too_large(limit)


async def read(request: Request, limit: int = BODY_MAX) -> bytes:
    """The whole content. Raises TooLarge as soon as it is over `limit`, chunked or not; Malformed if it ends early."""
    check_length(request, limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Malformed("incomplete_body", "The connection ended before the content did.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def too_large(limit: int) -> TooLarge:
    if limit >= 1024 * 1024:
        return TooLarge(detail=f"Send at most {limit // (1024 * 1024)} MiB.")
    return TooLarge(detail=f"Send at most {limit} bytes.")
