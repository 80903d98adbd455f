"""Hashes that other systems made: which are taken, that they fit, and that they become argon2id."""

import base64
import hashlib

import bcrypt
import pytest

from adapters.security.foreign_hashes import adoptable
from adapters.security.passwords import Argon2Passwords

PASSWORD = "a horse that reads quietly"
HASHER = Argon2Passwords(memory_kib=8, passes=1, workers=1)
SALT = b"sixteen bytes of"


def b64(raw: bytes, *, passlib: bool = False) -> str:
    text = base64.b64encode(raw).decode()
    return text.rstrip("=").replace("+", ".") if passlib else text


def forms() -> dict[str, str]:
    """One hash of PASSWORD in every form, made with the standard library and bcrypt themselves."""
    password = PASSWORD.encode()
    sha256 = hashlib.pbkdf2_hmac("sha256", password, SALT, 1000)
    scrypt = hashlib.scrypt(password, salt=SALT, n=1024, r=8, p=1, dklen=32)
    pre_hashed = hashlib.sha256(password).hexdigest().encode()
    return {
        "bcrypt": bcrypt.hashpw(password, bcrypt.gensalt(4)).decode(),
        "bcrypt 2y": bcrypt.hashpw(password, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
        "Django bcrypt": "bcrypt$" + bcrypt.hashpw(password, bcrypt.gensalt(4)).decode(),
        "Django bcrypt_sha256": "bcrypt_sha256$" + bcrypt.hashpw(pre_hashed, bcrypt.gensalt(4)).decode(),
        "Django pbkdf2": f"pbkdf2_sha256$1000${SALT.decode()}${b64(sha256)}",
        "Django pbkdf2 sha1": (f"pbkdf2_sha1$1000$NaCl${b64(hashlib.pbkdf2_hmac('sha1', password, b'NaCl', 1000))}"),
        "Django scrypt": f"scrypt$1024${SALT.decode()}$8$1${b64(scrypt)}",
        "passlib pbkdf2": f"$pbkdf2-sha256$1000${b64(SALT, passlib=True)}${b64(sha256, passlib=True)}",
        "passlib pbkdf2 sha512": (
            f"$pbkdf2-sha512$1000${b64(SALT, passlib=True)}$"
            + b64(hashlib.pbkdf2_hmac("sha512", password, SALT, 1000), passlib=True)
        ),
        "passlib scrypt": f"$scrypt$ln=10,r=8,p=1${b64(SALT).rstrip('=')}${b64(scrypt).rstrip('=')}",
        "Django argon2": "argon2" + _argon(),
        "argon2 of other cost": _argon(),
    }


def _argon() -> str:
    from pwdlib.hashers.argon2 import Argon2Hasher

    return Argon2Hasher(time_cost=2, memory_cost=16, parallelism=2).hash(PASSWORD)


@pytest.mark.parametrize("form", forms())
async def test_each_form_fits_its_password_alone_and_becomes_argon2id(form: str) -> None:
    kept = HASHER.adopted(forms()[form])
    assert kept is not None
    fits, renewed = await HASHER.verify(PASSWORD, kept)
    assert fits
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await HASHER.verify("a horse that reads loudly", kept) == (False, None)


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (
            "passwd",
            "$pbkdf2-sha256$1$" + b64(b"salt", passlib=True) + "$" + b64(bytes.fromhex(
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"), passlib=True),
        ),
        (
            "pleaseletmein",
            "scrypt$16384$SodiumChloride$8$1$" + b64(bytes.fromhex(
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")),
        ),
    ],
)  # fmt: skip
async def test_published_vectors_fit(password: str, text: str) -> None:
    """Those of crypt_blowfish, and of RFC 7914 §11 and §12."""
    assert (await HASHER.verify(password, HASHER.adopted(text)))[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$15$" + "a" * 53,
        "pbkdf2_sha256$5000001$salt$" + b64(b"x" * 32),
        "pbkdf2_sha256$0$salt$" + b64(b"x" * 32),
        "scrypt$1048576$salt$8$1$" + b64(b"x" * 64),
        "scrypt$1000$salt$8$1$" + b64(b"x" * 64),
        "$scrypt$ln=99999,r=8,p=1$c2FsdA$eHh4eA",
        "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$eHh4eHh4eHh4eHh4eHh4eA",
        "$pbkdf2-sha256$1000$c2FsdA$A",
        "$2b$04$" + "a" * 53 + "\n",
    ],
)
def test_unknown_forms_and_costs_that_would_block_the_service_are_refused(text: str) -> None:
    assert adoptable(text) is None


async def test_bcrypt_takes_long_passwords_as_it_always_did() -> None:
    """It looks at 72 bytes; the hash that replaces it looks at all of them."""
    long = "x" * 100
    kept = bcrypt.hashpw(long[:72].encode(), bcrypt.gensalt(4)).decode()
    fits, renewed = await HASHER.verify(long, kept)
    assert fits
    assert not (await HASHER.verify(long[:72], renewed))[0]
