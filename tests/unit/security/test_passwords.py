"""Hashing, its queue, and the passwords that are guessed first."""

import asyncio
import os
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.security.common_passwords import CommonPasswordRules, leaked
from adapters.security.passwords import COME_BACK_SECONDS_MAX, NICENESS, ROOM_MIN, Argon2Passwords
from domain.shared.errors import Unavailable

QUICK = Argon2Passwords(memory_kib=8, passes=1, workers=1)


async def test_the_parameters_are_those_of_owasp() -> None:
    assert (await Argon2Passwords().hash("x")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("password", ["", "x", "語" * 1024, "\x00", "\ud800", "a" * 100_000])
async def test_a_password_fits_its_own_hash_only(password: str) -> None:
    stored = await QUICK.hash(password)
    assert await QUICK.verify(password, stored) == (True, None)
    assert await QUICK.verify(password + "x", stored) == (False, None)
    assert await QUICK.hash(password) != stored


async def test_unknown_accounts_and_unreadable_hashes_fit_nothing() -> None:
    for stored in (None, "", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$AA$AA"):
        assert (await QUICK.verify("x", stored))[0] is False


async def test_the_hash_of_nobody_has_the_parameters_of_a_real_one() -> None:
    real = await QUICK.hash("x")
    assert QUICK._nobody.split("$")[:4] == real.split("$")[:4]
    assert [len(part) for part in QUICK._nobody.split("$")] == [len(part) for part in real.split("$")]


async def test_a_hash_with_other_parameters_is_renewed_when_the_password_fits() -> None:
    old = await Argon2Passwords(memory_kib=16, passes=1).hash("x")
    fits, renewed = await QUICK.verify("x", old)
    assert fits
    assert renewed is not None
    assert await QUICK.verify("x", renewed) == (True, None)
    assert await QUICK.verify("y", old) == (False, None)


async def test_a_small_crowd_is_let_in_and_a_large_one_told_when_to_come_back() -> None:
    slow = Argon2Passwords(memory_kib=19456, passes=40, workers=1)
    slow._seconds_each = 1.0
    crowd = [asyncio.create_task(slow.verify("x", None)) for _ in range(ROOM_MIN + 8)]
    await asyncio.sleep(0)
    turned_away = [task for task in crowd if task.done()]
    assert len(turned_away) == 8
    for task in turned_away:
        error = task.exception()
        assert isinstance(error, Unavailable)
        assert error.retry_after
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    slow.close()
    with pytest.raises(Unavailable):
        await slow.hash("x")


async def test_those_who_are_turned_away_are_told_to_come_one_after_the_other() -> None:
    slow = Argon2Passwords(memory_kib=19456, passes=40, workers=1)
    slow._seconds_each = 0.05
    crowd = [asyncio.create_task(slow.verify("x", None)) for _ in range(ROOM_MIN)]
    await asyncio.sleep(0)
    told = []
    for _ in range(400):
        with pytest.raises(Unavailable) as refused:
            slow.require_room()
        told.append(refused.value.retry_after)
    assert told == sorted(told)
    assert told.count(2) <= 20
    assert set(told) == set(range(2, int(COME_BACK_SECONDS_MAX) + 1))
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    slow.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of single threads")
async def test_hashing_leaves_the_processor_to_everything_else() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert await asyncio.wrap_future(QUICK._pool.submit(niceness)) == min(19, niceness() + NICENESS)


async def test_callers_who_leave_give_their_place_back() -> None:
    hasher = Argon2Passwords(memory_kib=8, passes=1, workers=1)
    for _ in range(3):
        crowd = [asyncio.create_task(hasher.verify("x", None)) for _ in range(ROOM_MIN)]
        await asyncio.sleep(0)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
    await hasher.hash("x")
    hasher._pool.shutdown(wait=True)
    assert hasher._waiting == 0


COMMON = """
passwordpassword 123456789012345 qwertyuiopasdfgh password123456789 aaaaaaaaaaaaaaa iloveyouiloveyou
administrator123 qwertyuiop123456789 1qaz2wsx3edc4rfv P@ssw0rd2024!!!!! Passw0rd!Passw0rd! Summer2024Summer2024
qwerty123password 1q2w3e4r5t6y7u8i 987654321987654 letmeinletmein1 2024-01-01-2024-01 adminadminadmin1
abcdefghijklmnop changemechangeme abcabcabcabcabc 1234567812345678 !!!!!!!!!!!!!!! password1 welcome123 qwerty12
FastOps-FastOps-2026 Ｐａｓｓｗｏｒｄ１２３４５６ zxcvbnmasdfghjkl 0987654321qwerty
"""
UNCOMMON = """
correct horse battery staple|a long enough passphrase 1|sufficiently long pass|test-password-123456
dragon monkey 7 shadow hockey|Tr0ub4dor&3 and more|zebra crossing at dawn|пароль для входа сегодня|k9#Lm2$vQx7!pZr4
admin-password-1234|owner password number one|8372910573829104|a horse that reads quietly
"""


@pytest.mark.parametrize("password", COMMON.split())
def test_what_is_guessed_first_is_common(password: str) -> None:
    assert CommonPasswordRules().contains(password)


@pytest.mark.parametrize("password", ["samantha", "Trustno1", "corvette"])
def test_short_ones_are_held_against_a_list_of_leaked_ones(password: str) -> None:
    assert CommonPasswordRules().contains(password)
    assert len(leaked()) > 10_000


@pytest.mark.parametrize("password", UNCOMMON.strip().replace("\n", "|").split("|"))
def test_what_takes_some_thought_is_not(password: str) -> None:
    assert not CommonPasswordRules().contains(password)


@given(st.text(max_size=1024))
def test_every_text_is_one_or_the_other(password: str) -> None:
    assert CommonPasswordRules().contains(password) in (True, False)
    assert CommonPasswordRules().contains("ab" * 512)
