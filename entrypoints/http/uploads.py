"""Multipart content (RFC 7578): text fields in memory, one file streamed to disk and hashed on the way."""

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from domain.shared.errors import Invalid, Malformed, StorageFull, TooLarge, Violation
from entrypoints.http.content import BODY_MAX, check_length, too_large

FILE_MAX: Final = 25 * 1024 * 1024
PARTS_MAX: Final = 20
_FLUSH = 256 * 1024


class MalformedMultipart(Malformed):
    default_code = "malformed_multipart"
    default_detail = "The content is no acceptable multipart/form-data."


@dataclass(slots=True)
class Upload:
    """What came: texts by their names, and the file with its SHA-256 (hex), where it was sent."""

    fields: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    file_name: str | None = None
    media_type: str | None = None
    content_hash: str | None = None


@asynccontextmanager
async def received(request: Request, file_field: str, fields: frozenset[str]) -> AsyncIterator[Upload]:
    """Read a multipart request; the file lies on disk until the context ends.

    Raises MalformedMultipart, TooLarge as soon as the file is over 25 MiB or all the rest over 1 MiB, and Invalid for
    unknown and repeated fields.
    """
    check_length(request, FILE_MAX + BODY_MAX)
    with tempfile.NamedTemporaryFile(prefix="fastops-upload-") as file:
        form = _Form(_boundary(request), file, file_field, fields)
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise Malformed("incomplete_body", "The connection ended before the content did.")
            form.feed(message.get("body", b""))
            if form.pending >= _FLUSH:
                await asyncio.to_thread(form.flush)
            if not message.get("more_body", False):
                break
        await asyncio.to_thread(form.finish)
        yield form.upload


class _Form:
    """The state of one multipart content while it arrives."""

    def __init__(self, boundary: bytes, file: IO[bytes], file_field: str, fields: frozenset[str]) -> None:
        self.upload = Upload()
        self.pending = 0
        self._file, self._file_field, self._fields = file, file_field, fields
        self._hash, self._received, self._size, self._parts = sha256(), 0, 0, 0
        self._chunks: list[bytes] = []
        self._text: list[bytes] = []
        self._name, self._in_file, self._ended = "", False, False
        self._header_name, self._header_value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_text,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        self._received += len(data)
        try:
            self._parser.write(data)
        except (MultipartParseError, UnicodeDecodeError):
            raise MalformedMultipart from None
        if self._received - self._size > BODY_MAX:
            raise too_large(BODY_MAX)

    def flush(self) -> None:
        """Hash and write what has come; both take their time, so this belongs in a thread."""
        try:
            for chunk in self._chunks:
                self._hash.update(chunk)
                self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull from error
            raise
        self._chunks, self.pending = [], 0

    def finish(self) -> None:
        if not self._ended:
            raise MalformedMultipart
        self.flush()
        if self.upload.path is not None:
            self.upload.content_hash = self._hash.hexdigest()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise TooLarge(detail=f"Send at most {PARTS_MAX} parts.")
        self._headers, self._text = {}, []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_text(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise MalformedMultipart
        self._name = options[b"name"].decode("utf-8")
        self._in_file = self._name == self._file_field
        if self._in_file:
            self._begin_file(options)
        elif self._name not in self._fields:
            known = ", ".join(sorted(self._fields | {self._file_field}))
            raise Invalid(violations=[Violation("", "unknown_member", f"The parts here are {known}.")])
        elif self._name in self.upload.fields:
            raise self._repeated()

    def _begin_file(self, options: dict[bytes, bytes]) -> None:
        if self.upload.path is not None:
            raise self._repeated()
        self.upload.path = Path(self._file.name)
        # Browsers write a quotation mark in a name as %22 and nothing else so (HTML, multipart/form-data encoding).
        self.upload.file_name = options.get(b"filename", b"").decode("utf-8", "replace").replace("%22", '"') or None
        self.upload.media_type = self._headers.get(b"content-type", b"").decode("latin-1") or None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._size += end - start
            if self._size > FILE_MAX:
                raise too_large(FILE_MAX)
            self._chunks.append(data[start:end])
            self.pending += end - start
        else:
            self._text.append(data[start:end])

    def _part_end(self) -> None:
        if not self._in_file:
            text = b"".join(self._text).decode("utf-8")
            if "\0" in text:
                raise self._invalid("control_character", "Control characters are not taken.")
            self.upload.fields[self._name] = text

    def _end(self) -> None:
        self._ended = True

    def _repeated(self) -> Invalid:
        return self._invalid("repeated", "Send this part once.")

    def _invalid(self, code: str, detail: str) -> Invalid:
        return Invalid(violations=[Violation(f"/{self._name}", code, detail)])


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary: Any = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise MalformedMultipart(detail="The Content-Type names no boundary of 1 to 70 characters.")
    return bytes(boundary)
