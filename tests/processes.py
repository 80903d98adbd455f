"""What the private servers of the tests share: an account that may run them, and a port that is free."""

import getpass
import os
import pwd
import socket
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
