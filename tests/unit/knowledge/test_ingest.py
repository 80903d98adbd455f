"""Ingestion: every claimed document ends ready, failed with a reason, or queued again; lost claims write nothing."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, cast

import pytest

from application.knowledge import ingest
from application.knowledge.hand_in import HandIn
from application.knowledge.intake import INGEST
from application.knowledge.retrieval import Matrix
from application.knowledge.views import CollectionView, DocumentView
from application.shared.jobs import JobTicket
from domain.operations.jobs import ATTEMPTS_MAX, LEASE
from domain.shared.actor import Actor
from domain.shared.errors import Unavailable
from domain.shared.values import ListQuery, Sort
from tests.fakes_retrieval import WordEmbedder
from tests.knowledge_services import WORKER, Library

CHUNK_ORDER = Sort("ordinal", descending=False)


@pytest.fixture
async def papers(library: Library, ada: Actor) -> CollectionView:
    return await library.collection(ada)


async def claim(library: Library, limit: int = 100, worker: str = WORKER) -> Sequence[JobTicket]:
    found: Sequence[JobTicket] = await library.store.job_queue.claim(worker, [INGEST], limit, library.store.clock.now())
    return found


def job_states(library: Library) -> list[str]:
    return [row["status"] for row in library.store.database.rows("jobs")]


async def state(library: Library, actor: Actor, document: DocumentView) -> tuple[str, str | None, int]:
    view = await library.documents.get(actor, document.id)
    return view.status, view.error_code, view.chunk_count


async def test_documents_become_ready_with_their_chunks(library: Library, ada: Actor, papers: CollectionView) -> None:
    texts = [f"Wing number {number} bends." for number in range(5)]
    documents = [await library.hand_in(ada, papers, text, title="Wings") for text in texts]
    told: list[tuple[int, int]] = []
    report = await library.ingest.run(await claim(library), lambda done, total: told.append((done, total)))
    assert (report.ready, report.chunks, report.failed, report.later, report.dropped) == (5, 5, 0, 0, 0)
    assert told == [(5, 5)]
    assert [await state(library, ada, document) for document in documents] == [("ready", None, 1)] * 5
    assert job_states(library) == ["succeeded"] * 5
    assert library.embedder.calls == [5], "one call for all"


async def test_batches_overlap_and_lose_nothing(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 2)
    for number in range(7):
        await library.hand_in(ada, papers, f"Wing number {number} bends.")
    told: list[tuple[int, int]] = []
    report = await library.ingest.run(await claim(library), lambda done, total: told.append((done, total)))
    assert report.ready == 7
    assert told[-1] == (7, 7)
    assert len(library.embedder.calls) == 4


async def test_heavy_batches_are_split(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_BYTES", 60)
    for number in range(5):
        await library.hand_in(ada, papers, f"Wing number {number} bends.")
    assert (await library.ingest.run(await claim(library))).ready == 5
    assert library.embedder.calls == [2, 3]


async def test_title_and_headings_are_part_of_what_is_embedded_and_analysed(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    hand_in = HandIn(content=b"# Aerofoils\n\nThey bend.\n\n# Rudders\n\nThey turn.", file_name="a.md")
    document = (await library.documents.submit(ada, papers.id, hand_in)).document
    await library.settle()
    assert (await library.documents.get(ada, document.id)).title == "Aerofoils", "found by extraction"
    assert (await library.documents.get(ada, document.id)).media_type == "text/markdown"
    chunks = (await library.documents.chunks(ada, document.id, ListQuery(sort=CHUNK_ORDER))).items
    assert [chunk.headings for chunk in chunks] == [("Aerofoils",), ("Rudders",)]
    best = (await library.search(ada, "rudders", explain=True)).items[0]
    assert best.text == chunks[1].text
    assert best.explain is not None
    assert best.explain.bm25 > 0


async def test_a_given_title_wins_over_a_found_one(library: Library, ada: Actor, papers: CollectionView) -> None:
    hand_in = HandIn(content=b"# Aerofoils\n\nThey bend.", file_name="a.md", title="Mine")
    document = (await library.documents.submit(ada, papers.id, hand_in)).document
    await library.settle()
    assert (await library.documents.get(ada, document.id)).title == "Mine"
    assert library.reader.seen == [("application/octet-stream", "a.md")]


@pytest.mark.parametrize(
    ("hand_in", "code"),
    [
        (HandIn(content=b" \n", media_type="text/plain"), "empty_document"),
        (HandIn(content=b"\xff\xfe\x00", media_type="text/plain"), "broken_file"),
        (HandIn(content=b"ENCRYPTED", file_name="a.pdf"), "encrypted_file"),
    ],
)
async def test_failures_are_named_and_do_not_hold_up_others(
    library: Library, ada: Actor, papers: CollectionView, hand_in: HandIn, code: str
) -> None:
    bad = (await library.documents.submit(ada, papers.id, hand_in)).document
    good = await library.hand_in(ada, papers, "Wings bend.")
    report = await library.ingest.run(await claim(library))
    assert (report.ready, report.failed, report.errors) == (1, 1, [])
    assert await state(library, ada, bad) == ("failed", code, 0)
    assert await state(library, ada, good) == ("ready", None, 1)
    assert sorted(job_states(library)) == ["failed", "succeeded"]


async def test_plain_text_is_taken_as_it_stands(library: Library, ada: Actor, papers: CollectionView) -> None:
    text = "One line\r\nand\ranother\x07 one\ufeff."
    document = await library.hand_in(ada, papers, text)
    await library.settle()
    chunks = (await library.documents.chunks(ada, document.id, ListQuery(sort=CHUNK_ORDER))).items
    assert [chunk.text for chunk in chunks] == ["One line\nand\nanother one."]
    assert not library.reader.seen, "no reader is started for it"


async def test_lost_bytes_are_a_failure(library: Library, ada: Actor, papers: CollectionView) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    library.store.database.blobs.clear()
    await library.settle()
    assert await state(library, ada, document) == ("failed", "content_not_found", 0)


@pytest.mark.parametrize("part", ["embedder", "reader", "executor"])
async def test_when_a_part_is_down_documents_wait_for_it(
    library: Library, ada: Actor, papers: CollectionView, part: str
) -> None:
    hand_in = HandIn(content=b"Wings bend.", file_name="a.txt")
    document = (await library.documents.submit(ada, papers.id, hand_in)).document
    setattr(getattr(library, part), "full" if part == "executor" else "down", True)
    report = await library.ingest.run(await claim(library))
    assert (report.ready, report.later) == (0, 1)
    assert (await state(library, ada, document))[0] == "queued"
    assert not await claim(library), "not at once"
    setattr(getattr(library, part), "full" if part == "executor" else "down", False)
    library.store.clock.forward(seconds=10)
    assert (await library.ingest.run(await claim(library))).ready == 1


async def test_a_part_that_stays_down_fails_the_document_at_last(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    library.embedder.down = True
    for _ in range(ATTEMPTS_MAX):
        await library.ingest.run(await claim(library))
        library.store.clock.forward(hours=1)
    assert await state(library, ada, document) == ("failed", "embedder_down", 0)
    assert job_states(library) == ["failed"]


async def test_a_defect_hits_its_own_document_only(library: Library, ada: Actor, papers: CollectionView) -> None:
    library.embedder.poison = "poison"
    bad = await library.hand_in(ada, papers, "A poison text.")
    good = await library.hand_in(ada, papers, "Wings bend.")
    broken = (await library.documents.submit(ada, papers.id, HandIn(content=b"DEFECT", file_name="a.txt"))).document
    report = await library.ingest.run(await claim(library))
    assert (report.ready, report.later) == (1, 2)
    assert sorted(str(error) for error in report.errors) == ["a defect of the reader", "the model fell over"]
    assert await state(library, ada, good) == ("ready", None, 1)
    assert [(await state(library, ada, view))[0] for view in (bad, broken)] == ["queued", "queued"]


async def test_what_brings_its_worker_down_again_and_again_is_given_up(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    tickets: Sequence[JobTicket] = []
    for _ in range(ATTEMPTS_MAX + 1):
        tickets = await claim(library)
        library.store.clock.forward(seconds=LEASE.total_seconds() + 1)
    await library.ingest.run(tickets)
    assert await state(library, ada, document) == ("failed", "extraction_crashed", 0)


async def test_a_lost_claim_writes_nothing(library: Library, ada: Actor, papers: CollectionView) -> None:
    lost = await library.hand_in(ada, papers, "Wings bend.")
    kept = await library.hand_in(ada, papers, "Tails turn.")
    tickets = await claim(library)
    library.store.clock.forward(seconds=LEASE.total_seconds() + 1)
    other = await claim(library, limit=1, worker="other")
    report = await library.ingest.run(tickets)
    assert (report.ready, report.dropped) == (1, 1)
    assert (await state(library, ada, lost))[0] == "queued"
    assert (await state(library, ada, kept))[0] == "ready"
    assert (await library.ingest.run(other)).ready == 1
    assert await library.store.chunk_rows.count() == 2


class Meanwhile(WordEmbedder):
    """An embedder that lets something happen while it works."""

    def __init__(self, happen: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._happen: Callable[[], Awaitable[None]] | None = happen

    async def documents(self, texts: Sequence[str]) -> Matrix:
        happen, self._happen = self._happen, None
        if happen is not None:
            await happen()
        return await super().documents(texts)


def meanwhile(library: Library, happen: Callable[[], Awaitable[None]]) -> None:
    library.ingest._embedder = Meanwhile(happen)


async def test_a_document_deleted_meanwhile_ends_quietly(library: Library, ada: Actor, papers: CollectionView) -> None:
    gone = await library.hand_in(ada, papers, "Wings bend.")
    kept = await library.hand_in(ada, papers, "Tails turn.")

    async def delete() -> None:
        await library.documents.delete(ada, gone.id, expected=None)

    meanwhile(library, delete)
    report = await library.ingest.run(await claim(library))
    assert (report.ready, report.dropped) == (1, 1)
    assert (await state(library, ada, kept))[0] == "ready"
    assert sorted(job_states(library)) == ["cancelled", "succeeded"]
    assert await library.store.chunk_rows.count() == 1


async def test_a_document_deleted_before_leaves_its_ticket_without_work(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    tickets = await claim(library)
    await library.documents.delete(ada, document.id, expected=None)
    assert (await library.ingest.run(tickets)).dropped == 1


async def test_a_change_of_metadata_meanwhile_loses_nothing(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.", title="Wings")

    async def change() -> None:
        await library.documents.change(ada, document.id, title="Wings", metadata={"a": 1}, expected=None)

    meanwhile(library, change)
    assert (await library.ingest.run(await claim(library))).ready == 1
    view = await library.documents.get(ada, document.id)
    assert (view.status, view.metadata) == ("ready", {"a": 1})


async def test_content_replaced_meanwhile_is_left_to_its_own_job(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    await library.hand_in(ada, papers, "Wings bend.", external_id="1")

    async def replace() -> None:
        await library.hand_in(ada, papers, "Wings break.", external_id="1")

    meanwhile(library, replace)
    assert (await library.ingest.run(await claim(library))).dropped == 1
    await library.settle()
    assert [item.text for item in (await library.search(ada, "wings")).items] == ["Wings break."]


async def test_progress_of_long_documents_is_counted(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "TEXTS_PER_CALL", 4)
    await library.hand_in(ada, papers, "A short one.")
    await library.hand_in(ada, papers, "\n\n".join(f"Paragraph {number} " + "word " * 200 for number in range(10)))
    counted: list[tuple[int, int]] = []
    progress = library.store.job_queue.progress

    async def noted(ticket: JobTicket, done: int, total: int) -> None:
        counted.append((done, total))
        await progress(ticket, done, total)

    monkeypatch.setattr(library.store.job_queue, "progress", noted)
    report = await library.ingest.run(await claim(library))
    total = report.chunks - 1
    assert counted == [(done, total) for done in range(3, total, 4)]


def store_down(_operation: object) -> NoReturn:
    raise Unavailable("store_down", "The database cannot be reached.")


async def test_a_store_that_is_down_is_told_and_claims_run_out(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 1)
    for number in range(6):
        await library.hand_in(ada, papers, f"Wing number {number} bends.")
    tickets = await claim(library)
    work = library.ingest._work
    library.ingest._work = cast(Any, store_down)
    with pytest.raises(Unavailable):
        await library.ingest.run(tickets)
    library.ingest._work = work
    assert set(job_states(library)) == {"running"}
    assert (await library.ingest.run(tickets)).ready == 6
