"""Every embedder keeps the same promises; the built-in model is also close to an exact computation of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from adapters.embeddings.hashing import HashingEmbedder, WordTokenizer
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel, MiniLmTokenizer
from adapters.embeddings.model_files import SHA256, fetch, locate
from adapters.embeddings.openai_compatible import OpenAiEmbedder
from domain.shared.errors import Unavailable

TEXTS = [
    "Statins reduce the risk of heart attacks.",
    "x",
    "",
    "Ünïcödé and 中文 and 🙂 together",
    "A rather long text about nothing in particular. " * 120,
    "Statins reduce the risk of heart attacks.",
]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A stand-in for an endpoint: hashed vectors, in reversed order and not normalised."""
    while line := await reader.readline():
        size = 0
        while (header := (await reader.readline()).decode().lower()) != "\r\n":
            if header.startswith("content-length"):
                size = int(header.split(":")[1])
        texts = json.loads(await reader.readexactly(size))["input"]
        vectors = await HashingEmbedder().documents(texts)
        data = [{"index": n, "embedding": (vectors[n] * 3).tolist()} for n in reversed(range(len(texts)))]
        status, body = (b"200 OK", json.dumps({"data": data})) if b"/v1/" in line else (b"429 Slow down", "{}")
        head = b"HTTP/1.1 %s\r\nRetry-After: 7\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (status, len(body)) + body.encode())
        await writer.drain()
    writer.close()


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(params=["hashing", "minilm", "openai"])
async def embedder(request: pytest.FixtureRequest, model_folder: Path, endpoint: str) -> AsyncIterator[Any]:
    if request.param == "hashing":
        yield HashingEmbedder()
    elif request.param == "minilm":
        made = MiniLmEmbedder(MiniLmModel(model_folder))
        yield made
        made.close()
    else:
        remote = OpenAiEmbedder(f"{endpoint}/v1", "hashed", "a-key", 384)
        yield remote
        await remote.aclose()


async def test_vectors_are_whole_normal_and_in_order(embedder: Any) -> None:
    vectors = await embedder.documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[5], atol=1e-6)
    backwards = await embedder.documents(TEXTS[::-1])
    np.testing.assert_allclose(backwards[::-1], vectors, atol=1e-5)


async def test_a_query_is_a_document(embedder: Any) -> None:
    vectors = await embedder.documents(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(await embedder.query(text), vector, atol=1e-5)


async def test_no_texts_are_no_vectors(embedder: Any) -> None:
    assert (await embedder.documents([])).shape == (0, embedder.dimension)


async def test_calls_at_once_do_not_mix(embedder: Any) -> None:
    many = await asyncio.gather(*(embedder.documents([text]) for text in TEXTS), *(embedder.query(t) for t in TEXTS))
    together = await embedder.documents(TEXTS)
    for n, vector in enumerate(together):
        np.testing.assert_allclose(many[n][0], vector, atol=1e-5)
        np.testing.assert_allclose(many[n + len(TEXTS)], vector, atol=1e-5)


async def test_int8_is_close_to_fp32_and_ranks_alike(model_folder: Path) -> None:
    exact, small = (MiniLmEmbedder(MiniLmModel(model_folder, int8=int8), int8=int8) for int8 in (False, True))
    texts = [*TEXTS, *(f"Sentence {n} on {topic}." for n in range(8) for topic in ("hearts", "wings", "law"))]
    first, second = await exact.documents(texts), await small.documents(texts)
    cosines = (first * second).sum(axis=1)
    assert cosines.mean() > 0.985
    assert cosines.min() > 0.97
    query = await exact.query("aeroplane wing")
    for vectors in (first, second):
        assert texts[int((vectors @ query).argmax())].endswith("on wings.")
    exact.close()
    small.close()


async def test_meaning_counts(model_folder: Path) -> None:
    embedder = MiniLmEmbedder(MiniLmModel(model_folder))
    near, far = await embedder.documents(["Drugs that lower cholesterol", "The taxation of farm land"])
    query = await embedder.query("statin therapy")
    assert query @ near > query @ far + 0.2
    embedder.close()


def test_token_spans_point_into_the_text(model_folder: Path) -> None:
    text = "Un-be-lievable: 中文, naïve.\n\nEnd"
    for tokenizer in (MiniLmTokenizer(MiniLmModel(model_folder)), WordTokenizer()):
        spans = tokenizer.spans(text)
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)
        covered = {place for start, end in spans for place in range(start, end)}
        assert {place for place, sign in enumerate(text) if sign.isalnum()} <= covered
    assert MiniLmTokenizer(MiniLmModel(model_folder)).max_tokens == 256


async def test_an_altered_model_is_refused_by_name(tmp_path: Path) -> None:
    for name in SHA256:
        (tmp_path / name).write_bytes(b"not the model")
    with pytest.raises(Unavailable, match="model_altered"):
        await MiniLmEmbedder(MiniLmModel(tmp_path)).query("x")


def test_fetching_copies_what_is_installed_and_verifies(tmp_path: Path) -> None:
    said: list[str] = []
    files = fetch(tmp_path / "models", said.append)
    assert files.weights.stat().st_size > 80_000_000
    assert locate(tmp_path / "models").weights == files.weights
    assert fetch(tmp_path / "models", said.append).folder == files.folder
    assert "already" in said[-1]
    files.weights.write_bytes(b"cut off")
    with pytest.raises(Unavailable, match="model_altered"):
        locate(tmp_path / "models")


def cut_graph(folder: Path) -> None:
    (graph,) = folder.glob("*.onnx")
    graph.write_bytes(graph.read_bytes()[:1000])


async def test_a_damaged_graph_is_built_again(model_folder: Path, tmp_path: Path) -> None:
    first = MiniLmEmbedder(MiniLmModel(tmp_path))
    vector = await first.query("x")
    first.close()
    cut_graph(tmp_path)
    again = MiniLmEmbedder(MiniLmModel(tmp_path))
    np.testing.assert_allclose(await again.query("x"), vector, atol=1e-6)
    again.close()


async def test_a_refusing_endpoint_is_unavailable_and_names_the_wait(endpoint: str) -> None:
    embedder = OpenAiEmbedder(f"{endpoint}/other", "hashed", None, 384)
    with pytest.raises(Unavailable) as refused:
        await embedder.query("x")
    assert refused.value.retry_after == 7
    await embedder.aclose()
    wrong = OpenAiEmbedder(f"{endpoint}/v1", "hashed", None, 99)
    with pytest.raises(Unavailable, match="embedder_unavailable"):
        await wrong.documents(["x"])
    await wrong.aclose()
