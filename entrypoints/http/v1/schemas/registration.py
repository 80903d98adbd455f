"""What people send before they are signed in: for an account, for a link, and with the link that they were mailed."""

from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from domain.identity.password_policy import PASSWORD_MAX
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.users import Email, Name, NewPassword

LinkToken = Annotated[
    str, Field(min_length=1, max_length=200, description="What stands behind the # of the link in the mail.")
]


class Registration(Input):
    name: Name
    email: Email
    password: NewPassword


class AddressIn(Input):
    email: Email


class EmailConfirmation(Input):
    token: LinkToken
    password: Annotated[
        str | None,
        Field(
            max_length=PASSWORD_MAX,
            description="The one that was chosen at registration; needed only where the address was registered several"
            " times.",
        ),
    ] = None


class PasswordChoice(Input):
    token: LinkToken
    password: NewPassword


class AcceptedOut(TypedDict):
    """The same whatever follows from it."""

    status: Literal["accepted"]


ACCEPTED: Final = {"status": "accepted"}
REGISTRATION: Final = {"name": "Ada Lovelace", "email": "ada@example.com", "password": "a long secret sentence"}
ADDRESS: Final = {"email": "ada@example.com"}
TOKEN: Final = "4PzF9Jm0Xn2rY6u1cQeT8sVbWkLhG3oDiAaZxNyRtSw"  # noqa: S105 (an example)
CONFIRMATION: Final = {"token": TOKEN}
CHOICE: Final = {"token": TOKEN, "password": "a long secret sentence"}
