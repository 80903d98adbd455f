"""Small files made on the spot for the extraction tests: PDF, DOCX, and such as mean harm."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

TypedLine = tuple[str, int]
"""A line of a PDF page and its size of type in points."""


def pdf(
    *pages: Sequence[TypedLine],
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    content: bytes | None = None,
) -> bytes:
    """A PDF with these lines on its pages; `content` stands for the drawing commands of each page instead."""
    count = len(pages)
    first_page, first_mark = 5, 5 + 2 * count
    kids = " ".join(f"{first_page + 2 * index} 0 R" for index in range(count))
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        4: _outlines(len(bookmarks), first_mark),
    }
    for index, lines in enumerate(pages):
        number = first_page + 2 * index
        stream = _commands(lines) if content is None else content
        objects[number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {number + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        ).encode()
        objects[number + 1] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)
    for index, (name, page) in enumerate(bookmarks):
        following = f"/Next {first_mark + index + 1} 0 R" if index + 1 < len(bookmarks) else ""
        target = f"[{first_page + 2 * page} 0 R /Fit]"
        objects[first_mark + index] = f"<< /Title ({name}) /Parent 4 0 R /Dest {target} {following} >>".encode()
    info = max(objects) + 1
    objects[info] = f"<< /Title ({title}) >>".encode()
    return _assembled(objects, info)


def _outlines(count: int, first: int) -> bytes:
    entries = f"/First {first} 0 R /Last {first + count - 1} 0 R" if count else ""
    return f"<< /Type /Outlines /Count {count} {entries} >>".encode()


def _commands(lines: Sequence[TypedLine]) -> bytes:
    commands, height = [], 760.0
    for text, size in lines:
        height -= 1.3 * size if text else 20
        shown = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        commands.append(f"BT /F1 {size} Tf 50 {height:.1f} Td ({shown}) Tj ET")
    return "\n".join(commands).encode("cp1252")


def _assembled(objects: Mapping[int, bytes], info: int) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (max(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % places[number] for number in sorted(objects)))
    out.write(
        b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF" % (max(objects) + 1, info, start)
    )
    return out.getvalue()


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    """A w:p with one run."""
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{style}{properties}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


STYLES = f"""<w:styles {WORD}>
<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Kapitel"><w:name w:val="Chapter"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:styleId="Level3"><w:name w:val="Third"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:styleId="Round"><w:name w:val="Round"/><w:basedOn w:val="Round"/></w:style>
</w:styles>"""


def docx(body: str = "", *, parts: Mapping[str, str | bytes] | None = None, styles: str = STYLES) -> bytes:
    """A DOCX whose document body is this XML."""
    document = f"<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "word/styles.xml": styles,
            "word/document.xml": document,
            **(parts or {}),
        }
    )


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def zip_bomb(mebibytes: int = 64) -> bytes:
    """A DOCX of some kilobytes that claims, and has, this much text."""
    run = "<w:p><w:r><w:t>" + "boom " * 200_000 + "</w:t></w:r></w:p>"
    return docx(run * mebibytes)
