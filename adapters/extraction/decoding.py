"""From bytes to clean text: finds the encoding, unifies line ends, drops what nobody can see."""

import codecs
import re
import unicodedata

from charset_normalizer import from_bytes

from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason

SAMPLE_BYTES = 65_536

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

# What Western European text has above ASCII: an argument for cp1252 where there is little to guess from.
WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœžšÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŽŠ‘’‚“”„–—…•€£§©®™°«»¡¿·´\xa0½¼¾²³±×µ"
)

CONTROL_BYTES = bytes([*range(9), *range(14, 27), *range(28, 32), 127])
MOSTLY_CONTROLS = 0.3
SOME_CONTROLS = 0.005

# Controls, lone surrogates and noncharacters; soft hyphens, byte order marks, bidirectional overrides and tag
# characters, which a reader cannot see but a search or a language model would.
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def decode(data: bytes, declared: str | None = None) -> str:
    """The clean text of `data`; raises ExtractionFailed(UNSUPPORTED) for bytes that are no text.

    Order: byte order mark, UTF-8, UTF-16/32 shown by their zeros, `declared`, then a guess over a sample.
    """
    return clean(_decode(data, declared))


def clean(text: str) -> str:
    """`text` with \\n as its only line end and without characters that cannot be seen. Not normalised otherwise."""
    return UNSEEN.sub("", LINE_END.sub("\n", text))


def _decode(data: bytes, declared: str | None) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    head = data[:SAMPLE_BYTES]
    controls = (len(head) - len(head.translate(None, CONTROL_BYTES))) / max(1, len(head))
    if controls and (wide := _wide(data)) is not None:
        return wide
    if controls > MOSTLY_CONTROLS:
        raise ExtractionFailed(ExtractionReason.UNSUPPORTED)
    utf8 = _utf8(data)
    if utf8 is not None:
        return _iso2022(data) or utf8
    if controls > SOME_CONTROLS:
        raise ExtractionFailed(ExtractionReason.UNSUPPORTED)
    return data.decode(_usable(declared) or _guess(data), "replace")


def _utf8(data: bytes) -> str | None:
    """Text that is UTF-8, also where a few bytes are damaged; None where the bytes above ASCII speak against it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
    damaged = text.count("\ufffd")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return text if foreign - damaged > 4 * damaged else None


def _iso2022(data: bytes) -> str | None:
    """Japanese mail and old pages: seven bits with escape sequences, which pass for ASCII."""
    if b"\x1b$" not in data[:SAMPLE_BYTES]:
        return None
    try:
        return data.decode("iso2022_jp_ext")
    except UnicodeDecodeError:
        return None


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: the plausible reading of the zeros with the most ASCII in it."""
    if b"\x00" not in data[:SAMPLE_BYTES]:
        return None
    readings = {encoding: _sample(data[:SAMPLE_BYTES], encoding) for encoding in WIDE_ENCODINGS}
    ascii_count = {name: len(text.encode("ascii", "ignore")) for name, text in readings.items() if _plausible(text)}
    best = max(ascii_count, key=ascii_count.__getitem__, default=None)
    return data.decode(best, "replace") if best and ascii_count[best] else None


def _sample(data: bytes, encoding: str) -> str:
    """The text of `data`, which may be cut inside its last character; empty where it is not in `encoding`."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        return data[: error.start].decode(encoding) if error.end >= len(data) else ""


def _plausible(text: str) -> bool:
    """Whether nearly all characters are assigned, and the text keeps to a few blocks as a language does."""
    sample = text[:4096]
    if not sample:
        return False
    good = sum(1 for char in sample if char in "\t\n\r" or unicodedata.category(char)[0] in "LMNPSZ")
    blocks = {ord(char) >> 8 for char in sample if not 0x4E00 <= ord(char) < 0x9FFF}
    return good >= 0.97 * len(sample) and len(blocks) <= max(3, len(sample) // 8)


def _usable(encoding: str | None) -> str | None:
    """A declared encoding that Python knows as one of text; latin-1 is read as cp1252, as browsers do."""
    if encoding is None:
        return None
    try:
        info = codecs.lookup(encoding)
        b"\x80".decode(info.name, "replace")
    except (LookupError, ValueError):
        return None
    return "cp1252" if info.name in ("iso8859-1", "ascii") else info.name


def _guess(data: bytes) -> str:
    high = [index for index, byte in enumerate(data[: 1 << 20]) if byte > 127]
    start = max(0, high[0] - 256) if high else 0
    sample = data[start : start + SAMPLE_BYTES]
    western = sample.decode("cp1252", "replace")
    foreign = [char for char in western if ord(char) > 127]
    if len(foreign) < 0.3 * len(western) and sum(char in WESTERN for char in foreign) >= 0.95 * len(foreign):
        return "cp1252"
    best = from_bytes(sample).best()
    return best.encoding if best is not None else "cp1252"
