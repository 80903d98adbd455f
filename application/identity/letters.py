"""The words of the mails. A name that somebody unknown typed is not among them: it would carry his words to others."""

from application.identity.mail_requests import Letter
from application.shared.mail import Mail

PAGES = {
    Letter.REGISTER: "confirm-email",
    Letter.VERIFY_EMAIL: "confirm-email",
    Letter.CHANGE_EMAIL: "confirm-email",
    Letter.RESET_PASSWORD: "reset-password",
    Letter.INVITATION: "accept-invitation",
}
_TEXTS = {
    Letter.REGISTER: (
        "Confirm your e-mail address",
        "Somebody, hopefully you, asked for an account at {place} with this address. To make it, open this link within"
        " 30 minutes:\n\n{link}\n\nWhere there were several such requests, you are asked for the password that you"
        " chose in yours.\n\nIf it was not you, do nothing: without the link there will be no account.",
    ),
    Letter.VERIFY_EMAIL: (
        "Confirm your e-mail address",
        "To confirm that this address belongs to your account at {place}, open this link within 30 minutes:\n\n{link}"
        "\n\nIf you have no account there, do nothing.",
    ),
    Letter.CHANGE_EMAIL: (
        "Confirm your new e-mail address",
        "Somebody, hopefully you, wants to use this address for an account at {place}. To take it over, open this link"
        " within 30 minutes:\n\n{link}\n\nIf it was not you, do nothing: without the link nothing changes.",
    ),
    Letter.RESET_PASSWORD: (
        "Choose a new password",
        "Somebody, hopefully you, asked for a new password for your account at {place}. To choose one, open this link"
        " within 30 minutes:\n\n{link}\n\nIf it was not you, do nothing: your password stays as it is.",
    ),
    Letter.INVITATION: (
        "You are invited",
        "An administrator has made an account for you at {place}. To choose a password, open this link within 7 days:"
        "\n\n{link}\n\nIf you do not know what this is about, do nothing.",
    ),
    Letter.ALREADY_REGISTERED: (
        "You have an account already",
        "Somebody, hopefully you, asked for an account at {place} with this address. There is one already: sign in, or"
        " ask for a new password:\n\n{forgotten}\n\nIf it was not you, there is nothing to do.",
    ),
    Letter.PASSWORD_CHANGED: (
        "Your password was changed",
        "The password of your account at {place} was changed, and you were signed out everywhere else.\n\nIf it was not"
        " you, tell an administrator, and ask for a new password at once:\n\n{forgotten}",
    ),
    Letter.EMAIL_CHANGED: (
        "Your e-mail address was changed",
        "Your account at {place} has another e-mail address now, and mails no longer come here.\n\nIf it was not you,"
        " tell an administrator at once.",
    ),
}


class Letters:
    """Writes the mails of one installation, whose pages begin at `public_url`."""

    def __init__(self, public_url: str) -> None:
        self._place = public_url

    def write(self, letter: Letter, to: str, token: str | None = None) -> Mail:
        """The mail; a token stands behind the # of its link, which no server, proxy or log ever sees."""
        subject, text = _TEXTS[letter]
        link = f"{self._page(letter)}#{token}" if token else ""
        forgotten = self._page(Letter.RESET_PASSWORD)
        return Mail(to, subject, text.format(place=self._place, link=link, forgotten=forgotten) + "\n")

    def _page(self, letter: Letter) -> str:
        return f"{self._place}/account/{PAGES[letter]}"
