"""Password hashes: argon2id as OWASP recommends, in threads of their own behind a bounded queue."""

import asyncio
import base64
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from adapters.security.foreign_hashes import ForeignHashes, adoptable
from domain.shared.errors import Unavailable

R = TypeVar("R")
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
QUEUE_SECONDS = 1.0
ROOM_MIN = 20
"""Jobs that are let in however slow the machine is: a small office that signs in at once is no attack."""
FIRST_GUESS_SECONDS = 0.04
SMOOTHING = 0.1
COME_BACK_SECONDS_MAX = 15.0
NICENESS = 10


class Argon2Passwords:
    """The port `PasswordHasher`. Hashing holds 19 MiB and a core for tens of milliseconds, so it is rationed:
    max(1, cores / 2) threads, and at most about a second of work waiting for them."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES, workers: int | None = None) -> None:
        own = Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._scheme = PasswordHash((own, ForeignHashes()))
        self._nobody = _hash_of_nobody(memory_kib, passes)
        self._workers = workers or max(1, _cores() // 2)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="passwords", initializer=_give_way)
        self._lock = threading.Lock()
        self._waiting = 0
        self._promised_until = 0.0
        self._seconds_each = FIRST_GUESS_SECONDS

    def require_room(self) -> None:
        with self._lock:
            self._require_room()

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._scheme.hash(_bytes(password)))

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        return await self._run(lambda: self._verify(_bytes(password), password_hash))

    def adopted(self, foreign: str) -> str | None:
        return adoptable(foreign)

    def close(self) -> None:
        """Give the threads back; what is waiting is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: bytes, password_hash: str | None) -> tuple[bool, str | None]:
        try:
            fits, renewed = self._scheme.verify_and_update(password, password_hash or self._nobody)
        except UnknownHashError:
            return False, None
        return (fits, renewed) if password_hash is not None else (False, None)

    async def _run(self, call: Callable[[], R]) -> R:
        self._enter()
        try:
            future = self._pool.submit(self._timed, call)
        except RuntimeError as error:
            self._leave()
            raise Unavailable("shutting_down", "The service is stopping; try again in a moment.") from error
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _timed(self, call: Callable[[], R]) -> R:
        began = time.perf_counter()
        result = call()
        self._seconds_each += SMOOTHING * (time.perf_counter() - began - self._seconds_each)
        return result

    def _enter(self) -> None:
        with self._lock:
            self._require_room()
            self._waiting += 1

    def _require_room(self) -> None:
        """Those who are turned away are told different times, one behind the other, or they would all come at once."""
        each = self._seconds_each / self._workers
        if self._waiting < max(ROOM_MIN, int(QUEUE_SECONDS / each)):
            return
        now = time.monotonic()
        self._promised_until = max(self._promised_until, now + self._waiting * each) + each
        self._promised_until = min(self._promised_until, now + COME_BACK_SECONDS_MAX)
        detail = "Too many people sign in at this moment; wait as Retry-After says."
        raise Unavailable("sign_in_busy", detail, retry_after=math.ceil(self._promised_until - now))

    def _leave(self, _: "Future[R] | None" = None) -> None:
        with self._lock:
            self._waiting -= 1


def _give_way() -> None:
    """Have this thread wait for that of the loop where both want a processor (Linux has it for each thread)."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _hash_of_nobody(memory_kib: int, passes: int) -> str:
    """A hash in form that no password is known to fit: checking it costs what checking a real one costs."""
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={memory_kib},t={passes},p={LANES}${salt}${digest}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
