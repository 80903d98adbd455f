"""Passwords that are guessed first: told by rules with a short word list of our own, and by a list of leaked ones.

A password is common when it consists of nothing but one listed word and patterns: runs along the keyboard, the
alphabet or the digits, repetitions, and a few digits such as a year. Signs and usual letter swaps (`p@ssw0rd`)
do not hide it, and repeating does not help. The rules aim at 15 characters and more, where word lists are thin.

Shorter ones, which second factors allow, are also held against the 30,000 most frequent leaked passwords that the
library `zxcvbn` (MIT licence) brings along. Of it nothing but this list is loaded, and only the part that can matter.
"""

import re
import unicodedata
from functools import cache
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from domain.identity.password_policy import PASSWORD_MIN_ALLOWED

_LISTED = """
password passwort passcode passphrase kennwort motdepasse contrasena wachtwoord parola senha secret geheim
admin administrator root user username login welcome willkommen bienvenue letmein changeme default guest
master service server system computer internet network security secure access manager support office company
fastops account test testing example sample demo temp temporary qwerty azerty qwertz iloveyou loveyou
sunshine princess football baseball basketball superman batman spiderman starwars pokemon dragon monkey
shadow michael jennifer jessica charlie jordan hunter thomas daniel andrew matthew joshua ashley amanda
nicole chelsea liverpool arsenal barcelona realmadrid summer winter spring autumn january february march april
june july august september october november december monday tuesday wednesday thursday friday saturday sunday
freedom whatever trustno nothing forever mustang corvette ferrari mercedes porsche samsung google facebook
microsoft windows apple android iphone linux ubuntu oracle cisco chocolate cookie butterfly flower angel
blink banana cheese pepper ginger buster killer ranger soccer hockey golfer tigger snoopy pass word love
hello world helloworld abc
"""
_KEYBOARDS = (
    "qwertyuiop asdfghjkl zxcvbnm qwertzuiopu yxcvbnm azertyuiop qsdfghjklm wxcvbn abcdefghijklmnopqrstuvwxyz "
    "12345678901234567890 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p 1q2w3e4r5t6y7u8i9o0p q1w2e3r4t5y6u7i8o9p0 "
    "qazwsxedcrfvtgbyhnujmikolp qwertyuiopasdfghjklzxcvbnm qawsedrftgyhujikolp zaqxswcdevfrbgtnhymjukilop "
    "1a2b3c4d5e6f7g8h9i0j a1b2c3d4e5f6g7h8i9j0 147258369 159357 741852963"
)
WORDS = frozenset(_LISTED.split())
RUNS = tuple(_KEYBOARDS.split()) + tuple(row[::-1] for row in _KEYBOARDS.split())
RUN_MIN = 3
LONE_DIGITS_MAX = 8
CORE_MIN = 5
CORE_MAX = 128
PIECE_MAX = 40
_RUN_PIECES = frozenset(run[at : at + RUN_MIN] for run in RUNS for at in range(len(run) - RUN_MIN + 1))
_SWAPS = str.maketrans("@4310$57!", "aaeiossti")
_PIECES = re.compile(r"\d+|.", re.DOTALL)


class CommonPasswordRules:
    """The port `CommonPasswords`."""

    def contains(self, password: str) -> bool:
        text = unicodedata.normalize("NFKC", password).casefold()
        if text in leaked():
            return True
        period = (text + text).find(text, 1)
        core = text[: max(period, 0)]
        return len(core) < CORE_MIN or (len(core) <= CORE_MAX and _words_needed(core) <= 1)


@cache
def leaked() -> frozenset[str]:
    """The listed ones that are long enough to be anybody's password here."""
    package = PathFinder.find_spec("zxcvbn")
    assert package is not None
    assert package.submodule_search_locations
    file = Path(package.submodule_search_locations[0], "frequency_lists.py")
    loader = SourceFileLoader("frequency_lists", str(file))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return frozenset(word for word in module.FREQUENCY_LISTS["passwords"] if len(word) >= PASSWORD_MIN_ALLOWED)


def _words_needed(text: str) -> float:
    """How many different listed words it takes, beside patterns that cost nothing, to spell `text`; inf for never."""
    lone = _lone_digits(text)
    best: list[frozenset[str] | None] = [frozenset(), *[None] * len(text)]
    for start in range(len(text)):
        before = best[start]
        if before is None:
            continue
        for end in range(start + 1, min(start + PIECE_MAX, len(text)) + 1):
            after = _spelled(text, start, end, before, lone)
            known = best[end]
            if after is not None and (known is None or len(after) < len(known)):
                best[end] = after
    last = best[-1]
    return float("inf") if last is None else len(last)


def _spelled(
    text: str, start: int, end: int, before: frozenset[str], lone: frozenset[tuple[int, int]]
) -> frozenset[str] | None:
    """The words needed up to `end` where the piece from `start` is a word or a pattern; None where it is neither."""
    piece = text[start:end]
    word = piece if piece in WORDS else piece.translate(_SWAPS)
    if word in WORDS:
        return before | {word}
    if (start, end) in lone or (len(piece) == 1 and not piece.isalnum()) or _is_run(piece):
        return before
    return None


def _lone_digits(text: str) -> frozenset[tuple[int, int]]:
    """Where groups of a few digits stand that no other digit touches, such as years and dates."""
    spans = [(match.start(), match.end()) for match in _PIECES.finditer(text) if match[0].isdigit()]
    return frozenset((start, end) for start, end in spans if end - start <= LONE_DIGITS_MAX)


def _is_run(piece: str) -> bool:
    if len(piece) < RUN_MIN:
        return False
    if len(set(piece)) == 1:
        return True
    return all(piece[at : at + RUN_MIN] in _RUN_PIECES for at in range(len(piece) - RUN_MIN + 1))
