"""Port of text extraction: from the bytes of a file to plain text."""

from pathlib import Path
from typing import Protocol

from domain.knowledge.extracts import Extract


class Extractor(Protocol):
    """Reads the text of uploaded files. Files are hostile: each is read apart from the service, under limits."""

    async def extract(self, source: Path, *, media_type: str | None, file_name: str | None) -> Extract:
        """The text of the file at `source`, its headings and page starts; `Extract.media_type` is what it really is.

        The bytes decide what a file is. `media_type` (as declared, parameters included) and `file_name` are hints:
        they choose between kinds of text and may name an encoding, and are never used as a path.
        The text has \\n as its only line end and neither control characters nor lone surrogates; it is not blank.

        Raises ExtractionFailed with the code of an ExtractionReason when the file gives no text: the same file fails
        again the same way, so do not repeat. Raises Unavailable (`extraction_unavailable`) when `source` cannot be
        opened or no reader can be started: repeat later. Neither ever ends the service. One file may take 30 s;
        waiting files queue without bound, so the caller limits how many it hands in. Cancelling stops the reading.
        """

    async def close(self) -> None:
        """Stop all readers, busy ones too. Nothing can be extracted afterwards."""
