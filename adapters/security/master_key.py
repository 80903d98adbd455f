"""The master key: 32 bytes from which all other keys of an installation are derived. Its value is never shown."""

import base64
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.shared.errors import Invalid

KEY_BYTES = 32
READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class MasterKeyRefused(Invalid):
    default_code = "master_key_invalid"
    default_detail = "MASTER_KEY must be 32 random bytes in base64; `fastops keys make-master` prints one."


class MasterKey:
    """Holds the bytes; only `derive` lets anything out."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Raises MasterKeyRefused for a key of another length."""
        if len(key) != KEY_BYTES:
            raise MasterKeyRefused()
        self._key = key

    @classmethod
    def parse(cls, text: str) -> "MasterKey":
        """From base64, standard or URL-safe. Raises MasterKeyRefused, which never quotes the text."""
        plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return cls(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
        except ValueError:
            raise MasterKeyRefused() from None

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869); no two purposes share one."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"fastops:" + purpose.encode()).derive(self._key)

    def __repr__(self) -> str:
        return "MasterKey(hidden)"


def new_master_key_text() -> str:
    """A new key as the setting takes it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def load_master_key(setting: str | None, file: Path, *, may_create: bool) -> MasterKey:
    """The key of the setting, else that of `file`, which is made where it is absent and `may_create`.

    Raises MasterKeyRefused where there is none, where it is malformed, or where others can read the file.
    """
    if setting:
        return MasterKey.parse(setting)
    if may_create and not file.exists():
        _create(file)
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        detail = "Set MASTER_KEY to 32 random bytes in base64; `fastops keys make-master` prints one."
        raise MasterKeyRefused("master_key_missing", detail) from None
    if os.name == "posix" and mode & READABLE_BY_OTHERS:
        detail = f"Others can read the file {file.name} that stands for MASTER_KEY: give it the mode 0600."
        raise MasterKeyRefused("master_key_exposed", detail)
    return MasterKey.parse(text)


def _create(file: Path) -> None:
    """Write a new key beside `file` and link it into place: complete or not at all, and of two makers one wins."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(new_master_key_text() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        _link(draft, file)
    finally:
        draft.unlink()
    _sync_folder(file.parent)


def _link(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)
    except FileExistsError:
        return


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
