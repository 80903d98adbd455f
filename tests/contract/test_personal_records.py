"""What is held on a person is found whole on every store, without secrets and without others, and goes with him."""

import json

from domain.identity.groups import Group
from domain.knowledge.answers import Answer, AnswerMode
from domain.knowledge.collections import Collection
from domain.shared.entity import plain
from tests.factories import ApiKeyFactory, PasswordFactory, SessionFactory, UserFactory
from tests.stores import Store


def an_answer(owner_id: object, question: str, at: object) -> Answer:
    from domain.shared.values import new_id

    return Answer(
        id=new_id(), created_at=at, updated_at=at, owner_id=owner_id, question=question,  # type: ignore[arg-type]
        mode=AnswerMode.ABSTAINED, text="", citations=(), model=None, usage=None, took_ms=1.0,
    )  # fmt: skip


async def test_all_that_is_held_on_a_person_is_found_and_nothing_of_others(store: Store) -> None:
    now = store.clock.now()
    ada, eve = UserFactory(name="Ada", viewer=True), UserFactory(name="Eve the other")
    group = Group.create(name="Readers", description="", at=now)
    for member in (ada, eve):
        group.add_member(member.id, now)
    own = Collection.create(name="Notes", description="", metadata={}, manager_id=ada.id, at=now)
    foreign = Collection.create(name="Foreign", description="", metadata={}, manager_id=eve.id, at=now)
    await store.given(ada, eve)
    await store.given(
        PasswordFactory(user=ada), SessionFactory(user=ada), SessionFactory(user=eve), ApiKeyFactory(owner=ada),
        group, own, foreign, an_answer(ada.id, "Mine?", now), an_answer(eve.id, "Hers?", now),
    )  # fmt: skip
    held = await store.records.of(ada.id)
    counts = {section: len(rows) for section, rows in held.items() if section != "audit"}
    one = {"account", "sessions", "api_keys", "groups", "grants", "answers"}
    assert {section for section, count in counts.items() if count == 1} == one
    assert sum(counts.values()) == len(one)
    assert held["audit"]
    text = json.dumps(plain(dict(held)))
    assert "Mine?" in text
    assert '"role": "viewer"' in text
    for secret in ("secret_hash", "argon2", str(eve.id), "Eve the other", "Hers?", "Foreign"):
        assert secret not in text


async def test_the_answers_of_a_person_go_and_those_of_others_stay(store: Store) -> None:
    now = store.clock.now()
    ada, eve = UserFactory(), UserFactory()
    mine, hers = an_answer(ada.id, "Mine?", now), an_answer(eve.id, "Hers?", now)
    await store.given(ada, eve, mine, hers)
    assert await store.answer_erasure.erase_answers(ada.id) == 1
    assert await store.stored("answers", mine.id) is None
    assert await store.stored("answers", hers.id) is not None
    assert await store.answer_erasure.erase_answers(ada.id) == 0
