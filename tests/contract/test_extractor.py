"""What the extractor promises: whatever a file does, its reader alone suffers, and the reason has a name."""

import asyncio
import os
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.extraction.guarded import GuardedExtractor
from adapters.extraction.limits import Limits
from application.knowledge.extraction import Extractor
from domain.knowledge.errors import ExtractionFailed
from domain.shared.errors import FastOpsError, Unavailable
from tests import extraction_files as files
from tests.processes import children_of

PDF = files.pdf([("Hello from a PDF", 12)])


@asynccontextmanager
async def extractor(
    limits: Limits | None = None, program: str | None = None, processes: int = 1
) -> AsyncIterator[Extractor]:
    """The product's own children, or ones that run `program`; none of them may be left at the end."""
    if program is None:
        made = GuardedExtractor(processes=processes, limits=limits)
    else:
        command = (sys.executable, "-P", "-c", textwrap.dedent(program))
        made = GuardedExtractor(processes=processes, limits=limits, command=command)
    try:
        yield made
    finally:
        await made.close()
    assert not children()


def children() -> list[str]:
    """Processes of this one that still run and were not there before, as a database server of other tests may be."""
    return sorted(all_children() - _others)


def all_children() -> set[str]:
    return {str(pid) for pid in children_of(os.getpid())}


_others: set[str] = set()


@pytest.fixture(autouse=True)
def _known_children() -> None:
    _others.clear()
    _others.update(all_children())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def child_at_work() -> None:
    while not children():  # noqa: ASYNC110 - a process has no event
        await asyncio.sleep(0.01)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(PDF)
    return file


def fill(source: Path, data: bytes) -> None:
    source.write_bytes(data)


def reader(body: str) -> str:
    """A child like the product's, but for the function that reads a file."""
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    return (
        "import os, signal, socket, time\n"
        "from adapters.extraction.child import read_file, serve\n"
        "from domain.knowledge.extracts import Extract\n"
        f"def read(data, request):\n{lines}\n"
        "serve(read)\n"
    )


async def refusal(extractor: Extractor, source: Path) -> FastOpsError:
    with pytest.raises(FastOpsError) as raised:
        await extractor.extract(source, media_type=None, file_name=None)
    return raised.value


@pytest.mark.parametrize(
    ("data", "name", "media_type", "text"),
    [
        (b"caf\xe9\r\n", "a.txt", "text/plain", "café"),
        (b"# Title\n\nText", "a.md", "text/markdown", "# Title\n\nText"),
        (b"a,b\n1,2", "a.csv", "text/csv", "a; b\n\na: 1; b: 2"),
        (b"<h1>Title</h1><p>Text", "a.html", "text/html", "Title\n\nText"),
        (PDF, "misnamed.txt", "application/pdf", "Hello from a PDF"),
        (
            "words \U0001f600 ".encode() * 100_000,
            "large.txt",
            "text/plain",
            "words \U0001f600 " * 99_999 + "words \U0001f600",
        ),
    ],
)
async def test_a_file_comes_back_as_text(tmp_path: Path, data: bytes, name: str, media_type: str, text: str) -> None:
    source = tmp_path / "blob"
    source.write_bytes(data)
    async with extractor() as made:
        extract = await made.extract(source, media_type=None, file_name=name)
    assert (extract.media_type, extract.text) == (media_type, text)


async def test_headings_and_pages_come_with_the_text(source: Path) -> None:
    fill(source, files.pdf([("1 Overview", 12), ("Words.", 12)], [("Page two", 12)], bookmarks=[("Overview", 0)]))
    async with extractor() as made:
        extract = await made.extract(source, media_type=None, file_name=None)
    assert [extract.text[heading.start : heading.end] for heading in extract.headings] == ["1 Overview"]
    assert extract.page_starts == (0, extract.text.index("Page two"))


async def test_many_files_at_once_each_get_their_own_text(tmp_path: Path) -> None:
    sources = [tmp_path / str(number) for number in range(24)]
    for number, each in enumerate(sources):
        each.write_bytes(files.pdf([(f"Number {number}", 12)]) if number % 3 == 0 else b"Number %d" % number)
    async with extractor(processes=2) as made:
        extracts = await asyncio.gather(*(made.extract(each, media_type=None, file_name=None) for each in sources))
    assert [extract.text for extract in extracts] == [f"Number {number}" for number in range(24)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("while True: pass", "extraction_timeout"),
        ("time.sleep(60)", "extraction_timeout"),
        ("return bytearray(1 << 30)", "extraction_out_of_memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "extraction_crashed"),
        ("os.abort()", "extraction_crashed"),
        ("os._exit(0)", "extraction_crashed"),
        ("raise ValueError", "extraction_crashed"),
        ("return read(data, request)", "broken_file"),
    ],
)
async def test_a_reader_that_misbehaves_is_named_and_replaced(source: Path, body: str, code: str) -> None:
    calm = f"if data.startswith(b'%PDF-1.4'): return read_file(data, request)\n{body}"
    async with extractor(Limits(cpu_seconds=1, wall_seconds=2), reader(calm)) as made:
        fill(source, PDF.replace(b"%PDF-1.4", b"%PDF-1.5"))
        assert (await refusal(made, source)).code == code
        fill(source, PDF)
        assert (await made.extract(source, media_type=None, file_name=None)).text == "Hello from a PDF"


async def test_what_a_library_prints_does_not_disturb_the_answer(source: Path) -> None:
    async with extractor(
        program=reader("os.write(1, b'noise' * 100); print('more', flush=True)\nreturn read_file(data, request)")
    ) as made:
        assert (await made.extract(source, media_type=None, file_name=None)).text == "Hello from a PDF"


async def test_a_reader_can_open_nothing_once_it_parses(source: Path) -> None:
    for attempt in ("socket.socket()", "open(request.path)", "os.pipe()", "open('/tmp/x', 'w')"):
        body = f"""
            extract = read_file(data, request)
            try:
                {attempt}
            except OSError as error:
                return Extract(str(error.errno), "text/plain")
            return extract
        """
        async with extractor(program=reader(body)) as made:
            assert (await made.extract(source, media_type=None, file_name=None)).text == "24"


async def test_a_reader_has_no_network(source: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        body = f"""
            try:
                socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 1)
            except OSError:
                return Extract("alone", "text/plain")
            return Extract("connected", "text/plain")
        """
        async with extractor(program=reader(body)) as made:
            extract = await made.extract(source, media_type=None, file_name=None)
    if extract.text == "connected":
        pytest.skip("this system permits no network namespaces; readers are kept off the network by their seal alone")
    assert extract.text == "alone"


async def test_a_child_inherits_no_environment(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEY", "canary")
    async with extractor(program=reader("return Extract(repr(dict(os.environ)), 'text/plain')")) as made:
        extract = await made.extract(source, media_type=None, file_name=None)
    assert "PYTHONPATH" in extract.text
    assert "canary" not in extract.text


@pytest.mark.parametrize(
    ("limits", "data", "code"),
    [
        (Limits(), files.zip_bomb(8), "expands_too_much"),
        (Limits(memory_bytes=150 << 20, expansion=10_000), files.zip_bomb(64), "extraction_out_of_memory"),
        (Limits(cpu_seconds=1), b"a,b\n" * 3_000_000, "extraction_timeout"),
        (Limits(wall_seconds=1e-6), b"a small text", "extraction_timeout"),
        (Limits(pages=2), files.pdf([], [], []), "too_many_pages"),
        (Limits(), PDF[:300], "broken_file"),
        (Limits(), b"", "empty_document"),
    ],
)
async def test_each_limit_holds_for_real_content(source: Path, limits: Limits, data: bytes, code: str) -> None:
    fill(source, data)
    async with extractor(limits) as made:
        with pytest.raises(ExtractionFailed) as raised:
            await made.extract(source, media_type="text/csv", file_name=None)
    assert raised.value.code == code


STANDSTILL = """
    from adapters.extraction.messages import READY, read_frame, write_frame
    import time
    write_frame(1, READY)
    read_frame(0)
    {}
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("pass", "extraction_timeout"),
        ("write_frame(1, b'no json')", "extraction_crashed"),
        ('write_frame(1, b\'{"failed": "by magic"}\')', "extraction_crashed"),
        ("__import__('os').write(1, b'\\xff' * 64)", "extraction_crashed"),
        ("write_frame(1, b'{\"media_type\":1}'); write_frame(1, b'x')", "extraction_crashed"),
        (
            'write_frame(1, b\'{"media_type":"text/plain","title":null,"headings":[[5,9,1]],"page_starts":[]}\');'
            "write_frame(1, b'text')",
            "extraction_crashed",
        ),
    ],
)
async def test_the_answer_of_a_child_that_was_taken_over_is_not_believed(source: Path, answer: str, code: str) -> None:
    async with extractor(Limits(wall_seconds=0.1), STANDSTILL.format(answer)) as made:
        assert (await refusal(made, source)).code == code


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "print('not the protocol', flush=True)"])
async def test_where_no_child_starts_the_file_is_not_blamed(source: Path, program: str) -> None:
    async with extractor(program=program) as made:
        assert isinstance(await refusal(made, source), Unavailable)


async def test_a_child_that_is_ended_from_outside_does_not_blame_the_file(source: Path) -> None:
    for process in ("os.getpid()", "os.getppid()"):
        program = reader(f"os.kill({process}, signal.SIGTERM)\ntime.sleep(60)")
        async with extractor(Limits(wall_seconds=2), program) as made:
            assert isinstance(await refusal(made, source), Unavailable)


async def test_a_source_that_cannot_be_opened_is_not_blamed(tmp_path: Path) -> None:
    async with extractor() as made:
        assert isinstance(await refusal(made, tmp_path / "nowhere"), Unavailable)
        assert isinstance(await refusal(made, tmp_path), Unavailable)


async def test_who_goes_away_takes_the_reading_along(source: Path) -> None:
    body = "if b'wait' in data: time.sleep(60)\nreturn read_file(data, request)"
    async with extractor(program=reader(body)) as made:
        waiting = source.with_name("waiting")
        waiting.write_bytes(PDF.replace(b"Hello", b"wait "))
        errand = asyncio.create_task(made.extract(waiting, media_type=None, file_name=None))
        await child_at_work()
        errand.cancel()
        with pytest.raises(asyncio.CancelledError):
            await errand
        async with asyncio.timeout(30):
            assert (await made.extract(source, media_type=None, file_name=None)).text == "Hello from a PDF"


async def test_closing_ends_the_busy_and_refuses_the_rest(source: Path) -> None:
    async with extractor(program=reader("time.sleep(60)")) as made:
        errands = [asyncio.create_task(refusal(made, source)) for _ in range(3)]
        await child_at_work()
        await made.close()
        assert [type(answer) for answer in await asyncio.gather(*errands)] == [Unavailable] * 3
        assert isinstance(await refusal(made, source), Unavailable)


async def test_nothing_is_left_open(source: Path) -> None:
    before = descriptors()
    for _ in range(3):
        async with extractor(processes=2) as made:
            await asyncio.gather(*(made.extract(source, media_type=None, file_name=None) for _ in range(4)))
    assert descriptors() == before
