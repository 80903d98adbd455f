"""`fastops user import` and `invite`: people who come from another system, and people who are asked in."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.shared.errors import FastOpsError, Invalid, Unavailable
from entrypoints.cli.errors import INVALID, PARTLY, say
from entrypoints.cli.output import JsonFlag, print_json, print_record
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import UserView

TEXTS = frozenset({"email", "name", "password_hash"})
MEMBERS = TEXTS | {"roles", "email_verified"}


class LineRefused(Invalid):
    default_code = "user_line_invalid"
    default_detail = (
        "Write one JSON object a line: email and name, and where wanted password_hash, roles (a list) and"
        " email_verified (true or false)."
    )


@dataclass
class Import:
    """What became of the lines, by their numbers from 1."""

    made: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)


def import_users(as_json: JsonFlag = False) -> None:
    """Make accounts from JSON lines on stdin. Exit code 1 when some lines were refused, 7 when all were.

    Each line has `email` and `name`, and where wanted `password_hash`, `roles` and `email_verified`. Hashes of argon2,
    bcrypt, scrypt and PBKDF2 are taken in the forms of passlib and Django; each becomes argon2id when its owner signs
    in. Accounts without one choose a password by mail. Lines that were imported before are refused as `email_taken`.
    """

    async def work(service: Service) -> Import:
        result = Import()
        for number, line in enumerate(sys.stdin.buffer, 1):
            if not line.strip():
                continue
            try:
                await _make(service, _members(line))
            except Unavailable:
                raise
            except FastOpsError as error:
                details = [error.detail, *(violation.detail for violation in error.violations)]
                result.failures.append({"line": number, "code": error.code, "detail": " ".join(details)})
            else:
                result.made += 1
        return result

    result = run(work)
    if as_json:
        print_json({"made": result.made, "failures": result.failures})
    else:
        print_record({"made": result.made, "refused": len(result.failures)})
    for failure in result.failures:
        say(f"line {failure['line']}: {failure['detail']} [{failure['code']}]")
    if result.failures:
        sys.exit(PARTLY if result.made else INVALID)


def invite(
    email: Annotated[str, typer.Argument(help="E-mail address of the person.")],
    name: Annotated[str | None, typer.Option(help="Name as it is shown; needed for a new account.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Role of a new account; may be given again.")] = None,
) -> None:
    """Mail a link to choose a password to a new account, or again to one that nobody has signed in to yet.

    Exit code 4 if the account has a password, 5 where no mail is sent.
    """

    async def work(service: Service) -> None:
        from application.identity.mail_requests import ACCOUNT_MAIL
        from domain.shared.errors import NotFound
        from entrypoints.worker.small_jobs import SmallJobWorker

        users, persistence = service.container.identity.users(), service.container.persistence
        try:
            known: UserView = await users.by_email(service.actor, email)
        except NotFound:
            if name is None:
                raise typer.BadParameter("there is no such account yet: say --name to make one") from None
            service.container.mail.requests().require_on()
            await users.create(service.actor, name=name, email=email, roles=frozenset(role or ()), invite=True)
        else:
            await users.invite(service.actor, known.id)
        deliver = service.container.identity.account_mail().deliver
        handlers = {ACCOUNT_MAIL: deliver}
        await SmallJobWorker(persistence.job_queue(), persistence.clock(), handlers, "small:command").step()

    run(work)
    say("The invitation is on its way.")


async def _make(service: Service, members: Mapping[str, Any]) -> None:
    await service.container.identity.users().create(
        service.actor,
        name=members["name"],
        email=members["email"],
        password_hash=members.get("password_hash"),
        email_verified=members.get("email_verified", False),
        roles=frozenset(members.get("roles", ())),
    )


def _members(line: bytes) -> Mapping[str, Any]:
    import orjson

    try:
        members = orjson.loads(line)
    except ValueError:
        raise LineRefused() from None
    if not isinstance(members, dict) or not {"email", "name"} <= members.keys() <= MEMBERS or not all(_fits(members)):
        raise LineRefused()
    return members


def _fits(members: Mapping[str, Any]) -> Iterator[bool]:
    """Whether each member has its type; null counts as left out for none of them."""
    for name, value in members.items():
        if name == "roles":
            yield isinstance(value, list) and all(isinstance(role, str) for role in value)
        else:
            yield isinstance(value, str if name in TEXTS else bool)
