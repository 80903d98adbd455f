"""A remote embedding endpoint: what is sent, and that whatever goes wrong there is Unavailable, soon and by name."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from adapters.embeddings import openai_compatible
from adapters.embeddings.openai_compatible import OpenAICompatibleEmbedder
from domain.shared.errors import Unavailable
from tests.fakes_embeddings import KEY, EmbeddingStandIn, embedding_stand_in


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[EmbeddingStandIn]:
    async with embedding_stand_in() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def embedder(endpoint: EmbeddingStandIn) -> AsyncIterator[OpenAICompatibleEmbedder]:
    made = OpenAICompatibleEmbedder(f"{endpoint.url}/", "a-model", KEY)
    yield made
    await made.close()


async def refusal(embedder: OpenAICompatibleEmbedder) -> Unavailable:
    with pytest.raises(Unavailable) as documents:
        await embedder.documents(["text"])
    with pytest.raises(Unavailable) as query:
        await embedder.query("text")
    assert query.value.code == documents.value.code
    assert query.value.retry_after is not None
    assert KEY not in f"{query.value!r} {query.value.detail} {embedder!r}"
    return query.value


async def test_requests_carry_model_and_key_in_batches(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder
) -> None:
    vectors = await embedder.documents([f"text {place}" for place in range(150)])
    assert vectors.shape == (150, 384)
    assert sorted(len(asked["input"]) for asked in endpoint.asked) == [22, 64, 64]
    assert {(asked["model"], asked["encoding_format"]) for asked in endpoint.asked} == {("a-model", "float")}
    assert set(endpoint.authorizations) == {f"Bearer {KEY}"}
    assert endpoint.most_at_once == 2


async def test_long_texts_go_in_smaller_batches(endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder) -> None:
    await embedder.documents(["x " * 60_000] * 4)
    assert [len(asked["input"]) for asked in endpoint.asked] == [1, 1, 1, 1]


async def test_the_first_answer_tells_the_dimension(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder
) -> None:
    endpoint.dimension = 96
    with pytest.raises(Unavailable, match="embedding_dimension_unknown"):
        assert embedder.dimension
    await embedder.warm()
    assert embedder.dimension == 96
    assert (await embedder.documents([])).shape == (0, 96)


async def test_vectors_of_another_dimension_are_refused(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder
) -> None:
    await embedder.warm()
    endpoint.dimension = 96
    assert (await refusal(embedder)).code == "embedding_dimension_changed"


def test_usual_models_are_known() -> None:
    assert OpenAICompatibleEmbedder("http://127.0.0.1:9", "text-embedding-3-small").dimension == 1536
    assert OpenAICompatibleEmbedder("http://127.0.0.1:9", "text-embedding-3-small", None, 256).dimension == 256


async def test_repeated_queries_are_asked_once(endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder) -> None:
    assert await embedder.query("twice") is await embedder.query("twice")
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "embedding_busy"),
        (500, "embedding_failed"),
        (503, "embedding_failed"),
        (401, "embedding_key_refused"),
        (403, "embedding_key_refused"),
        (400, "embedding_refused"),
        (404, "embedding_refused"),
        (302, "embedding_refused"),
    ],
)
async def test_every_status_has_its_code(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder, status: int, code: str
) -> None:
    endpoint.status, endpoint.body = status, b'{"error": "no"}'
    assert (await refusal(embedder)).code == code


@pytest.mark.parametrize(("named", "kept"), [("7", 7), ("100000", 3600), ("soon", 5), ("-1", 5), (None, 5)])
async def test_the_wait_that_the_endpoint_names_is_passed_on(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder, named: str | None, kept: float
) -> None:
    endpoint.status = 429
    endpoint.headers = {"Retry-After": named} if named else {}
    assert (await refusal(embedder)).retry_after == kept


def answer(*vectors: Any, start: int = 0) -> bytes:
    return json.dumps({"data": [{"index": n + start, "embedding": v} for n, v in enumerate(vectors)]}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": [{}]}',
        b"[" * 100_000,
        answer(),
        answer([1.0], [1.0]),
        answer([1.0], start=1),
        answer([]),
        answer([0.0, 0.0]),
        answer("text"),
        answer([1.0, None]),
        answer([1.0, "x"]),
        answer([[1.0]]),
        b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}',
        b'{"data": [{"index": 0, "embedding": [1e400, 1]}]}',
    ],
)
async def test_answers_that_are_no_vectors_are_refused(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder, body: bytes
) -> None:
    endpoint.body = body
    assert (await refusal(embedder)).code == "embedding_malformed"


async def test_an_endless_answer_is_not_read_to_its_end(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_compatible, "ANSWER_BYTES_MAX", 1_000)
    endpoint.body = b" " * 100_000
    assert (await refusal(embedder)).code == "embedding_malformed"


async def test_an_endpoint_that_does_not_answer_is_given_up(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_compatible, "QUERY_SECONDS", 0.1)
    monkeypatch.setattr(openai_compatible, "DOCUMENT_SECONDS", 0.1)
    endpoint.stall = True
    assert (await refusal(embedder)).code == "embedding_slow"


async def test_an_endpoint_that_hangs_up_or_is_gone_is_unreachable(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder
) -> None:
    endpoint.hang_up = True
    assert (await refusal(embedder)).code == "embedding_unreachable"
    gone = OpenAICompatibleEmbedder("http://127.0.0.1:9/v1", "a-model")
    assert (await refusal(gone)).code == "embedding_unreachable"
    await gone.close()


async def test_one_failing_batch_fails_the_call_and_the_next_call_works(
    endpoint: EmbeddingStandIn, embedder: OpenAICompatibleEmbedder
) -> None:
    endpoint.status = 500
    with pytest.raises(Unavailable):
        await embedder.documents(["text"] * 500)
    await asyncio.sleep(0.05)
    assert len(endpoint.asked) <= 4
    endpoint.status = 200
    np.testing.assert_allclose(np.linalg.norm(await embedder.documents(["text"]), axis=1), 1, atol=1e-5)
