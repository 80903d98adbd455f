"""A real mail server on this machine: in the clear, with STARTTLS or with TLS, and moody where a test wants that."""

import asyncio
import datetime
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PASSWORD = b"secret: of @ mail"


@dataclass
class Inbox:
    """What the server took, and what it says to recipients; `secure` tells of each mail whether it came by TLS."""

    port: int = 0
    answer: str = "250 OK"
    tls_at_once: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self.mails.append(message_from_bytes(raw, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.secure.append(self.tls_at_once or session.ssl is not None)
        return "250 taken"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword) and data.password == PASSWORD:
            self.users.append(data.login.decode())
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)


@asynccontextmanager
async def mail_server(
    certificate: Path | None = None, *, tls_at_once: bool = False, needs_password: bool = False, host: str = "127.0.0.1"
) -> AsyncIterator[Inbox]:
    """A server that asks for STARTTLS where it has a certificate, or speaks TLS from the first byte."""
    inbox, context = Inbox(tls_at_once=tls_at_once), None
    options: dict[str, Any] = {"enable_SMTPUTF8": True}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    if needs_password:
        options |= {"authenticator": inbox.authenticate, "auth_required": True, "auth_require_tls": context is not None}
    if context is not None and not tls_at_once:
        options |= {"tls_context": context, "require_starttls": True}

    made: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings(action="ignore"):  # that passwords without TLS are for tests alone
            made.append(SMTP(inbox, loop=asyncio.get_running_loop(), **options))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(protocol, host, 0, ssl=context if tls_at_once else None)
    inbox.port = server.sockets[0].getsockname()[1]
    try:
        yield inbox
    finally:
        server.close()
        for transport in [one.transport for one in made if one.transport is not None]:
            transport.abort()
        await asyncio.sleep(0)  # so that they are gone before the loop is


def certificate_for(host: str, file: Path) -> Path:
    """A self-signed certificate and its key in one file; who trusts the file trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, *form)
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file
