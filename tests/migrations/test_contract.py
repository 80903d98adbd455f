"""Contract steps, and revisions that are not there yet: each test adds some behind the newest one."""

import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.schema import chain as chains
from adapters.persistence.sqlalchemy.schema.chain import chain
from adapters.persistence.sqlalchemy.schema.status import SchemaMismatch, SchemaState
from domain.shared.errors import Conflict, Unavailable
from entrypoints.wiring.installation import require_schema
from tests import postgres
from tests.migrations.databases import REVISIONS, fill, on, reflected, rows, schema
from tests.migrations.interruptions import cut_off
from tests.migrations.policy import taken
from tests.migrations.test_traffic import long_transaction

HEAD = REVISIONS[-1]
LATER = "99.0.0"
DROP = f'''"""Take away what nobody uses any more."""

import sqlalchemy as sa
from alembic import op

revision = "0900"
down_revision = "{HEAD}"
OLDEST_READER = "{LATER}"


def upgrade() -> None:
    with op.batch_alter_table("users") as batch:
        batch.drop_column("email_verified")


def downgrade() -> None:
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("email_verified", sa.Boolean(), nullable=False, server_default=sa.true()))
'''
INDEX = '''"""Find users by their kind."""

from alembic import op

revision = "0901"
down_revision = "{below}"


def upgrade() -> None:
    op.create_index("ix_users_kind", "users", ["kind"])


def downgrade() -> None:
    op.drop_index("ix_users_kind", table_name="users")
'''
Add = Callable[[str], None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Puts a revision behind the newest one, in a copy of the folder."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(str(chains.LOCATION)), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(chains, "LOCATION", folder)

    def put(source: str) -> None:
        (folder / "versions" / f"{source[3:8].lower()}.py").write_text(source)
        forget()

    yield put
    monkeypatch.undo()
    forget()


def forget() -> None:
    chains.scripts.cache_clear()
    chain.cache_clear()


def test_a_contract_step_is_taken_only_when_asked_for(empty_url: str, add: Add) -> None:
    migrations.upgrade(empty_url)
    add(DROP)
    assert migrations.upgrade(empty_url).steps == ()
    assert migrations.status(empty_url).state is SchemaState.CURRENT
    with pytest.raises(Conflict, match=LATER) as refused:
        migrations.upgrade(empty_url, "0900")
    assert refused.value.code == "contract_step"
    plan = migrations.plan(empty_url)
    assert (plan.steps, plan.contract_left, plan.previous_goes_on) == ((), ("0900",), True)
    plan = migrations.plan(empty_url, contract=True)
    assert [step.kind for step in plan.steps] == ["contract"]
    assert (plan.oldest_reader, plan.previous, plan.previous_goes_on) == (LATER, version("fastops"), False)


def test_after_a_contract_step_older_releases_are_refused_and_told_both(empty_url: str, add: Add) -> None:
    migrations.upgrade(empty_url)
    on(empty_url, fill)
    before, tables = on(empty_url, schema), on(empty_url, reflected)
    kept = on(empty_url, lambda connection: rows(connection, tables))
    add(DROP)
    assert migrations.upgrade(empty_url, contract=True).steps == ("0900",)
    assert any("email_verified is gone" in words for words in taken(before, on(empty_url, schema)))
    with pytest.raises(SchemaMismatch) as refused:
        require_schema(migrations.status(empty_url))
    assert LATER in refused.value.detail
    assert version("fastops") in refused.value.detail
    migrations.downgrade(empty_url, HEAD)
    require_schema(migrations.status(empty_url))
    assert on(empty_url, lambda connection: rows(connection, tables)) == kept, "a rebuilt table keeps its children"


def test_nobody_starts_on_half_a_contract_step(empty_url: str, add: Add) -> None:
    migrations.upgrade(empty_url)
    add(DROP)
    for number in count(1):
        ended = cut_off(lambda: migrations.upgrade(empty_url, contract=True), number)
        columns = on(empty_url, lambda connection: {one["name"] for one in inspect(connection).get_columns("users")})
        found = migrations.status(empty_url)
        assert "email_verified" in columns or found.oldest_reader == LATER
        if ended is None:
            break
    assert found.current == "0900"


def test_a_contract_step_on_the_way_stops_the_upgrade_before_its_first_step(empty_url: str, add: Add) -> None:
    migrations.upgrade(empty_url)
    add(DROP)
    add(INDEX.format(below="0900"))
    assert migrations.status(empty_url).state is SchemaState.BEHIND
    assert migrations.plan(empty_url).needs_contract
    with pytest.raises(Conflict, match="contract_step"):
        migrations.upgrade(empty_url)
    assert migrations.status(empty_url).current == HEAD
    assert migrations.upgrade(empty_url, contract=True).steps == ("0900", "0901")


def test_an_empty_database_takes_contract_steps_at_once(empty_url: str, add: Add) -> None:
    add(DROP)
    assert migrations.upgrade(empty_url).after == "0900"
    assert migrations.status(empty_url).oldest_reader == LATER


def test_on_postgresql_an_index_is_made_beside_writers_and_made_anew_when_it_was_cut_off(
    postgres_base: str, add: Add
) -> None:
    with postgres.cloned_database(postgres_base, "template0") as url:
        migrations.upgrade(url)
        on(url, fill)
        add(INDEX.format(below=HEAD))
        with long_transaction(url, "UPDATE users SET kind = 'x'"):
            with pytest.raises(Unavailable, match="migration_blocked"):
                migrations.upgrade(url, wait=1)
            assert not is_valid(url), "it has waited for that writer with the index half made, and kept out no other"
        migrations.upgrade(url)
        assert is_valid(url)


def is_valid(url: str) -> bool:
    def call(connection: Connection) -> bool:
        found = text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_users_kind'::regclass")
        return bool(connection.execute(found).scalar_one())

    return on(url, call)
