"""Memory of the in-process indexes: rows that only grow, scratch space per thread, and small caches."""

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

S = TypeVar("S", bound=np.generic)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Growing(Generic[S]):
    """An array that grows by rows, for one writer.

    Views given out stay as they are: what they cover is never written again, and growth beyond the capacity moves
    to a new buffer.
    """

    def __init__(self, start: npt.NDArray[S]) -> None:
        self._buffer = start
        self.size = len(start)

    @property
    def view(self) -> npt.NDArray[S]:
        return self._buffer[: self.size]

    def append(self, rows: npt.NDArray[S]) -> npt.NDArray[S]:
        """Add rows and give the view that includes them."""
        wanted = self.size + len(rows)
        if wanted > len(self._buffer):
            capacity = max(wanted, self.size + self.size // 2, 256)
            buffer = np.empty((capacity, *self._buffer.shape[1:]), dtype=self._buffer.dtype)
            buffer[: self.size] = self.view
            self._buffer = buffer
        if len(rows):  # a mapped buffer cannot be written, not even with nothing
            self._buffer[self.size : wanted] = rows
        self.size = wanted
        return self.view


class Scratch(threading.local):
    """Arrays that a thread uses again for every search, so that a large one is not mapped and zeroed by the kernel."""

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def array(self, name: str, size: int, dtype: type[S]) -> npt.NDArray[S]:
        """An array (size,) with whatever was left in it."""
        held = self._arrays.get(name)
        if held is None or len(held) < size:
            held = self._arrays[name] = np.empty(size + size // 8, dtype=dtype)
        return held[:size]


class Recent(Generic[K, V]):
    """A thread-safe cache of the `capacity` values used last."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of `key`, made (perhaps by several threads at once) where it is not held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        value = make()
        with self._lock:
            self._held[key] = value
            if len(self._held) > self._capacity:
                self._held.popitem(last=False)
        return value


def give_back_memory() -> None:
    """Hand memory that was freed back to the system. After large work glibc keeps some of it, a KB for each chunk."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
