"""Every reason why a file gives no text is told with its way out, also across processes."""

import pickle

import pytest

from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason


@pytest.mark.parametrize("reason", ExtractionReason)
def test_a_failure_carries_the_code_and_the_advice_of_its_reason(reason: ExtractionReason) -> None:
    failure = pickle.loads(pickle.dumps(ExtractionFailed(reason)))
    assert failure.code == reason.value
    assert failure.detail == reason.advice
    assert len(reason.advice) > 40
