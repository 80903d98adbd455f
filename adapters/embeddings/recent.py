"""A memory of recent query vectors, shared by the embedders whose queries cost something."""

from collections import OrderedDict

from application.knowledge.retrieval import Vector

REMEMBERED = 1024
LENGTH_MAX = 2_000


class RecentVectors:
    """The last vectors by their text, the least recently used one goes first. For one event loop."""

    def __init__(self, capacity: int = REMEMBERED) -> None:
        self._capacity = capacity
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def get(self, text: str) -> Vector | None:
        vector = self._vectors.get(text)
        if vector is not None:
            self._vectors.move_to_end(text)
        return vector

    def put(self, text: str, vector: Vector) -> Vector:
        """Remember `vector` and give it back, read-only from now on since many callers may hold it.

        Texts beyond 2,000 characters are not kept: they do not come twice, and memory stays bounded.
        """
        vector.setflags(write=False)
        if len(text) <= LENGTH_MAX:
            self._vectors[text] = vector
            self._vectors.move_to_end(text)
            if len(self._vectors) > self._capacity:
                self._vectors.popitem(last=False)
        return vector

    def __len__(self) -> int:
        return len(self._vectors)
