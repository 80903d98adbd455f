"""Every way out for mails passes one suite; that by SMTP is held to a real server."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from adapters.mail.outbox import NoMailer, Outbox
from adapters.mail.smtp import SmtpMailer
from application.shared.mail import Mail, Mailer, MailRefused
from domain.shared.errors import Unavailable
from tests.conftest import needed
from tests.fakes import ManualClock
from tests.smtp_server import PASSWORD, Inbox, certificate_for, mail_server

SENDER = "kb@example.com"
MAIL = Mail(
    "ada@example.com", "Choose a new password", f"{'Open this. ' * 12}\n\nhttps://kb.example.com/account/x#abc\n"
)
Sent = Callable[[], list[EmailMessage]]


@contextmanager
def own_address() -> Iterator[str]:
    """An address of this machine that is not the loopback: traffic to it never leaves, but nobody can tell."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            host = str(probe.getsockname()[0])
        except OSError:
            host = "127.0.0.1"
    if host.startswith("127."):
        raise LookupError("the machine has no address but the loopback")
    yield host


@pytest.fixture
def host() -> Iterator[str]:
    with needed(own_address()) as address:
        yield address


@pytest_asyncio.fixture(params=["smtp", "outbox"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Mailer, Sent]]:
    """A mailer, and what it has sent."""
    if request.param == "outbox":
        folder = tmp_path / "outbox"
        files: Sent = lambda: [  # noqa: E731
            message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))
        ]
        yield Outbox(folder, ManualClock()), files
    else:
        async with mail_server() as inbox:
            yield to_server(inbox), lambda: inbox.mails


def to_server(inbox: Inbox, scheme: str = "smtp", host: str = "127.0.0.1", password: bytes | None = None) -> SmtpMailer:
    user = f"{quote('kb@mail.example')}:{quote(password)}@" if password is not None else ""
    return SmtpMailer(f"{scheme}://{user}{host}:{inbox.port}", SENDER, ManualClock())


async def test_a_mail_arrives_as_it_was_written(way: tuple[Mailer, Sent]) -> None:
    mailer, sent = way
    for _ in range(2):
        await mailer.send(MAIL)
    first, second = sent()
    assert (first["To"], first["Subject"]) == (MAIL.to, MAIL.subject)
    assert first.get_content().replace("\r\n", "\n") == MAIL.text
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] != second["Message-ID"]


async def test_text_beyond_ascii_arrives(way: tuple[Mailer, Sent]) -> None:
    mailer, sent = way
    await mailer.send(Mail("ada@bücher.example", "Füße", "Grüße 🐎\n"))
    (message,) = sent()
    assert message["To"] == "ada@xn--bcher-kva.example"
    assert (message["Subject"], message.get_content().replace("\r\n", "\n")) == ("Füße", "Grüße 🐎\n")


@pytest.mark.parametrize(
    "mail",
    [
        Mail("ada@example.com\r\nBcc: eve@example.com", "x", "x"),
        Mail("ada@example.com, eve@example.com", "x", "x"),
        Mail("ada@example.com", "x\r\nBcc: eve@example.com", "x"),
        Mail("ada@example.com\n", "x", "x"),
        Mail("ada", "x", "x"),
        Mail("ada@" + "ü" * 70 + ".example", "x", "x"),
    ],
)
async def test_no_text_adds_a_field_or_an_address(way: tuple[Mailer, Sent], mail: Mail) -> None:
    mailer, sent = way
    with pytest.raises(MailRefused):
        await mailer.send(mail)
    assert sent() == []


async def test_an_address_beyond_ascii_needs_a_server_that_takes_such(way: tuple[Mailer, Sent]) -> None:
    mailer, sent = way
    await mailer.send(Mail("müller@example.com", "x", "x\n"))
    assert sent()[0]["To"] == "müller@example.com"


@pytest.mark.parametrize(("answer", "error"), [("550 no such user", MailRefused), ("450 later", Unavailable)])
async def test_what_the_server_says_of_the_recipient_decides(answer: str, error: type[Exception]) -> None:
    async with mail_server() as inbox:
        inbox.answer = answer
        with pytest.raises(error):
            await to_server(inbox).send(MAIL)


async def test_without_a_server_the_mail_waits() -> None:
    with pytest.raises(Unavailable):
        await to_server(Inbox(port=9)).send(MAIL)


async def test_a_server_that_asks_gets_user_and_password_with_all_their_signs() -> None:
    async with mail_server(needs_password=True) as inbox:
        await to_server(inbox, password=PASSWORD).send(MAIL)
        assert (inbox.users, inbox.recipients) == (["kb@mail.example"], [[MAIL.to]])
        with pytest.raises(Unavailable):
            await to_server(inbox, password=b"wrong").send(MAIL)


@pytest.mark.parametrize(("scheme", "at_once"), [("smtps", True), ("smtp", False)])
async def test_mails_leave_the_machine_by_tls_alone_and_certificates_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, scheme: str, at_once: bool
) -> None:
    certificate = certificate_for(host, tmp_path / "server.pem")
    async with mail_server(certificate, tls_at_once=at_once, host=host) as inbox:
        with pytest.raises(Unavailable):
            await to_server(inbox, scheme, host).send(MAIL)
        assert inbox.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await to_server(inbox, scheme, host).send(MAIL)
        assert inbox.secure == [True]


async def test_a_server_elsewhere_without_tls_gets_nothing(host: str) -> None:
    async with mail_server(host=host) as inbox:
        with pytest.raises(Unavailable):
            await to_server(inbox, "smtp", host).send(MAIL)
        assert inbox.mails == []


async def test_files_of_the_outbox_are_their_owners_alone(tmp_path: Path) -> None:
    await Outbox(tmp_path / "outbox", ManualClock()).send(MAIL)
    (file,) = (tmp_path / "outbox").iterdir()
    assert "https://kb.example.com/account/x#abc" in file.read_text().splitlines()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_where_mail_is_off_what_is_left_is_given_up() -> None:
    with pytest.raises(MailRefused, match="mail_off"):
        await NoMailer().send(MAIL)
