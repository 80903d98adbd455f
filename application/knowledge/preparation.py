"""From the bytes of documents to chunks with their terms: everything of ingestion that comes before the model."""

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from application.knowledge.extraction import Extractor
from application.knowledge.hand_in import TEXT
from application.knowledge.ports import BlobStore
from application.knowledge.retrieval import Analyzer, Tokenizer
from application.shared.ports import Executor
from domain.knowledge.chunking import Chunk, cut
from domain.knowledge.documents import Document
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason
from domain.shared.errors import NotFound

EXTRACTIONS_AT_ONCE = 2
_LINE_END = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document's chunks and the terms of each."""

    extract: Extract
    chunks: Sequence[Chunk]
    terms: Sequence[bytes]


class Preparation:
    """Reads, extracts, cuts and analyses documents, several at a time."""

    def __init__(
        self, blobs: BlobStore, extractor: Extractor, tokenizer: Tokenizer, analyzer: Analyzer, executor: Executor
    ) -> None:
        self._blobs, self._extractor, self._tokenizer = blobs, extractor, tokenizer
        self._analyzer, self._executor = analyzer, executor
        self._extracting = asyncio.Semaphore(EXTRACTIONS_AT_ONCE)

    async def prepare(self, documents: Sequence[Document]) -> list[Prepared | Exception]:
        """What becomes of each document, in their order: its chunks, or why there are none.

        Among the errors are ExtractionFailed (final) and Unavailable (worth another try).
        """
        texts = await self._blobs.read_many([one.content.blob_key for one in documents if _came_as_text(one)])
        extracts = await asyncio.gather(*(self._extract(one, texts) for one in documents), return_exceptions=True)
        pairs = list(zip(documents, map(_only_exceptions, extracts), strict=True))
        try:
            return await self._executor(lambda: [self._cut(document, extract) for document, extract in pairs])
        except Exception as error:  # the executor was full, or closed
            return [extract if isinstance(extract, Exception) else error for _, extract in pairs]

    async def _extract(self, document: Document, texts: Mapping[str, bytes]) -> Extract:
        """A text that came as text is read here; every file is hostile and read apart."""
        content = document.content
        if _came_as_text(document):
            if content.blob_key not in texts:
                raise NotFound("content_not_found", "The original bytes of this document are gone.")
            return plain_extract(texts[content.blob_key])
        async with self._extracting:
            with tempfile.TemporaryDirectory(prefix="fastops-ingest-") as folder:
                source = Path(folder) / "content"
                await self._copy(content.blob_key, source)
                return await self._extractor.extract(source, media_type=content.media_type, file_name=content.file_name)

    async def _copy(self, key: str, target: Path) -> None:
        with await asyncio.to_thread(target.open, "wb") as file:
            async for part in self._blobs.stream(key):
                await asyncio.to_thread(file.write, part)

    def _cut(self, document: Document, extract: Extract | Exception) -> Prepared | Exception:
        if isinstance(extract, Exception):
            return extract
        try:
            title = document.title if document.titled else extract.title or document.title
            chunks = cut(replace(extract, title=title), self._tokenizer.spans)
            terms = [self._analyzer.blob(chunk.context, chunk.text) for chunk in chunks]
        except Exception as error:  # one document's failure is not that of the others
            return error
        return Prepared(extract, chunks, terms)


def _came_as_text(document: Document) -> bool:
    return document.content.media_type == TEXT and document.content.file_name is None


def plain_extract(data: bytes) -> Extract:
    """UTF-8 text as it stands, with \\n as its only line end and no control characters. Raises ExtractionFailed."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ExtractionFailed(ExtractionReason.BROKEN) from error
    text = _CONTROLS.sub("", _LINE_END.sub("\n", text))
    if not text.strip():
        raise ExtractionFailed(ExtractionReason.EMPTY)
    return Extract(text=text, media_type=TEXT)


def _only_exceptions(outcome: Extract | BaseException) -> Extract | Exception:
    """A cancellation is nobody's outcome: it ends the whole."""
    if isinstance(outcome, (Extract, Exception)):
        return outcome
    raise outcome
