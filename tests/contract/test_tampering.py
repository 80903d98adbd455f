"""What somebody with all rights on the database can do to sealed entries by SQL: each deed is found, with its place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from adapters.persistence.sqlalchemy.tables.journal import (
    journal,
    journal_order,
    journal_pending,
    journal_personal,
    journal_seals,
)
from application.audit.verification import Verification
from domain.audit.chain import GENESIS, Seal, leaf, merkle_root, next_seal
from domain.audit.checkpoints import Checkpoint
from domain.audit.findings import Verdict
from tests.factories import UserFactory
from tests.fakes import OpenKeys
from tests.stores import Store

BATCHES = (4, 3, 3)
"""Entries of each batch; sequences 1 to 10."""
END = sum(BATCHES)

on_databases = pytest.mark.parametrize("store", ["sqlite", "postgres", "mariadb"], indirect=True)


async def sealed(store: Store) -> list[Checkpoint]:
    """Ten sealed entries, and the heads that were copied out."""
    for size in BATCHES:
        for _ in range(size):
            await store.given(UserFactory())
        await store.seal()
    seals: Sequence[Seal] = await store.sealed.seals(0, 10)
    return [
        Checkpoint.of(seal, previous)
        for previous, seal in zip([GENESIS, *(s.head for s in seals)], seals, strict=False)
    ]


async def verdict(store: Store, copies: Sequence[Checkpoint] = ()) -> Verdict:
    return await Verification(store.sealed, OpenKeys()).run(copies)


def places(found: Verdict) -> set[tuple[str, int]]:
    """Kind and place of every finding."""
    assert found.flaws == len(found.findings)
    return {(finding.kind.value, finding.sequence) for finding in found.findings}


async def tampered(store: Store, deed: Callable[[Connection, "Rows"], Any], copies: Sequence[Checkpoint] = ()) -> Any:
    await sealed(store)
    await store.database.write(lambda connection: deed(connection, Rows(connection)))
    return places(await verdict(store, copies))


class Rows:
    """Entries by their sequence, whatever the store calls it."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._on_sqlite = connection, connection.dialect.name == "sqlite"

    def number(self, sequence: int) -> int:
        if self._on_sqlite:
            return sequence
        wanted = select(journal_order.c.number).where(journal_order.c.position == sequence)
        return int(self._connection.execute(wanted).scalar_one())

    def get(self, sequence: int) -> dict[str, Any]:
        wanted = select(journal).where(journal.c.number == self.number(sequence))
        return dict(self._connection.execute(wanted).one()._mapping)

    def change(self, sequence: int, **values: Any) -> None:
        self._do(update(journal).where(journal.c.number == self.number(sequence)).values(values))

    def remove(self, sequence: int) -> None:
        number, entry = self.number(sequence), self.get(sequence)
        self._do(delete(journal_personal).where(journal_personal.c.entry_id == entry["id"]))
        self._do(delete(journal).where(journal.c.number == number))
        self._do(delete(journal_order).where(journal_order.c.position == sequence))

    def move(self, sequence: int, to: int) -> None:
        """Give an entry another place, as far as that is free."""
        if self._on_sqlite:
            self._do(update(journal).where(journal.c.number == sequence).values(number=to))
        else:
            self._do(update(journal_order).where(journal_order.c.position == sequence).values(position=to))

    def put(self, sequence: int, entry: dict[str, Any]) -> None:
        """A new entry at a place that is free."""
        new = {name: value for name, value in entry.items() if name != "number"}
        number = sequence if self._on_sqlite else self._connection.execute(_next_number(journal)).scalar_one()
        self._do(insert(journal).values(new | {"number": number}))
        if not self._on_sqlite:
            self._do(insert(journal_order).values(position=sequence, number=number))

    def _do(self, statement: Any) -> None:
        self._connection.execute(statement)


def _next_number(table: Table) -> Any:
    return select(func.max(table.c.number) + 1)


def forged(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the same look with another id."""
    other = UserFactory().id
    return entry | {"id": other, "body": entry["body"].replace(str(entry["id"]), str(other))}


async def test_an_untouched_trail_holds(store: Store) -> None:
    copies = await sealed(store)
    await store.given(UserFactory())
    await store.order()
    found = await verdict(store, copies)
    assert (found.holds, found.first, found.last, found.entries, found.batches) == (True, 1, END, END, 3)
    assert (found.checkpoints, found.unsealed, found.erased) == (3, 1, 0)
    assert (found.head, found.key_ids) == (copies[-1].head, ["test-1"])


async def test_an_empty_trail_holds(store: Store) -> None:
    found = await verdict(store)
    assert (found.holds, found.first, found.last, found.head) == (True, 0, 0, None)


async def test_a_part_is_verified_alone_by_whole_batches(store: Store) -> None:
    await sealed(store)
    found = await Verification(store.sealed, OpenKeys()).run(first=6, last=6)
    assert (found.holds, found.first, found.last, found.entries, found.batches) == (True, 5, 7, 3, 1)
    beyond = await Verification(store.sealed, OpenKeys()).run(first=END + 1)
    assert (beyond.holds, beyond.entries) == (True, 0)


@on_databases
async def test_a_flipped_byte_is_found(store: Store) -> None:
    def flip(_: Connection, rows: Rows) -> None:
        rows.change(6, body=rows.get(6)["body"].replace('"version":1', '"version":2'), version=2)

    assert await tampered(store, flip) == {("altered", 6)}


@on_databases
async def test_a_deleted_entry_is_found(store: Store) -> None:
    assert await tampered(store, lambda _, rows: rows.remove(6)) == {("missing", 6)}


@on_databases
async def test_a_deleted_entry_whose_place_was_closed_is_found(store: Store) -> None:
    def close(_: Connection, rows: Rows) -> None:
        rows.remove(2)
        rows.move(3, to=2)
        rows.move(4, to=3)

    assert await tampered(store, close) == {("moved", 2), ("moved", 3), ("missing", 4)}


@on_databases
async def test_an_inserted_entry_is_found(store: Store) -> None:
    def put_in(_: Connection, rows: Rows) -> None:
        new = forged(rows.get(9))
        rows.move(10, to=11)
        rows.move(9, to=10)
        rows.put(9, new)

    assert await tampered(store, put_in) == {("inserted", 9), ("moved", 10)}


@on_databases
async def test_exchanged_entries_are_found(store: Store) -> None:
    def exchange(_: Connection, rows: Rows) -> None:
        rows.move(1, to=99)
        rows.move(4, to=1)
        rows.move(99, to=4)

    assert await tampered(store, exchange) == {("moved", 1), ("moved", 4)}


def cut_the_end(connection: Connection) -> None:
    """Remove the last batch with its entries, as if they had never been."""
    rows = Rows(connection)
    for sequence in (8, 9, 10):
        rows.remove(sequence)
    connection.execute(delete(journal_seals).where(journal_seals.c.number == 3))


@on_databases
async def test_a_cut_end_is_found_by_the_last_head_that_was_copied_out(store: Store) -> None:
    copies = await sealed(store)
    await store.database.write(cut_the_end)
    assert places(await verdict(store)) == set(), "the database alone cannot tell"
    found = await verdict(store, copies[-1:])
    assert places(found) == {("cut", 8)}
    assert found.findings[0].last_sequence == END


@on_databases
async def test_a_cut_end_that_was_written_and_sealed_anew_is_found(store: Store) -> None:
    copies = await sealed(store)
    await store.database.write(cut_the_end)
    for _ in range(3):
        await store.given(UserFactory())
    await store.seal()
    # on SQLite numbers are not given twice, so the new entries leave a gap there
    alone = {("gap", 8)} if store.name == "sqlite" else set()
    assert places(await verdict(store)) == alone
    assert places(await verdict(store, copies)) == alone | {("rewritten", 8)}


@on_databases
@pytest.mark.parametrize(
    ("column", "value"), [("actor_id", "nobody"), ("operation", "other"), ("outcome", "refused"), ("target_id", "x")]
)
async def test_columns_that_differ_from_the_entry_are_found(store: Store, column: str, value: str) -> None:
    assert await tampered(store, lambda _, rows: rows.change(3, **{column: value})) == {("columns", 3)}


@on_databases
async def test_changed_personal_values_are_found_and_erased_ones_are_not(store: Store) -> None:
    def change(connection: Connection, rows: Rows) -> None:
        side, entry = journal_personal, rows.get
        there = side.c.entry_id
        connection.execute(update(side).where(there == entry(2)["id"]).values(actor_body='{"actor_name":"Eve"}'))
        connection.execute(update(side).where(there == entry(3)["id"]).values(salt=b"0" * 16))
        connection.execute(update(side).where(there == entry(4)["id"]).values(actor_body=None, actor_salt=None))
        connection.execute(delete(side).where(there == entry(5)["id"]))

    assert await tampered(store, change) == {("personal", 2), ("personal", 3)}
    assert (await verdict(store)).erased == 2


@pytest.mark.parametrize("store", ["postgres", "mariadb"], indirect=True)
async def test_an_entry_without_a_place_is_found(store: Store) -> None:
    def put_beside(connection: Connection, rows: Rows) -> None:
        rows.put(11, forged(rows.get(10)))
        connection.execute(delete(journal_order).where(journal_order.c.position == 11))

    assert await tampered(store, put_beside) == {("unplaced", 10)}
    waiting = insert(journal_pending).from_select(["number"], select(func.max(journal.c.number)))
    await store.database.write(lambda connection: connection.execute(waiting).rowcount)
    assert (await verdict(store)).holds, "it waits for its place"


@on_databases
async def test_changed_batches_are_found(store: Store) -> None:
    copies = await sealed(store)

    async def after(**values: Any) -> set[tuple[str, int]]:
        kept = await store.sealed.seals(1, 1)
        second = journal_seals.c.number == 2
        await store.database.write(lambda c: c.execute(update(journal_seals).where(second).values(values)).rowcount)
        found = places(await verdict(store, copies))
        whole = {name: getattr(kept[0], name) for name in values}
        changed = journal_seals.c.number == values.get("number", 2)
        await store.database.write(lambda c: c.execute(update(journal_seals).where(changed).values(whole)).rowcount)
        return found

    assert await after(root=b"1" * 32) >= {("altered", 5), ("batch", 5)}
    assert await after(head=b"1" * 32) >= {("batch", 5), ("signature", 5), ("batch", 8), ("rewritten", 5)}
    assert await after(signature=b"1" * 64) == {("signature", 5)}
    assert await after(sealed_at=store.clock.now()) == {("signature", 5)}
    assert await after(leaves=b"1" * 96) == {("batch", 5)}
    assert await after(first_position=6) >= {("gap", 5)}
    assert await after(number=7) >= {("batch", 8)}
    assert places(await verdict(store, copies)) == set()


@on_databases
async def test_a_removed_batch_is_found(store: Store) -> None:
    def remove(connection: Connection, _: Rows) -> None:
        connection.execute(delete(journal_seals).where(journal_seals.c.number == 2))

    assert await tampered(store, remove) == {("batch", 8)}


@on_databases
async def test_a_trail_sealed_anew_with_another_key_is_found(store: Store) -> None:
    """The whole history is forged and consistent in itself; only the key is not to be had."""
    copies = await sealed(store)

    def forge(connection: Connection) -> None:
        rows, previous = Rows(connection), None
        rows.change(1, body=rows.get(1)["body"].replace('"given"', '"other"'), operation="other")
        for kept in [dict(row._mapping) for row in connection.execute(select(journal_seals)).all()]:
            bodies = [rows.get(place)["body"] for place in range(kept["first_position"], kept["last_position"] + 1)]
            made = next_seal(previous, kept["first_position"], bodies, lambda _: ("own", b"2" * 64), kept["sealed_at"])
            values = {name: getattr(made, name) for name in kept}
            connection.execute(update(journal_seals).where(journal_seals.c.number == made.number).values(values))
            previous = made

    await store.database.write(forge)
    signature = {("signature", first) for first in (1, 5, 8)}
    assert places(await verdict(store)) == signature
    assert places(await verdict(store, copies)) == signature | {("rewritten", first) for first in (1, 5, 8)}


@on_databases
async def test_without_the_hashes_of_entries_the_batch_is_named(store: Store) -> None:
    def flip(connection: Connection, rows: Rows) -> None:
        body = rows.get(6)["body"].replace('"given"', '"other"')
        rows.change(6, body=body, operation="other")
        leaves = [leaf(place, rows.get(place)["body"]) for place in (5, 6, 7)]
        assert merkle_root(leaves)
        changed = update(journal_seals).where(journal_seals.c.number == 2)
        connection.execute(changed.values(leaves=b"".join(leaves)))

    assert await tampered(store, flip) == {("altered", 5)}


async def test_a_forged_copy_of_a_head_proves_nothing_and_is_told(store: Store) -> None:
    copies = await sealed(store)
    later = replace(copies[-1], number=4, first_sequence=11, last_sequence=20)
    assert places(await verdict(store, [*copies, later])) == {("checkpoint", 11)}
