"""Whoever has the whole database and the log has nothing to come in with: no token, key, code, password or secret."""

import base64
import hashlib
import io
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from loguru import logger
from sqlalchemy import Connection, inspect, text

from adapters.telemetry.logging import configure_logging
from tests.http.service import MASTER_KEY, PASSWORD, Service, a_service, postgres_settings, sqlite_settings

KEY = "a-key-that-nobody-guesses-81c4"
NEW_PASSWORD = "another horse that reads quietly"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream)
    yield stream
    logger.remove()
    configure_logging("INFO", "text", io.StringIO())


@pytest_asyncio.fixture(params=["sqlite", "postgres", "mariadb"])
async def kept(request: pytest.FixtureRequest, tmp_path: Any, log: io.StringIO) -> AsyncIterator[Service]:
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "fastops.db")
        settings = sqlite_settings(file)
    else:
        settings = postgres_settings(request.getfixturevalue(f"{request.param}_url"), tmp_path)
    async with a_service(settings) as service:
        yield service


def everything(connection: Connection) -> dict[str, list[Any]]:
    """All values of all columns, by `table.column`."""
    found: dict[str, list[Any]] = {}
    for table in inspect(connection).get_table_names():
        quoted = connection.dialect.identifier_preparer.quote(table)
        for row in connection.execute(text(f"SELECT * FROM {quoted}")):
            for column, value in row._mapping.items():
                found.setdefault(f"{table}.{column}", []).append(value)
    return found


def needles(secret: str | bytes) -> set[bytes]:
    """A secret as it could lie somewhere: as it is, as the bytes that it stands for, in the usual codes of those."""
    raw = {secret.encode() if isinstance(secret, str) else secret}
    if isinstance(secret, str) and re.fullmatch(r"[A-Za-z0-9_-]+", secret) and len(secret) % 4 != 1:
        raw.add(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))
    codes = (bytes.hex, lambda one: base64.b64encode(one).decode(), lambda one: base64.urlsafe_b64encode(one).decode())
    return raw | {code(one).rstrip("=").encode() for one in raw for code in codes}


def plain(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else str(value).encode()


async def secrets_of_a_day(service: Service) -> dict[str, str | bytes]:
    """Use everything that makes or takes a secret; all of them, by what they are."""
    admin = await service.person("admin")
    found: dict[str, str | bytes] = {"password": PASSWORD, "idempotency key": KEY, "master key": MASTER_KEY}
    found |= {"access token": admin.headers["Authorization"].split()[1], "refresh token": admin.refresh_token}
    form = {"grant_type": "refresh_token", "refresh_token": admin.refresh_token}
    pair = (await service.token(**form)).json()
    found |= {"next access token": pair["access_token"], "next refresh token": pair["refresh_token"]}
    found["secret of the family"] = base64.urlsafe_b64decode(pair["refresh_token"])[20:52]
    admin = admin.with_headers(Authorization=f"Bearer {pair['access_token']}")
    repeat = {"headers": {"Idempotency-Key": KEY}}
    new = {"name": "import", "scopes": ["search"]}
    made = [await admin.post("/api-keys", new, **repeat) for _ in range(2)]
    assert made[0].json()["secret"] == made[1].json()["secret"]
    path = f"/api-keys/{made[0].json()['id']}/rotate"
    rotated = [await admin.post(path, {"overlap_seconds": 3600}, **repeat) for _ in range(2)]
    for name, answer in (("api key", made[0]), ("rotated api key", rotated[0])):
        assert answer.status_code in {200, 201}, answer.text
        found[name] = answer.json()["secret"]
        assert (await service.client.get("/api/v1/me", headers={"X-API-Key": found[name]})).status_code == 200
    user = {"name": "Ada", "email": "ada@example.com", "password": NEW_PASSWORD}
    assert (await admin.post("/users", user, **repeat)).status_code == 201
    await service.signed_in("ada@example.com", password=NEW_PASSWORD)
    assert (await service.token(grant_type="password", username="ada@example.com", password=KEY)).status_code == 400
    found |= {"new password": NEW_PASSWORD, "wrong password": KEY}
    ring, now = service.container.security.key_ring(), service.container.persistence.clock().now()
    for turn in (1, 2):
        await ring.rotate(now + timedelta(minutes=3 * turn))
    found |= {f"signing key {kid}": key.private_key.private_bytes_raw() for kid, key in ring.keys.items()}
    spent = await service.token(**form)
    assert spent.status_code == 400
    await service.number()
    return found


async def test_the_whole_database_and_the_log_hold_nothing_to_come_in_with(kept: Service, log: io.StringIO) -> None:
    secrets = await secrets_of_a_day(kept)
    stored = await kept.container.persistence.database().read(everything)
    for used in ("journal.body", "sessions.secret_hash", "signing_keys.private_sealed", "repeats.result"):
        assert any(stored[used]), used
    places = {place: [plain(value) for value in values] for place, values in stored.items()}
    places["log"] = log.getvalue().encode().splitlines()
    assert len(places["log"]) > 10
    found = [
        (name, place)
        for name, secret in secrets.items()
        for place, values in places.items()
        if any(needle in value for needle in needles(secret) for value in values)
    ]
    assert found == []


async def test_the_search_finds_what_is_there(kept: Service) -> None:
    """What is kept of a refresh token is the hash of its family's secret; so that is what this must find."""
    secrets = await secrets_of_a_day(kept)
    family = secrets["secret of the family"]
    assert isinstance(family, bytes)
    stored = await kept.container.persistence.database().read(everything)
    hashed = needles(hashlib.sha256(family).digest())
    assert [place for place, values in stored.items() if any(n in plain(v) for n in hashed for v in values)] == [
        "sessions.secret_hash"
    ]
