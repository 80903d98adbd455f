"""What every embedder promises: unit vectors in the order of the texts, whatever the texts and their company are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from adapters.embeddings.hashing import HashingEmbedder
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel
from adapters.embeddings.model_files import ModelFiles, locate
from adapters.embeddings.openai_compatible import OpenAICompatibleEmbedder
from adapters.embeddings.wordpiece import MiniLmTokenizer
from tests.fakes_embeddings import KEY, embedding_stand_in

Any3 = HashingEmbedder | MiniLmEmbedder | OpenAICompatibleEmbedder
STATINS = "Statins reduce the risk of heart attacks."
TEXTS = [
    STATINS,
    "x",
    "",
    "Ünïcödé, 中文字 and 🙂 side by side; a‍b\u0000c",
    "half a pair: \ud83d.",
    "A rather long text about nothing in particular. " * 120,
    "   \n\t ",
    "word" * 5_000,
    STATINS,
]
VARIED = [f"topic {place} " + "of wings " * (place * 31 % 20) for place in range(70)]


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest_asyncio.fixture(params=["hashing", "int8", "float32", "endpoint"])
async def embedder(request: pytest.FixtureRequest, graphs: Path) -> AsyncIterator[Any3]:
    if request.param == "hashing":
        yield HashingEmbedder()
    elif request.param == "endpoint":
        async with embedding_stand_in() as stand_in:
            remote = OpenAICompatibleEmbedder(stand_in.url, "hashed", KEY, 384)
            yield remote
            await remote.close()
    else:

        def files() -> ModelFiles:
            return locate(None, graphs)

        built_in = MiniLmEmbedder(MiniLmModel(files, MiniLmTokenizer(files), graphs, request.param))
        yield built_in
        await built_in.close()


async def test_every_text_gets_a_vector_of_length_one(embedder: Any3) -> None:
    vectors = await embedder.documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    query = await embedder.query(TEXTS[3])
    assert query.shape == (embedder.dimension,)
    assert query.dtype == np.float32


async def test_order_is_kept_whatever_the_lengths(embedder: Any3) -> None:
    forwards, backwards = await embedder.documents(VARIED), await embedder.documents(VARIED[::-1])
    np.testing.assert_allclose(backwards[::-1], forwards, atol=1e-6)
    assert len(np.unique(forwards.round(5), axis=0)) > 60


async def test_no_texts_give_no_vectors(embedder: Any3) -> None:
    assert (await embedder.documents([])).shape == (0, embedder.dimension)


async def test_the_same_text_has_the_same_vector_in_any_company(embedder: Any3) -> None:
    together = await embedder.documents(TEXTS)
    np.testing.assert_array_equal(together[0], together[-1])
    np.testing.assert_array_equal(await embedder.documents(TEXTS), together)
    for place, text in enumerate(TEXTS):
        np.testing.assert_allclose((await embedder.documents([text]))[0], together[place], atol=1e-6)


async def test_a_query_is_embedded_as_a_document_is(embedder: Any3) -> None:
    for text, vector in zip(TEXTS, await embedder.documents(TEXTS), strict=True):
        np.testing.assert_allclose(await embedder.query(text), vector, atol=1e-6)
        np.testing.assert_allclose(await embedder.query(text), vector, atol=1e-6)


async def test_calls_at_once_do_not_mix(embedder: Any3) -> None:
    expected = await embedder.documents(VARIED)
    parts = [range(start, min(start + 9, 70)) for start in range(0, 70, 9)]
    documents = asyncio.gather(*(embedder.documents([VARIED[place] for place in part]) for part in parts))
    queries = asyncio.gather(*(embedder.query(text) for text in VARIED[:20]))
    np.testing.assert_allclose(np.concatenate(await documents), expected, atol=1e-6)
    np.testing.assert_allclose(np.stack(await queries), expected[:20], atol=1e-6)


async def test_progress_counts_up_to_all_texts(embedder: Any3) -> None:
    told: list[int] = []
    await embedder.documents(VARIED, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == len(VARIED)


async def test_a_caller_may_give_up_and_others_go_on(embedder: Any3) -> None:
    given_up = asyncio.ensure_future(embedder.documents(TEXTS * 5))
    await asyncio.sleep(0)
    given_up.cancel()
    vector = await embedder.query(STATINS)
    np.testing.assert_allclose((await embedder.documents([STATINS]))[0], vector, atol=1e-6)
    await asyncio.gather(given_up, return_exceptions=True)


async def test_texts_with_common_words_are_nearer_than_others(embedder: Any3) -> None:
    near, far = await embedder.documents(["statins and heart attacks", "taxes on farm land"])
    query = await embedder.query("heart attacks")
    assert query @ near > query @ far + 0.2


async def test_name_tells_the_space_of_the_vectors(embedder: Any3) -> None:
    assert embedder.name
    await embedder.warm()
    assert embedder.dimension == 384
