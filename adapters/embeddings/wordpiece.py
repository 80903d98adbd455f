"""MiniLM's tokenizer: uncased WordPiece (Devlin et al. 2018), read from the model's own file at first use."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from adapters.embeddings.model_files import TOKENIZER, ModelFiles

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

MAX_TOKENS = 256


class MiniLmTokenizer:
    """The port `Tokenizer`. Calls hold the processor and may come from any thread.

    Raises Unavailable (model_missing, model_altered) at first use. `files` finds the model's folder then.
    """

    max_tokens = MAX_TOKENS

    def __init__(self, files: Callable[[], ModelFiles]) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._loaded: Tokenizer | None = None

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Character span (start, end) of every token, however long the text is."""
        return list(self._encode(text, special=False).offsets)

    def ids(self, text: str) -> npt.NDArray[np.int32]:
        """Ids (tokens,) with the special ones around them, cut so that at most 256 remain."""
        ids = self._encode(text, special=True).ids
        if len(ids) > MAX_TOKENS:
            ids[MAX_TOKENS - 1 :] = ids[-1:]
        return np.array(ids, dtype=np.int32)

    def load(self) -> "Tokenizer":
        """Read the file now; later calls give what is there."""
        with self._lock:
            if self._loaded is None:
                from tokenizers import Tokenizer

                loaded = Tokenizer.from_str(self._files().path(TOKENIZER).read_text("utf-8"))
                loaded.no_padding()  # the file asks for padding to 128 and cuts there
                loaded.no_truncation()
                self._loaded = loaded
            return self._loaded

    def _encode(self, text: str, *, special: bool) -> "Encoding":
        tokenizer = self._loaded or self.load()
        try:
            return tokenizer.encode(text, add_special_tokens=special)
        except (TypeError, UnicodeError):
            whole = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair; one character stays one
            return tokenizer.encode(whole, add_special_tokens=special)
