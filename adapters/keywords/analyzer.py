"""English terms: tokens, stop words and Snowball stems, stored per chunk as crc32 and frequency."""

import re
import threading
import unicodedata
import zlib
from itertools import chain

import numpy as np
import numpy.typing as npt
import snowballstemmer

TOKEN = re.compile(r"\w\w+")
RUN = re.compile(r"[^\W\d_]{2,}|\d{2,}")
RECORD = np.dtype([("term", "<u4"), ("frequency", "u1")])
"""One term of a blob, 5 bytes; records ascend by term. Frequencies above 255 are kept as 255."""

STOP_WORDS = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves what which who whom this that these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at by for with about
    against between into through during before after above below to from up down in out on off over under again further
    then once here there when where why how all any both each few more most other some such no nor not only own same so
    than too very s t can will just don should now
    """.split()  # noqa: SIM905
)

REMEMBERED_TOKENS = 1 << 17


class EnglishAnalyzer:
    """Terms of English text, as the port Analyzer promises. Other languages are cut into tokens, but stem as English.

    Text is taken in NFKC and casefolded. A token that mixes letters and digits also counts by its runs of two
    characters and more: `il6` gives `il6` and `il`. The stemmer is PyStemmer's, or snowballstemmer's own where that
    is missing: slower, with the same stems.
    """

    version = "english-1"

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()

    def blob(self, title: str, text: str) -> bytes:
        """RECORDs of all terms, title counted twice; see the port."""
        terms, frequencies = np.unique(self._terms(_tokens(title) * 2 + _tokens(text)), return_counts=True)
        records = np.empty(len(terms), dtype=RECORD)
        records["term"] = terms
        records["frequency"] = np.minimum(frequencies, 255)
        return records.tobytes()

    def query(self, text: str) -> npt.NDArray[np.uint32]:
        """Distinct terms of a query, ascending; see the port."""
        return np.unique(self._terms(_tokens(text)))

    def _terms(self, tokens: list[str]) -> npt.NDArray[np.uint32]:
        terms = [self._vocabulary[token] for token in tokens]
        return np.fromiter(chain.from_iterable(terms), dtype=np.uint32)


class Vocabulary(dict[str, tuple[int, ...]]):
    """The terms of each token seen: none for a stop word, several for one that mixes letters and digits. Bounded."""

    def __init__(self) -> None:
        super().__init__()
        self._stemmer = snowballstemmer.stemmer("english")
        self._stemming = threading.Lock()

    def __missing__(self, token: str) -> tuple[int, ...]:
        words = [token] if token.isalpha() or token.isdigit() else [token, *RUN.findall(token)]
        with self._stemming:  # a stemmer keeps its word in a buffer of its own
            stems = [self._stemmer.stemWord(word) for word in words if word not in STOP_WORDS]
            if len(self) >= REMEMBERED_TOKENS:
                self.clear()
        return self.setdefault(token, tuple(zlib.crc32(stem.encode()) for stem in stems))


def _tokens(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    tokens: list[str] = TOKEN.findall(text.casefold())
    return tokens
