"""Real documents, broken, encrypted and oddly encoded ones among them: each is read, or refused by name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.extraction.guarded import GuardedExtractor
from adapters.extraction.sniffing import Kind
from application.knowledge.extraction import Extractor
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "data" / "files"

READY = {
    "SOURCES.tsv": (Kind.CSV, "repo: microsoft/markitdown"),
    "docling__csv-inconsistent-header.csv": (Kind.CSV, "a; b; c; d"),
    "docling__csv-pipe.csv": (Kind.CSV, "Company: Dominguez|Mcmillan and Donovan; City: Bensonview"),
    "docling__csv-semicolon.csv": (Kind.CSV, "Company: Dominguez;Mcmillan and Donovan; City: Bensonview"),
    "docling__lorem_ipsum.docx": (Kind.DOCX, "Lorem ipsum dolor sit amet"),
    "docling__unit_test_headers_numbered.docx": (Kind.DOCX, "Section 1.2.3"),
    "docling__word_tables.docx": (Kind.DOCX, "Header 0.0 | Header 0.1 | Header 0.2\nCell 1.0 | Merged Cell 1.1 1.2"),
    "made__bom-crlf.md": (Kind.MARKDOWN, "# Title\n\nBody – “quoted”"),
    "made__latin1.txt": (Kind.PLAIN, "Café déjà vu – naïve façade œuvre"),
    "made__xss.html": (Kind.HTML, "Hello world"),
    "markitdown__REPAIR-2022-INV-001_multipage.pdf": (Kind.PDF, "Grand Cherokee"),
    "markitdown__SPARSE-2024-INV-1234_borderless_table.pdf": (Kind.PDF, "INVENTORY RECONCILIATION REPORT"),
    "markitdown__equations.docx": (Kind.DOCX, "=2.2×10-4"),
    "markitdown__rlink.docx": (Kind.DOCX, "Testing Linked Images"),
    "markitdown__test.docx": (Kind.DOCX, "AutoGen: Enabling Next-Gen LLM Applications via Multi-Agent Conversation"),
    "markitdown__test.json": (Kind.PLAIN, "5b64c88c-b3c3-4510-bcb8-da0b200602d8"),
    "markitdown__test.pdf": (Kind.PDF, "three reasons confirming its general"),
    "markitdown__test_blog.html": (Kind.HTML, "Large language models (LLMs) are powerful tools"),
    "markitdown__test_rss.xml": (Kind.PLAIN, "The Official Microsoft Blog"),
    "markitdown__test_serp.html": (Kind.HTML, "Microsoft Corporation is an American multinational corporation"),
    "markitdown__test_wikipedia.html": (Kind.HTML, "Microsoft entered the operating system (OS) business in 1980"),
    "pypdf__AutoCad_Diagram.pdf": (Kind.PDF, "Strip the cable"),
    "pypdf__GeoBase_NHNC1_Data_Model_UML_EN.pdf": (Kind.PDF, "National Hydro Network, Canada, Level 1"),
    "pypdf__crazyones.pdf": (Kind.PDF, "The round pegs in the square holes."),
    "pypdf__issue-297.pdf": (Kind.PDF, "test example"),
    "pypdf__toy.pdf": (Kind.PDF, "Double quote operator"),
    "unstructured__README.md": (Kind.MARKDOWN, "## Example Docs"),
    "unstructured__UDHR_first_article_all.txt": (Kind.PLAIN, "すべての人間は"),
    "unstructured__book-war-and-peace-1225p.txt": (Kind.PLAIN, "Well, Prince, so Genoa and Lucca"),
    "unstructured__codeblock.md": (Kind.MARKDOWN, "## XML Example"),
    "unstructured__csv-with-escaped-commas.csv": (Kind.CSV, "A; A; A; A,A; A"),
    "unstructured__csv-with-long-lines.csv": (Kind.CSV, ": "),
    "unstructured__eng_spa_mult.md": (Kind.MARKDOWN, "Todos los seres humanos nacen libres"),
    "unstructured__example-with-scripts.html": (Kind.HTML, "Russian Offensive Campaign Assessment, December 13"),
    "unstructured__fake-incomplete-json.txt": (Kind.PLAIN, '"hobbies": ["reading", "running", "cooking"]'),
    "unstructured__fake-memo.pdf": (Kind.PDF, "20,000 bottles of water"),
    "unstructured__fake-text-utf-16-be.txt": (Kind.PLAIN, "Important points:"),
    "unstructured__fake-text-utf-16.txt": (Kind.PLAIN, "Important points:"),
    "unstructured__fr_olap.pdf": (Kind.PDF, "exploitation et la fouille"),
    "unstructured__handbook-872p.docx": (Kind.DOCX, "STATUTORY DUTIES OF A STANDING TRUSTEE"),
    "unstructured__invalid-pdf-structure-pdfminer-one-page.pdf": (Kind.PDF, "Leadership in Cybersecurity"),
    "unstructured__norwich-city.txt": (Kind.PLAIN, "Iwan Roberts"),
}

REFUSED = {
    "made__truncated.docx": ExtractionReason.BROKEN,
    "made__truncated.pdf": ExtractionReason.BROKEN,
    "markitdown__MEDRPT-2024-PAT-3847_medical_report_scan.pdf": ExtractionReason.NO_TEXT,
    "markitdown__test.pptx": ExtractionReason.UNSUPPORTED,
    "markitdown__test.xlsx": ExtractionReason.UNSUPPORTED,
    "pypdf__encrypted-file.pdf": ExtractionReason.ENCRYPTED,
    "python-docx__having-images.docx": ExtractionReason.NO_TEXT,
    "unstructured__email-no-utf8-2008-07-16.062410.eml": ExtractionReason.UNSUPPORTED,
    "unstructured__empty.txt": ExtractionReason.EMPTY,
    "unstructured__eng_spa_mult.pptx": ExtractionReason.UNSUPPORTED,
    "unstructured__fake-doc.rtf": ExtractionReason.UNSUPPORTED,
    "unstructured__fake-email-malformed-encoding.eml": ExtractionReason.UNSUPPORTED,
    "unstructured__fake-power-point.pptx": ExtractionReason.UNSUPPORTED,
    "unstructured__fake-text-all-whitespace.txt": ExtractionReason.EMPTY,
    "unstructured__fake.doc": ExtractionReason.UNSUPPORTED,
    "unstructured__password_protected.xlsx": ExtractionReason.UNSUPPORTED,
}

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of real documents is not beside this repository"),
    pytest.mark.asyncio(loop_scope="module"),
]


def names() -> set[str]:
    return {file.name for file in FOLDER.iterdir()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def extractor() -> AsyncIterator[Extractor]:
    made = GuardedExtractor()
    yield made
    await made.close()


async def test_every_file_has_its_expected_outcome() -> None:
    assert names() == READY.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READY)
async def test_a_whole_file_is_read(extractor: Extractor, name: str) -> None:
    kind, phrase = READY[name]
    extract = await extractor.extract(FOLDER / name, media_type=None, file_name=name)
    assert extract.media_type == kind
    assert phrase in extract.text


@pytest.mark.parametrize("name", REFUSED)
async def test_a_file_without_text_is_refused_by_name(extractor: Extractor, name: str) -> None:
    with pytest.raises(ExtractionFailed) as refusal:
        await extractor.extract(FOLDER / name, media_type=None, file_name=name)
    assert refusal.value.code == REFUSED[name]


@pytest.mark.parametrize("name", ["pypdf__toy.pdf", "markitdown__test.docx", "made__xss.html"])
@pytest.mark.parametrize("false_name", ["a.txt", "b.pdf", "c.docx", "d"])
async def test_a_falsely_named_file_is_read_as_what_it_is(extractor: Extractor, name: str, false_name: str) -> None:
    extract = await extractor.extract(FOLDER / name, media_type="application/octet-stream", file_name=false_name)
    assert extract.media_type == READY[name][0]
