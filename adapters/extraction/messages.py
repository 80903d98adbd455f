"""What parent and child say to each other: frames of an 8-byte length and that many bytes; JSON, then raw text."""

import json
import os
import struct
from dataclasses import asdict, dataclass
from itertools import pairwise

from adapters.extraction.limits import Limits
from adapters.extraction.sniffing import Hints
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason, Heading

LENGTH = struct.Struct(">Q")
READY = b"ready"
UNREADABLE = b'{"unreadable":true}'
HINT_CHARACTERS = 1_000

ANSWERED = 70
"""How a reader ends that has sent its answer; 0 may come from a library that gave up."""

EXIT_CODES = {
    ExtractionReason.TOO_SLOW: 71,
    ExtractionReason.TOO_MUCH_MEMORY: 72,
    ExtractionReason.CRASHED: 73,
}
"""How a child ends when it cannot say any more why."""


class Garbled(Exception):
    """The other side sent what is not in the protocol."""


class SourceUnreadable(Exception):
    """The child could not open the file."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file to read, by its absolute path."""

    path: str
    hints: Hints
    limits: Limits

    def encode(self) -> bytes:
        hints = {name: value and value[-HINT_CHARACTERS:] for name, value in asdict(self.hints).items()}
        return json.dumps({"path": self.path, "hints": hints, "limits": asdict(self.limits)}).encode()

    @classmethod
    def parse(cls, message: bytes) -> "Request":
        fields = json.loads(message)
        return cls(fields["path"], Hints(**fields["hints"]), Limits(**fields["limits"]))


def encode_extract(extract: Extract) -> tuple[bytes, bytes]:
    """Head and text, each a frame: a large text passes no JSON parser, which would hold all threads for long."""
    head = {
        "media_type": extract.media_type,
        "title": extract.title,
        "headings": [(heading.start, heading.end, heading.level) for heading in extract.headings],
        "page_starts": extract.page_starts,
    }
    return json.dumps(head).encode(), extract.text.encode()


def encode_failure(reason: ExtractionReason) -> bytes:
    return json.dumps({"failed": reason}).encode()


def has_text(head: bytes | bytearray) -> bool:
    """Whether a text frame follows this head."""
    return head.startswith(b'{"media_type"')


def parse_extract(head: bytes | bytearray, text: bytes | bytearray) -> Extract:
    """The child's answer, checked: it may have been taken over by the file that it read.

    Raises ExtractionFailed as it says, SourceUnreadable, or Garbled.
    """
    try:
        fields = json.loads(head)
        if "failed" in fields:
            raise ExtractionFailed(ExtractionReason(fields["failed"]))
        if "unreadable" in fields:
            raise SourceUnreadable
        title = fields["title"]
        extract = Extract(
            text=text.decode(),
            media_type=str(fields["media_type"]),
            title=None if title is None else str(title),
            headings=tuple(Heading(int(start), int(end), int(level)) for start, end, level in fields["headings"]),
            page_starts=tuple(map(int, fields["page_starts"])),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Garbled from error
    if not extract.text or extract.text.isspace() or not _in_order(extract):
        raise Garbled
    return extract


def _in_order(extract: Extract) -> bool:
    end = 0
    for heading in extract.headings:
        if not end <= heading.start < heading.end <= len(extract.text) or heading.level < 1:
            return False
        end = heading.end
    pages = (0, *extract.page_starts, len(extract.text))
    return all(page <= following for page, following in pairwise(pages))


def write_frame(descriptor: int, payload: bytes) -> None:
    """All of it, however long the pipe makes us wait."""
    rest = memoryview(LENGTH.pack(len(payload)) + payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_frame(descriptor: int) -> bytes | None:
    """The next frame, waited for without limit; None at the end of the stream."""
    head = _read_exactly(descriptor, LENGTH.size)
    return None if head is None else _read_exactly(descriptor, LENGTH.unpack(head)[0])


def _read_exactly(descriptor: int, count: int) -> bytes | None:
    received = bytearray()
    while len(received) < count:
        piece = os.read(descriptor, count - len(received))
        if not piece:
            return None
        received += piece
    return bytes(received)
