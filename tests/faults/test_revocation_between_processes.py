"""Two services in processes of their own on one PostgreSQL: what one takes, the other refuses, though it remembered it.

`python -m benchmarks.revocation` measures how soon.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.serving import Serving, ended
from tests.crashes import installed
from tests.revocations import Revocations

KINDS = {
    *("disabled user", "ended session", "changed role", "revoked key"),
    *("changed group grant", "changed grant", "left group"),
}


@pytest_asyncio.fixture(params=["without Redis", "with Redis"])
async def revocations(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> AsyncIterator[Revocations]:
    terminal = installed(tmp_path, DATABASE_URL=postgres_url)
    shared = {"PUBLIC_URL": "http://kb.example.com"}
    if request.param == "with Redis":
        shared |= {"REDIS_URL": request.getfixturevalue("redis_url"), "RATE_LIMITS": "on"}
    with ExitStack() as stack:
        starting = [Serving(terminal, **shared, DATA_DIR=str(tmp_path / name)) for name in ("here", "there")]
        here, there = [stack.enter_context(ended(service)) for service in starting]
        async with aclosing(Revocations(here.wait_ready().port, there.wait_ready().port)) as taken:
            yield taken


async def test_what_is_taken_in_one_process_is_refused_by_the_other(revocations: Revocations) -> None:
    assert (await revocations.round()).keys() == KINDS
