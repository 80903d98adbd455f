"""Documents: what a hand-in becomes, and what is left after a deletion."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from application.knowledge.hand_in import HandIn, weigh
from application.knowledge.intake import INGEST
from application.knowledge.search import SearchMode
from application.knowledge.views import CollectionView, DocumentView, GrantView
from application.shared.unit_of_work import Repeat
from domain.shared.actor import Actor, Permission
from domain.shared.errors import AlreadyExists, Forbidden, Invalid, NotFound, StaleVersion, TooLarge, Unavailable
from domain.shared.values import ListQuery, Sort
from tests.knowledge_services import WORKER, Library

CHUNK_ORDER = Sort("ordinal", descending=False)


@pytest.fixture
async def papers(library: Library, ada: Actor) -> CollectionView:
    return await library.collection(ada)


def blobs(library: Library) -> dict[str, bytes]:
    found: dict[str, bytes] = library.store.database.blobs
    return found


async def listed(library: Library, actor: Actor, papers: CollectionView) -> list[DocumentView]:
    return list((await library.documents.page(actor, papers.id, ListQuery())).items)


async def test_a_text_is_listed_at_once_and_queued(library: Library, ada: Actor, papers: CollectionView) -> None:
    hand_in = HandIn.of_text("Wings bend.", title="Wings", metadata={"year": 1}, external_id="w-1")
    submission = await library.documents.submit(ada, papers.id, hand_in)
    document = submission.document
    assert (document.status, document.title, document.external_id) == ("queued", "Wings", "w-1")
    assert document.content_hash == hashlib.sha256(b"Wings bend.").hexdigest()
    assert (document.bytes, document.media_type, document.file_name) == (11, "text/plain", None)
    assert (submission.existed, submission.ticket) == (False, None)
    assert await listed(library, ada, papers) == [document]
    jobs = await library.store.job_lists.jobs(ada, ListQuery())
    assert [(job.id, job.subject_id, job.kind) for job in jobs.items] == [(submission.job_id, document.id, INGEST)]


async def test_a_file_is_streamed_and_its_name_is_only_a_name(
    library: Library, ada: Actor, papers: CollectionView, tmp_path: Path
) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"y" * 3_000_000)
    hand_in = HandIn(content=source, file_name="../../etc\\pass\x00wd\u202e.txt", media_type="text/plain; charset=x")
    document = (await library.documents.submit(ada, papers.id, hand_in)).document
    assert (document.file_name, document.title) == ("passwd.txt", "passwd.txt")
    assert document.media_type == "text/plain; charset=x"
    _, parts = await library.documents.content(ada, document.id)
    assert b"".join([part async for part in parts]) == source.read_bytes()
    assert document.content_hash == hashlib.sha256(source.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"file_name": "a" * 300 + ".pdf"}, ("a" * 251 + ".pdf", "application/octet-stream")),
        ({"file_name": " . "}, ("", "application/octet-stream")),
        ({"file_name": "a\ud800.txt"}, ("a?.txt", "application/octet-stream")),
        ({"media_type": "image"}, (None, "application/octet-stream")),
        ({"media_type": "a/b\r\nX: y"}, (None, "application/octet-stream")),
        ({"media_type": " text/csv "}, (None, "text/csv")),
    ],
)
async def test_hints_are_cleaned(given: dict[str, Any], kept: tuple[str | None, str]) -> None:
    content = (await weigh(HandIn(content=b"x", **given))).content
    assert (content.file_name, content.media_type) == kept


async def test_a_counted_hash_is_not_counted_again() -> None:
    assert (await weigh(HandIn(content=b"x", content_hash="ab"))).content.content_hash == "ab"
    large = b"x" * 300_000
    assert (await weigh(HandIn(content=large))).content.content_hash == hashlib.sha256(large).hexdigest()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"title": "a\x00"}, "/title"),
        ({"title": "a" * 501}, "/title"),
        ({"external_id": "\ud800"}, "/external_id"),
        ({"external_id": " "}, "/external_id"),
        ({"external_id": "a" * 201}, "/external_id"),
        ({"metadata": {"a": float("nan")}}, "/metadata"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    library: Library, ada: Actor, papers: CollectionView, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await library.documents.submit(ada, papers.id, HandIn(content=b"x", **given))
    assert [violation.pointer for violation in refused.value.violations] == [pointer]
    assert not blobs(library)


async def test_texts_and_sizes_have_limits(library: Library, ada: Actor, papers: CollectionView) -> None:
    with pytest.raises(Invalid):
        HandIn.of_text("a\x00", title=None, metadata={}, external_id=None)
    with pytest.raises(TooLarge):
        await library.documents.submit(ada, papers.id, HandIn(content=b"x" * (25 * 1024 * 1024 + 1)))


async def test_the_same_content_is_the_document_that_is_there(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    first = await library.hand_in(ada, papers, "Wings bend.")
    again = await library.documents.submit(ada, papers.id, HandIn(content=b"Wings bend.", title="Other"))
    assert (again.document, again.existed, again.job_id) == (first, True, None)
    elsewhere = await library.collection(ada, "Elsewhere")
    assert (await library.hand_in(ada, elsewhere, "Wings bend.")).id != first.id
    assert len(blobs(library)) == 2


async def test_external_ids_name_documents_not_contents(library: Library, ada: Actor, papers: CollectionView) -> None:
    one = await library.hand_in(ada, papers, "Wings bend.", external_id="1")
    two = await library.hand_in(ada, papers, "Wings bend.", external_id="2")
    assert one.id != two.id
    again = await library.documents.submit(ada, papers.id, HandIn(content=b"Wings bend.", external_id="2"))
    assert (again.document, again.existed) == (two, True)
    nameless = await library.documents.submit(ada, papers.id, HandIn(content=b"Wings bend."))
    assert (nameless.document, nameless.existed) == (one, True)
    own = await library.hand_in(ada, papers, "Tails turn.")
    named = await library.hand_in(ada, papers, "Tails turn.", external_id="3")
    assert own.id != named.id
    nameless = await library.documents.submit(ada, papers.id, HandIn(content=b"Tails turn."))
    assert nameless.document == own, "one without an external_id is met first"


async def test_other_content_under_an_external_id_is_a_new_version(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    first = await library.hand_in(ada, papers, "Wings bend.", title="Wings", external_id="1")
    second = await library.hand_in(ada, papers, "Wings break.", metadata={"v": 2}, external_id="1")
    assert (second.id, second.version, second.title) == (first.id, first.version + 1, "Wings")
    assert (second.status, second.metadata) == ("queued", {"v": 2})
    jobs = await library.store.job_lists.jobs(ada, ListQuery())
    assert sorted(job.status for job in jobs.items) == ["cancelled", "queued"]
    await library.settle()
    assert list(blobs(library).values()) == [b"Wings break."]
    assert (await library.search(ada, "wings")).items[0].text == "Wings break."


async def test_the_old_version_serves_until_the_new_one_is_ready(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    await library.hand_in(ada, papers, "Wings bend.", external_id="1")
    await library.settle()
    await library.hand_in(ada, papers, "Wings break.", external_id="1")
    assert (await library.search(ada, "wings")).items[0].text == "Wings bend."


async def test_of_two_hand_ins_at_once_one_document_comes(library: Library, ada: Actor, papers: CollectionView) -> None:
    hand_ins = [HandIn(content=b"same"), HandIn(content=b"same")]
    both = await asyncio.gather(*(library.documents.submit(ada, papers.id, hand_in) for hand_in in hand_ins))
    assert both[0].document.id == both[1].document.id
    assert sorted(submission.existed for submission in both) == [False, True]
    assert len(blobs(library)) == 1


async def test_many_come_with_one_commit_and_claimed_jobs(library: Library, ada: Actor, papers: CollectionView) -> None:
    texts = ["one", "two", "one", "three"]
    hand_ins = [HandIn(content=text.encode(), external_id=None if text == "three" else text) for text in texts]
    hand_ins.append(HandIn(content=b"three"))
    submissions = await library.documents.submit_many(ada, papers.id, hand_ins, worker=WORKER)
    assert [submission.existed for submission in submissions] == [False, False, True, False, True]
    tickets = [submission.ticket for submission in submissions if submission.ticket is not None]
    assert len(tickets) == 3
    assert (await library.ingest.run(tickets)).ready == 3
    assert await library.documents.submit_many(ada, papers.id, []) == []


async def test_new_content_in_the_same_batch_counts_last(library: Library, ada: Actor, papers: CollectionView) -> None:
    hand_ins = [HandIn(content=text, external_id="1", media_type="text/plain") for text in (b"first", b"second")]
    submissions = await library.documents.submit_many(ada, papers.id, hand_ins, worker=WORKER)
    assert submissions[0].document.id == submissions[1].document.id
    await library.ingest.run([submission.ticket for submission in submissions if submission.ticket])
    await library.settle()
    assert [item.text for item in (await library.search(ada, "first second")).items] == ["second"]


class BytesWithoutAnswer:
    """A blob store that keeps what it is given, and then cannot say so."""

    def __init__(self, blobs: Any) -> None:
        self._blobs, self.delete = blobs, blobs.delete

    async def put_many(self, blobs: Any) -> None:
        await self._blobs.put_many(blobs)
        raise Unavailable


class TakenAlways:
    """A work whose commits always meet somebody else's."""

    def __init__(self, work: Any, error: type[Exception]) -> None:
        self._work, self._error = work, error

    def __call__(self, operation: Any) -> Any:
        error, opened = self._error, self._work(operation)

        class Opened:
            async def __aenter__(self) -> Any:
                uow = await opened.__aenter__()

                async def commit(_result: Any) -> Any:
                    raise error

                uow.commit = commit
                return uow

            async def __aexit__(self, *error: Any) -> Any:
                return await opened.__aexit__(*error)

        return Opened()


@pytest.mark.parametrize("error", [AlreadyExists, StaleVersion])
async def test_a_race_that_never_ends_is_told(
    library: Library, ada: Actor, papers: CollectionView, error: type[Exception]
) -> None:
    library.documents._work = TakenAlways(library.store.work, error)  # type: ignore[assignment]
    with pytest.raises(error):
        await library.documents.submit(ada, papers.id, HandIn(content=b"x"))
    with pytest.raises(error):
        await library.documents.submit_many(ada, papers.id, [HandIn(content=b"x")])
    assert not blobs(library), "refused hand-ins leave no bytes behind"


async def test_bytes_stay_when_nobody_knows_whether_the_commit_was_written(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    library.documents._work = TakenAlways(library.store.work, Unavailable)  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        await library.documents.submit(ada, papers.id, HandIn(content=b"x"))
    assert len(blobs(library)) == 1


async def test_bytes_go_where_the_store_is_down_before_the_commit(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    kept = library.store.blobs
    library.documents._blobs = BytesWithoutAnswer(kept)  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        await library.documents.submit(ada, papers.id, HandIn(content=b"x"))
    assert not blobs(library)


async def test_a_repeated_hand_in_gives_the_first_answer(library: Library, ada: Actor, papers: CollectionView) -> None:
    repeats = [Repeat("key-1", str(ada.user_id), "POST /documents", "print") for _ in range(2)]
    hand_in = HandIn(content=b"x")
    first, second = [await library.documents.submit(ada, papers.id, hand_in, repeat=repeat) for repeat in repeats]
    assert first == second
    assert (first.existed, repeats[1].replayed) == (False, True)


async def test_a_new_title_is_ingested_again_other_changes_are_not(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.", title="Wings")
    await library.settle()
    ready = await library.documents.get(ada, document.id)
    tagged = await library.documents.change(ada, document.id, title="Wings", metadata={"a": 1}, expected=ready.version)
    assert (tagged.status, tagged.metadata, tagged.version) == ("ready", {"a": 1}, ready.version + 1)
    renamed = await library.documents.change(ada, document.id, title="Feathers", metadata={}, expected=None)
    assert renamed.status == "queued"
    await library.settle()
    assert await library.found(ada, "feathers", mode=SearchMode.KEYWORD) == ["Feathers"]
    with pytest.raises(StaleVersion):
        await library.documents.change(ada, document.id, title="x", metadata={}, expected=ready.version)
    with pytest.raises(Invalid):
        await library.documents.change(ada, document.id, title="\x00", metadata={}, expected=None)


async def test_a_deleted_document_is_forgotten_at_once(library: Library, ada: Actor, papers: CollectionView) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    await library.settle()
    with pytest.raises(StaleVersion):
        await library.documents.delete(ada, document.id, expected=99)
    await library.documents.delete(ada, document.id, expected=None)
    assert not (await library.search(ada, "wings")).items
    assert len(library.keywords) == len(library.vectors) == 0
    assert await library.store.chunk_rows.count() == 0
    with pytest.raises(NotFound):
        await library.documents.get(ada, document.id)
    await library.settle()
    assert not blobs(library)


async def test_a_queued_document_can_be_deleted(library: Library, ada: Actor, papers: CollectionView) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    await library.documents.delete(ada, document.id, expected=document.version)
    jobs = await library.store.job_lists.jobs(ada, ListQuery())
    assert [job.status for job in jobs.items] == ["cancelled"]
    await library.settle()
    assert not await listed(library, ada, papers)


async def test_documents_of_a_deleted_collection_go(library: Library, ada: Actor, papers: CollectionView) -> None:
    for number in range(3):
        await library.hand_in(ada, papers, f"Wing number {number}.")
    await library.settle()
    await library.collections.delete(ada, papers.id, expected=None)
    await library.settle()
    assert await library.store.chunk_rows.count() == len(library.keywords) == len(blobs(library)) == 0


async def test_chunks_are_shown_in_their_order(library: Library, ada: Actor, papers: CollectionView) -> None:
    text = "\n\n".join(f"Paragraph {number} " + "word " * 100 for number in range(6))
    document = await library.hand_in(ada, papers, text)
    await library.settle()
    chunks = (await library.documents.chunks(ada, document.id, ListQuery(sort=CHUNK_ORDER))).items
    assert len(chunks) > 1
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    ready = await library.documents.get(ada, document.id)
    assert (ready.status, ready.chunk_count) == ("ready", len(chunks))


async def test_a_document_can_be_ingested_again(library: Library, ada: Actor, papers: CollectionView) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    await library.settle()
    submission = await library.documents.reingest(ada, document.id)
    assert submission.document.status == "queued"
    await library.settle()
    assert (await library.documents.get(ada, document.id)).status == "ready"
    assert len(library.keywords) == 1


async def test_strangers_find_nothing_and_readers_only_read(
    library: Library, ada: Actor, eve: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "Wings bend.")
    documents = library.documents
    reads: list[Any] = [
        lambda: documents.get(eve, document.id),
        lambda: documents.page(eve, papers.id, ListQuery()),
        lambda: documents.content(eve, document.id),
        lambda: documents.chunks(eve, document.id, ListQuery(sort=CHUNK_ORDER)),
    ]
    writes: list[Any] = [
        lambda: documents.submit(eve, papers.id, HandIn(content=b"x")),
        lambda: documents.change(eve, document.id, title="x", metadata={}, expected=99),
        lambda: documents.delete(eve, document.id, expected=99),
        lambda: documents.reingest(eve, document.id),
    ]
    for call in reads + writes:
        with pytest.raises(NotFound):
            await call()
    grants = [
        GrantView(subject_type="user", subject_id=ada.user_id, level="manage"),
        GrantView(subject_type="user", subject_id=eve.user_id, level="read"),
    ]
    await library.collections.set_grants(ada, papers.id, grants, expected=None)
    for call in reads:
        await call()
    for call in writes:
        with pytest.raises(Forbidden) as refused:
            await call()
        assert refused.value.code == "level_missing"


async def test_permissions_come_first(library: Library, papers: CollectionView) -> None:
    reader = library.person(Permission.DOCUMENTS_READ)
    with pytest.raises(Forbidden):
        await library.documents.submit(reader, papers.id, HandIn(content=b"x"))
    with pytest.raises(Forbidden):
        await library.documents.get(library.person(Permission.SEARCH), papers.id)
