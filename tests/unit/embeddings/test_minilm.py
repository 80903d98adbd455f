"""The built-in model against an exact computation of its own, its int8 form, and its tokens."""

import json
from collections.abc import AsyncIterator, Callable
from math import erf, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from safetensors.numpy import load_file

from adapters.embeddings.graph import quantized_rows
from adapters.embeddings.hashing import WordTokenizer
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel, MiniLmTokenizer
from adapters.embeddings.model_files import WEIGHTS, ModelFiles, locate
from application.knowledge.retrieval import Tokenizer
from domain.shared.errors import Unavailable

SHARED = Path(__file__).parents[4] / "shared" / "data" / "scifact" / "corpus.jsonl"
TEXTS = [
    "x",
    "How are tokens signed?",
    "Die Strömung um einen Flügel löst sich bei großem Anstellwinkel ab.",
    "SELECT name FROM users WHERE id = 7; -- 0xDEADBEEF",
    "The boundary layer of a flat plate in supersonic flow is studied with and without heat transfer. ",
    "中文字 и кириллица 🙂",
    "Nightly backups are kept for thirty days; restore them with the command that the manual names. " * 5,
]
Doubles = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def files() -> ModelFiles:
    return locate(None, Path())


@pytest.fixture(scope="module")
def tokenizer(files: ModelFiles) -> MiniLmTokenizer:
    return MiniLmTokenizer(lambda: files)


@pytest.fixture(scope="module")
def model(
    files: ModelFiles, tokenizer: MiniLmTokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    folder = tmp_path_factory.mktemp("graphs")
    return lambda precision: MiniLmModel(lambda: files, tokenizer, folder, precision)


@pytest_asyncio.fixture
async def embedder(model: Callable[..., Any]) -> AsyncIterator[MiniLmEmbedder]:
    made = MiniLmEmbedder(model("int8"))
    yield made
    await made.close()


class Bert:
    """The encoder in numpy and double precision, from the paper's formulas."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        self.weights = {name: array.astype(np.float64) for name, array in weights.items()}

    def vector(self, ids: npt.NDArray[np.int32]) -> Doubles:
        part = "embeddings."
        words = self.weights[f"{part}word_embeddings.weight"][ids]
        places = self.weights[f"{part}position_embeddings.weight"][: len(ids)]
        states = self.norm(words + places + self.weights[f"{part}token_type_embeddings.weight"][0], f"{part}LayerNorm")
        for layer in range(6):
            states = self.layer(states, f"encoder.layer.{layer}.")
        mean = states.mean(0)
        result: Doubles = mean / np.linalg.norm(mean)
        return result

    def layer(self, states: Doubles, part: str) -> Doubles:
        query, key, value = (
            self.linear(states, f"{part}attention.self.{name}").reshape(-1, 12, 32).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / sqrt(32)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (weights / weights.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(-1, 384)
        projected = self.linear(mixed, f"{part}attention.output.dense")
        states = self.norm(projected + states, f"{part}attention.output.LayerNorm")
        wide = self.linear(states, f"{part}intermediate.dense")
        bent = wide * 0.5 * (1 + np.vectorize(erf)(wide / sqrt(2)))
        return self.norm(self.linear(bent, f"{part}output.dense") + states, f"{part}output.LayerNorm")

    def linear(self, states: Doubles, name: str) -> Doubles:
        result: Doubles = states @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return result

    def norm(self, states: Doubles, name: str) -> Doubles:
        centred = states - states.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        result: Doubles = scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return result


def test_float32_equals_an_independent_computation(
    files: ModelFiles, tokenizer: MiniLmTokenizer, model: Callable[..., Any]
) -> None:
    bert, exact = Bert(load_file(files.path(WEIGHTS))), model("float32")
    for text in TEXTS:
        np.testing.assert_allclose(exact.vector(text), bert.vector(tokenizer.ids(text)), atol=1e-5)


def varied_texts() -> list[str]:
    texts = list(TEXTS)
    if SHARED.exists():
        with SHARED.open(encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line, _ in zip(lines, range(12), strict=False)]
    return texts


def test_int8_stays_close_to_float32(model: Callable[..., Any]) -> None:
    exact, small = model("float32"), model("int8")
    cosines = np.array([exact.vector(text) @ small.vector(text) for text in varied_texts()])
    assert cosines.mean() >= 0.98
    assert cosines.min() >= 0.96


def test_int8_products_cannot_saturate_sixteen_bits() -> None:
    weight = np.random.default_rng(1).standard_normal((50, 64)).astype(np.float32)
    small, scales = quantized_rows(weight)
    pairs = small[:, ::2].astype(int) + small[:, 1::2]
    assert 255 * np.abs(pairs).max() <= 32_767
    np.testing.assert_allclose(small * scales[:, None], weight, atol=float(scales.max()) / 2 + 1e-6)


def test_long_texts_are_cut_at_256_tokens(tokenizer: MiniLmTokenizer, model: Callable[..., Any]) -> None:
    long = "word " * 5_000
    ids = tokenizer.ids(long)
    assert len(ids) == tokenizer.max_tokens == 256
    assert (ids[0], ids[-1]) == (101, 102)
    small = model("int8")
    np.testing.assert_array_equal(small.vector(long), small.vector("word " * 254))


@pytest.mark.parametrize("text", [*TEXTS, "", " \n ", "Un-be-lievable: naïve Ａ１\n\nEnd", "a\ud83db \U0001f642c"])
@pytest.mark.parametrize("kind", ["minilm", "words"])
def test_token_spans_are_in_order_and_cover_every_letter(kind: str, text: str, tokenizer: MiniLmTokenizer) -> None:
    chosen: Tokenizer = tokenizer if kind == "minilm" else WordTokenizer()
    spans = chosen.spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert list(spans) == sorted(spans)
    covered = {place for start, end in spans for place in range(start, end)}
    assert {place for place, sign in enumerate(text) if sign.isalnum()} <= covered


def test_spans_are_not_cut_and_agree_with_the_ids(tokenizer: MiniLmTokenizer) -> None:
    assert len(tokenizer.spans("word " * 5_000)) == 5_000
    assert [len(tokenizer.ids(text)) for text in TEXTS] == [min(len(tokenizer.spans(text)) + 2, 256) for text in TEXTS]


async def test_repeated_queries_are_remembered_and_safe_to_share(embedder: MiniLmEmbedder) -> None:
    first = await embedder.query("twice")
    assert await embedder.query("twice") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


async def test_after_closing_it_is_unavailable(model: Callable[..., Any]) -> None:
    embedder = MiniLmEmbedder(model("int8"))
    await embedder.close()
    with pytest.raises(Unavailable, match="shutting_down"):
        await embedder.query("late")
    with pytest.raises(Unavailable, match="shutting_down"):
        await embedder.documents(["late"])
