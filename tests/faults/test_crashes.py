"""A service that is killed while a thousand clients write: what was acknowledged is there, and no repeat does it twice.

`python -m benchmarks.crashes` runs more rounds and says how soon the service is ready again.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.cli.serving import Serving
from tests.conftest import needed
from tests.crashes import Crashes, installed
from tests.postgres_cluster import private_cluster

ROUNDS, WRITES = 2, 1000


@pytest.fixture(params=["sqlite", "postgres"])
def crashes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crashes]:
    with ExitStack() as stack:
        settings = {}
        if request.param == "postgres":
            cluster = stack.enter_context(needed(private_cluster()))
            settings["DATABASE_URL"] = f"{cluster.url}/postgres"
        terminal = installed(tmp_path, **settings)
        yield stack.enter_context(closing(Crashes(lambda: Serving(terminal), WRITES)))


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(crashes: Crashes) -> None:
    for number in range(ROUNDS):
        done = crashes.round(number)
        assert done.acknowledged > 0
        assert done.is_fine, done
