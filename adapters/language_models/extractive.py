"""No language model: answers are made of quotes, and say so."""

from collections.abc import Sequence
from typing import NoReturn

from application.knowledge.ports import Passage
from domain.shared.errors import Unavailable


class NoLanguageModel:
    """Stands where no model is set. It never answers, so every answer is extractive."""

    name = "none"

    async def answer(self, question: str, passages: Sequence[Passage]) -> NoReturn:  # noqa: ARG002
        """See the port; raises Unavailable always."""
        raise Unavailable("language_model_missing", "No language model is set; answers are made of quotes.")

    async def close(self) -> None:
        """Nothing to close."""
