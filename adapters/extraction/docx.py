"""DOCX (ISO/IEC 29500) as a package: what may be unpacked, which parts give text. Nothing outside it is followed."""

import io
import zipfile
import zlib

from lxml import etree

from adapters.extraction.docx_body import Body, Styles, local_name
from adapters.extraction.limits import Limits
from adapters.extraction.sniffing import Kind, main_part
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason

STYLES = "word/styles.xml"
NOTES = ("word/footnotes.xml", "word/endnotes.xml")
PROPERTIES = "docProps/core.xml"
MEMBERS_MAX = 10_000
ENCRYPTED_FLAG = 0x1
PICTURES = frozenset({"drawing", "pict", "object"})
DAMAGE = (zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, KeyError, EOFError, NotImplementedError, OSError)


def read(data: bytes, limits: Limits) -> Extract:
    """Body, then footnotes and endnotes; headers, footers and comments stay out.

    Raises ExtractionFailed: BROKEN, ENCRYPTED, NO_TEXT where there are only pictures, and TOO_MUCH_EXPANDED by what
    the members claim, before any is unpacked (zipfile never unpacks beyond the claim).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive.infolist(), len(data), limits)
            return _read(archive)
    except DAMAGE as error:
        raise ExtractionFailed(ExtractionReason.BROKEN) from error


def _check(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if any(member.flag_bits & ENCRYPTED_FLAG for member in members):
        raise ExtractionFailed(ExtractionReason.ENCRYPTED)
    if len(members) > MEMBERS_MAX or sum(member.file_size for member in members) > limits.expanded(size):
        raise ExtractionFailed(ExtractionReason.TOO_MUCH_EXPANDED)


def _read(archive: zipfile.ZipFile) -> Extract:
    names = archive.namelist()
    document = _parse(archive, main_part(names) or "")
    body = Body(Styles(_parse(archive, STYLES) if STYLES in names else None))
    body.blocks(document)
    for part in NOTES:
        if part in names:
            body.notes(_parse(archive, part))
    extract = body.outline.extract(Kind.DOCX, body.title or _property_title(archive, names))
    if not extract.text and any(local_name(element) in PICTURES for element in document.iter()):
        raise ExtractionFailed(ExtractionReason.NO_TEXT)
    return extract


def _parse(archive: zipfile.ZipFile, name: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True
    )
    return etree.fromstring(archive.read(name), parser)


def _property_title(archive: zipfile.ZipFile, names: list[str]) -> str | None:
    if PROPERTIES not in names:
        return None
    return next(
        (element.text for element in _parse(archive, PROPERTIES).iter() if local_name(element) == "title"), None
    )
