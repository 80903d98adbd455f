"""What is handed in: a text or a file with what its sender says about it, weighed before anything is kept."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from domain.knowledge.documents import EXTERNAL_ID_MAX, Content
from domain.knowledge.metadata import check_metadata, storable
from domain.shared.errors import Invalid, TooLarge, Violation
from domain.shared.values import new_id

BYTES_MAX = 25 * 1024 * 1024
FILE_NAME_MAX = 255
MEDIA_TYPE_MAX = 200
PART_BYTES = 1024 * 1024
INLINE_BYTES = 256 * 1024
"""Content up to this size is hashed where it stands; more goes to a thread."""

TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;[^\x00-\x1f\x7f]*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandIn:
    """A document as it comes in. A text has no `file_name`; `media_type` and `file_name` are hints of the sender.

    `content_hash` is the SHA-256 in hex where the caller counted it while receiving; it is not counted again.
    """

    content: bytes | Path
    title: str | None = None
    media_type: str | None = None
    file_name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    content_hash: str | None = None

    @classmethod
    def of_text(cls, text: str, *, title: str | None, metadata: Mapping[str, Any], external_id: str | None) -> "HandIn":
        """A text that came as text, kept as UTF-8."""
        if not storable(text):
            detail = "The text holds NUL characters or lone surrogates; remove them."
            raise Invalid(violations=[Violation("/text", "characters", detail)])
        return cls(content=text.encode(), title=title, media_type=TEXT, metadata=metadata, external_id=external_id)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A hand-in that may be kept: checked, with its content under a blob key of its own."""

    hand_in: HandIn
    content: Content


async def weigh(hand_in: HandIn, bytes_max: int = BYTES_MAX) -> Weighed:
    """Check a hand-in and count its bytes and SHA-256. Raises TooLarge, and Invalid for what cannot be stored."""
    check_metadata(hand_in.metadata)
    for name, text in (("title", hand_in.title), ("external_id", hand_in.external_id)):
        if text is not None and not storable(text):
            raise Invalid(violations=[Violation(f"/{name}", "characters", "Use neither NUL nor lone surrogates.")])
    if hand_in.external_id is not None and not 1 <= len(hand_in.external_id.strip()) <= EXTERNAL_ID_MAX:
        detail = f"Use 1 to {EXTERNAL_ID_MAX} characters."
        raise Invalid(violations=[Violation("/external_id", "length", detail)])
    content = hand_in.content
    size = len(content) if isinstance(content, bytes) else (await asyncio.to_thread(content.stat)).st_size
    if size > bytes_max:
        raise TooLarge("document_too_large", f"A document may have at most {bytes_max // 1024} KiB; split it.")
    if hand_in.content_hash is not None:
        content_hash = hand_in.content_hash
    elif isinstance(content, bytes) and size <= INLINE_BYTES:
        content_hash = hashlib.sha256(content).hexdigest()
    else:
        content_hash = await asyncio.to_thread(_sha256, content)
    return Weighed(
        hand_in,
        Content(
            blob_key=str(new_id()),
            content_hash=content_hash,
            bytes=size,
            media_type=_media_type(hand_in.media_type),
            file_name=_file_name(hand_in.file_name),
        ),
    )


async def parts(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file in parts, read in threads."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while part := await asyncio.to_thread(file.read, PART_BYTES):
            yield part


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _media_type(declared: str | None) -> str:
    """The declared type where it looks like one (RFC 9110 §8.3.1), parameters included: they may name an encoding."""
    text = (declared or "").strip()
    return text if len(text) <= MEDIA_TYPE_MAX and _MEDIA_TYPE.fullmatch(text) else UNKNOWN


def _file_name(given: str | None) -> str | None:
    """The last part of a name in either style, without control characters; it is shown, never used as a path."""
    if given is None:
        return None
    cleaned = _CONTROLS.sub("", given).encode(errors="replace").decode()
    name = PureWindowsPath(PurePosixPath(cleaned).name).name.strip(" .")
    return name[:FILE_NAME_MAX] if len(name) <= FILE_NAME_MAX else _shortened(name)


def _shortened(name: str) -> str:
    """A long name cut in its middle, so that its suffix stays."""
    suffix = PurePosixPath(name).suffix[:20]
    return name[: FILE_NAME_MAX - len(suffix)] + suffix
