"""What the private servers of the tests share: an account that may run them, a free port, and a look at processes."""

import asyncio
import getpass
import os
import pwd
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def unprivileged(home: Path) -> dict[str, str | int]:
    """Servers refuse to run as root, so they run as nobody there, and own `home`; options for subprocess."""
    if getpass.getuser() != "root":
        return {}
    account = pwd.getpwnam("nobody")
    os.chown(home, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def in_a_loop(work: Coroutine[None, None, None]) -> None:
    """Run it in a thread of its own, because fixtures are also made while a loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def children_of(pid: int) -> list[int]:
    """Process ids whose parent is `pid`, as Linux lists them."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _status(int(path.name))[1:] == (str(pid),)]


def is_running(pid: int) -> bool:
    state = _status(pid)
    return bool(state) and state[0] != "Z"


def _status(pid: int) -> tuple[str, ...]:
    """State and parent of a process; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ()
    return fields[0], fields[1]
