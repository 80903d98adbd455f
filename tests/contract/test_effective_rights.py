"""What somebody may do equals a plain model of roles and groups, whatever was changed in whatever order."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.identity.errors import RoleInUse, UnknownRole
from domain.identity.roles import BUILT_IN
from domain.shared.actor import Permission, system_actor
from domain.shared.errors import FastOpsError, NotFound
from tests.identity_services import Identity, identity_on
from tests.stores import Store

ROOT = system_actor("tests")
PEOPLE, NAMES, GROUPS = 3, ("one", "two"), 2
permissions = st.frozensets(st.sampled_from(Permission), max_size=4)
person, name, group = st.integers(0, PEOPLE - 1), st.sampled_from(NAMES), st.integers(0, GROUPS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("create_role"), name, permissions),
        st.tuples(st.just("change_role"), name, permissions),
        st.tuples(st.just("delete_role"), name),
        st.tuples(st.sampled_from(["give", "take"]), person, st.sampled_from([*NAMES, "viewer", "editor"])),
        st.tuples(st.sampled_from(["join", "leave"]), person, group),
    ),
    max_size=25,
)


@dataclass
class Model:
    """Rights as one would compute them on paper."""

    roles: dict[str, frozenset[Permission]] = field(default_factory=dict)
    held: list[set[str]] = field(default_factory=lambda: [set() for _ in range(PEOPLE)])
    members: list[set[int]] = field(default_factory=lambda: [set() for _ in range(GROUPS)])

    def apply(self, step: tuple[Any, ...]) -> bool:
        """Whether the step is allowed; then it is done."""
        verb, *rest = step
        if verb in {"join", "leave"}:
            (self.members[rest[1]].add if verb == "join" else self.members[rest[1]].discard)(rest[0])
            return True
        if verb in {"give", "take"}:
            return self._with_role(verb, *rest)
        if (verb == "create_role") is (rest[0] in self.roles):
            return False
        if verb != "delete_role":
            self.roles[rest[0]] = rest[1]
            return True
        if any(rest[0] in roles for roles in self.held):
            return False
        del self.roles[rest[0]]
        return True

    def permissions(self, who: int) -> frozenset[Permission]:
        known = {name: role.permissions for name, role in BUILT_IN.items()} | self.roles
        return frozenset[Permission]().union(*(known[name] for name in self.held[who]))

    def _with_role(self, verb: str, who: int, role: str) -> bool:
        if verb == "take":
            self.held[who].discard(role)
        elif role in self.roles or role in BUILT_IN:
            self.held[who].add(role)
        else:
            return False
        return True


async def carry_out(identity: Identity, step: tuple[Any, ...], people: list[Any], groups: list[Any]) -> bool:
    verb, *rest = step
    roles = identity.roles
    try:
        if verb == "create_role":
            await roles.create(ROOT, name=rest[0], description="", permissions=rest[1])
        elif verb == "change_role":
            await roles.change(ROOT, rest[0], description="", permissions=rest[1], expected=None)
        elif verb == "delete_role":
            await roles.delete(ROOT, rest[0], expected=None)
        elif verb == "give":
            await identity.users.give_role(ROOT, people[rest[0]].id, rest[1])
        elif verb == "take":
            await identity.users.take_role(ROOT, people[rest[0]].id, rest[1])
        elif verb == "join":
            await identity.groups.add_member(ROOT, groups[rest[1]].id, people[rest[0]].id)
        else:
            await identity.groups.remove_member(ROOT, groups[rest[1]].id, people[rest[0]].id)
    except FastOpsError:
        return False
    return True


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps)
async def test_rights_equal_the_model_after_any_changes(store: Store, plan: list[tuple[Any, ...]]) -> None:
    identity, model = await identity_on(store), Model()
    people = [await identity.person(None) for _ in range(PEOPLE)]
    groups = [await identity.groups.create(ROOT, name=f"g{n} {people[0].id}") for n in range(GROUPS)]
    for step in plan:
        assert await carry_out(identity, step, people, groups) is model.apply(step), step
    for who, user in enumerate(people):
        principal = await store.principals.of_user(user.id)
        assert principal.rights.permissions == model.permissions(who)
        expected = {groups[n].id for n in range(GROUPS) if who in model.members[n]}
        assert principal.group_ids == expected
    for user in people:
        await identity.users.delete(ROOT, user.id, expected=None)
    for role in model.roles:
        await identity.roles.delete(ROOT, role, expected=None)


async def test_a_role_is_never_given_and_deleted_at_once(store: Store) -> None:
    identity = await identity_on(store)
    for turn in range(10):
        role = f"role-{turn}"
        await identity.roles.create(ROOT, name=role, description="", permissions=frozenset({Permission.SEARCH}))
        user = await identity.person(None)
        results = await asyncio.gather(
            identity.users.give_role(ROOT, user.id, role),
            identity.roles.delete(ROOT, role, expected=None),
            return_exceptions=True,
        )
        assert all(
            isinstance(result, (RoleInUse, NotFound, UnknownRole)) or not isinstance(result, Exception)
            for result in results
        ), results
        there = any(known.name == role for known in await identity.roles.list(ROOT))
        held = role in (await identity.users.get(ROOT, user.id)).roles
        assert there or not held


@pytest.mark.parametrize("verb", ["add_member", "remove_member"])
async def test_many_changes_of_one_group_at_once_are_all_kept(store: Store, verb: str) -> None:
    identity = await identity_on(store)
    group = await identity.groups.create(ROOT, name="all")
    people = [await identity.person(None) for _ in range(6)]
    if verb == "remove_member":
        for user in people:
            await identity.groups.add_member(ROOT, group.id, user.id)
    await asyncio.gather(*(getattr(identity.groups, verb)(ROOT, group.id, user.id) for user in people))
    assert (await identity.groups.get(ROOT, group.id)).member_count == (6 if verb == "add_member" else 0)
