"""Whoever has the whole database, the files and the log has nothing to come in with: no token, key, code, challenge,
password or secret of any kind, in no usual code."""

import hashlib
import io
import json
import logging
import shutil
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from loguru import logger

from adapters.telemetry.logging import configure_logging
from tests.http.day_of_secrets import Day, a_world
from tests.http.service import a_service, postgres_settings, sqlite_settings
from tests.traces import all_files, everything, traces

USED = frozenset(
    {
        *(
            "journal.body",
            "journal_personal.body",
            "repeats.result",
            "jobs.payload",
            "jobs.error_code",
            "blobs.content",
        ),
        *("sessions.secret_hash", "passwords.password_hash", "api_keys.secret_hash", "api_keys.previous_hash"),
        *("one_time_tokens.secret_hash", "one_time_tokens.content", "totp_factors.secret_sealed"),
        *("recovery_codes.hashes", "passkeys.public_key", "spent_proofs.digest", "identities.subject"),
        *("signing_keys.private_sealed", "exports.bytes"),
    }
)
"""Where something must stand in the evening, or the day was none."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that could be logged, but for what the mail server of the test says."""
    stream = io.StringIO()
    configure_logging("DEBUG", "json", stream)
    logging.getLogger("mail").setLevel(logging.WARNING)
    yield stream
    logger.remove()
    configure_logging("INFO", "text", io.StringIO())


@pytest_asyncio.fixture(params=["sqlite", "postgres", "mariadb"])
async def day(request: pytest.FixtureRequest, tmp_path: Path, log: io.StringIO) -> AsyncIterator[Day]:
    async with a_world() as world:
        if request.param == "sqlite":
            file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "fastops.db")
            settings = sqlite_settings(file, **world.settings)
        else:
            url = request.getfixturevalue(f"{request.param}_url")
            settings = postgres_settings(url, tmp_path, **world.settings)
        async with a_service(settings) as service:
            day = Day(service, world)
            await day.spend()
            yield day


async def test_nothing_that_is_kept_or_logged_lets_anybody_in(day: Day, tmp_path: Path, log: io.StringIO) -> None:
    rows = await day.service.container.persistence.database().read(everything)
    assert rows.keys() >= USED
    assert len(log.getvalue().splitlines()) > 10
    files, exports = all_files(tmp_path), await day.unpacked()
    assert exports
    assert traces(day.found, rows | files | exports | {"log": log.getvalue().encode()}) == []


async def test_the_search_finds_what_is_there(day: Day, tmp_path: Path) -> None:
    """What is kept of a refresh token is the hash of its family's secret; so that is what this must find."""
    family = day.found["secret of the family"]
    assert isinstance(family, bytes)
    hashed = {"hash": hashlib.sha256(family).digest()}
    rows = await day.service.container.persistence.database().read(everything)
    assert traces(hashed, rows) == [("hash", "sessions.secret_hash")]
    if day.service.container.settings().store == "sqlite":
        assert {place for _, place in traces(hashed, all_files(tmp_path))} & {"fastops.db", "fastops.db-wal"}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_search_reads_the_usual_codes(before: str) -> None:
    secret = "K7QJ2LZBX4M5N6P7"
    text = json.dumps({before: secret}).encode()
    places = {
        "clear": text,
        "hex": text.hex().encode(),
        "base64": b64encode(text),
        "base64url": urlsafe_b64encode(text),
        "lower case": text.lower(),
    }
    assert [place for _, place in traces({"secret": secret}, places)] == list(places)
