"""The flow of a DOCX body: paragraphs, headings by style or outline level, tables, notes."""

from collections.abc import Iterator

from lxml import etree

from adapters.extraction.outline import Outline, row_line

Element = etree._Element

# Tracked deletions, field codes, properties, and the older copy of what a newer element says.
LEFT_OUT = frozenset({
    "del", "moveFrom", "Fallback", "instrText", "delText", "rPr", "pPr", "tblPr", "trPr", "tcPr", "sectPr",
    "sdtPr", "fldData",
})  # fmt: skip
MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})
OFF = frozenset({"0", "false", "off"})
LEVELS = 9
BODY_TEXT_LEVEL = 9
STYLE_DEPTH = 20


def local_name(element: Element) -> str:
    """Name without namespace: transitional and strict documents differ in nothing else. Empty for instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


class Styles:
    """Which paragraph styles are headings: by outline level or by name, their own or inherited."""

    def __init__(self, part: Element | None) -> None:
        self._styles: dict[str, Element] = {}
        for style in part if part is not None else ():
            if local_name(style) == "style":
                self._styles[_value(style, "styleId") or ""] = style

    def level(self, style_id: str | None) -> int | None:
        """Heading level from 1, or None for other styles."""
        for style in self._line(style_id):
            outline = _outline_level(_child(style, "pPr"))
            if outline is not None:
                return outline if outline <= LEVELS else None
            family, _, number = _name(style).rpartition(" ")
            if family == "heading" and number.isdecimal() and 1 <= int(number) <= LEVELS:
                return int(number)
        return None

    def is_title(self, style_id: str | None) -> bool:
        return any(_name(style) == "title" for style in self._line(style_id))

    def _line(self, style_id: str | None) -> Iterator[Element]:
        """The style and those it is based on; bounded, for they may be based on each other in a circle."""
        for _ in range(STYLE_DEPTH):
            style = self._styles.get(style_id or "")
            if style is None:
                return
            yield style
            style_id = _value(_child(style, "basedOn"), "val")


class Body:
    """Collects the blocks of the parts that it is given, in their order."""

    def __init__(self, styles: Styles) -> None:
        self.outline = Outline()
        self.title: str | None = None
        self._styles = styles
        self._in_list = False

    def blocks(self, parent: Element) -> None:
        """Paragraphs and tables below `parent`, also those in content controls and tracked insertions."""
        for child in parent:
            name = local_name(child)
            if name == "p":
                self._paragraph(child)
            elif name == "tbl":
                self._table(child)
            elif name not in LEFT_OUT:
                self.blocks(child)

    def notes(self, part: Element) -> None:
        """Footnotes or endnotes, without the lines that part them from the page."""
        for note in part:
            if _value(note, "type") not in SEPARATORS:
                self.blocks(note)

    def _paragraph(self, paragraph: Element) -> None:
        text = _text(paragraph).strip()
        if not text:
            return
        properties = _child(paragraph, "pPr")
        style_id = _value(_child(properties, "pStyle"), "val")
        own_level = _outline_level(properties)
        level = self._styles.level(style_id) if own_level is None else own_level
        listed = _child(properties, "numPr") is not None
        if level is not None and level <= LEVELS:
            listed = False
            self.outline.heading(text, level)
        elif listed:
            self.outline.block(f"- {text}", gap="\n" if self._in_list else "\n\n")
        else:
            self.outline.block(text)
        if self.title is None and self._styles.is_title(style_id):
            self.title = text
        self._in_list = listed

    def _table(self, table: Element) -> None:
        self._in_list = False
        gap = "\n\n"
        for row in _descend(table, "tr"):
            line = row_line([_cell(cell) for cell in _descend(row, "tc")])
            if line:
                self.outline.block(line, gap=gap)
                gap = "\n"


def _cell(cell: Element) -> str:
    """Its paragraphs, those of nested tables included, one a line."""
    return "\n".join(filter(None, (_text(paragraph).strip() for paragraph in _descend(cell, "p"))))


def _descend(parent: Element, wanted: str) -> Iterator[Element]:
    """The nearest elements of this name below `parent`, through content controls but not into what they hold."""
    for child in parent:
        name = local_name(child)
        if name == wanted:
            yield child
        elif name not in LEFT_OUT:
            yield from _descend(child, wanted)


def _text(element: Element) -> str:
    """The shown text of a paragraph: runs, links, insertions, equations, and text boxes on lines of their own."""
    parts = []
    for child in element:
        name = local_name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in MARKS:
            parts.append(MARKS[name])
        elif name == "p":
            parts.append(f"\n{_text(child)}\n")
        elif name not in LEFT_OUT and not _hidden(child):
            parts.append(_text(child))
    return "".join(parts)


def _hidden(run: Element) -> bool:
    vanish = _child(_child(run, "rPr"), "vanish")
    return vanish is not None and _value(vanish, "val") not in OFF


def _outline_level(properties: Element | None) -> int | None:
    """Level from 1; 10 says that a paragraph is body text against its style. None where nothing is said."""
    value = _value(_child(properties, "outlineLvl"), "val")
    return min(int(value), BODY_TEXT_LEVEL) + 1 if value is not None and value.isdecimal() else None


def _name(style: Element) -> str:
    return (_value(_child(style, "name"), "val") or "").lower()


def _child(parent: Element | None, name: str) -> Element | None:
    return None if parent is None else next((child for child in parent if local_name(child) == name), None)


def _value(element: Element | None, attribute: str) -> str | None:
    """An attribute by its local name."""
    if element is None:
        return None
    return next((str(value) for key, value in element.items() if str(key).rpartition("}")[2] == attribute), None)
