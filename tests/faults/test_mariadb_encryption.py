"""A MariaDB URL with `ssl_ca` is encrypted and its server known, or there is no connection at all."""

from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, text

from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from domain.shared.errors import Invalid, Unavailable
from tests import mariadb
from tests.conftest import needed
from tests.waiting import until


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that has signed itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    for file in files:
        file.chmod(0o644)
    return files


async def cipher(url: str) -> str:
    """What the server says of a connection, which is gone to its last goodbye when this returns."""

    def call(connection: Connection) -> tuple[str, TransportSocket]:
        told = str(connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1])
        return told, connection.connection.driver_connection._writer.transport.get_extra_info("socket")

    database = ServerDatabase(database_url(url), pool_size=1, max_overflow=0, pool_timeout=5, pool_recycle=60)
    try:
        told, used = await database.read(call)
    finally:
        await database.close()
    await until(lambda: used.fileno() == -1)  # TLS is ended by both sides, later than `close` returns
    return told


@pytest.fixture(scope="module")
def certificates() -> Iterator[dict[str, tuple[Path, Path]]]:
    """In a folder that the server's account may read as well."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield {name: certificate(Path(folder), name) for name in ("right", "wrong")}


@pytest.fixture(scope="module")
def encrypted(certificates: dict[str, tuple[Path, Path]]) -> Iterator[str]:
    chain, key = certificates["right"]
    with needed(mariadb.mariadb_server(f"--ssl-cert={chain}", f"--ssl-key={key}")) as server:
        yield f"{server}/mysql"


async def test_with_the_authority_it_is_encrypted(encrypted: str, certificates: dict[str, tuple[Path, Path]]) -> None:
    assert await cipher(encrypted) == ""
    assert await cipher(f"{encrypted}?ssl_ca={certificates['right'][0]}") != ""


async def test_a_server_of_another_authority_is_refused(
    encrypted: str, certificates: dict[str, tuple[Path, Path]]
) -> None:
    with pytest.raises(Unavailable):
        await cipher(f"{encrypted}?ssl_ca={certificates['wrong'][0]}")


async def test_a_server_without_encryption_is_refused(
    mariadb_url: str, certificates: dict[str, tuple[Path, Path]]
) -> None:
    with pytest.raises(Unavailable, match="database_refused"):
        await cipher(f"{mariadb_url}?ssl_ca={certificates['right'][0]}")
    with pytest.raises(Invalid, match="database_url_invalid"):
        await cipher(f"{mariadb_url}?ssl_ca=not-there.pem")
