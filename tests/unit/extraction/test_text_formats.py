"""Markdown, HTML and CSV: what a person sees in them, and where the headings are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.extraction import csv, html, markdown
from domain.knowledge.extracts import Extract


def headings(extract: Extract) -> list[tuple[int, str]]:
    return [(heading.level, extract.text[heading.start : heading.end]) for heading in extract.headings]


MARKDOWN = """---
title: "Front matter"
---
# Top #

Intro
over two lines
===

## Second `level` ##
```python
# a comment, no heading
```

    # code, no heading

~~~ text
## neither
```
~~~
#hashtag
####### seven
### Third\t
- a list item
---
> quote
---

Last
----
"""


def test_markdown_headings_are_found_and_code_is_not_taken_for_them() -> None:
    extract = markdown.read(MARKDOWN)
    assert extract.title == "Front matter"
    assert headings(extract) == [
        (1, "Top"),
        (1, "Intro\nover two lines"),
        (2, "Second `level`"),
        (3, "Third"),
        (2, "Last"),
    ]
    assert extract.text == MARKDOWN.strip()


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("## Two\n\n# One\n\n# Other", "One"),
        ("Words only", None),
        ("---\n\n# After a rule", "After a rule"),
        ("# ", None),
    ],
)
def test_markdown_without_front_matter_takes_its_title_from_the_first_top_heading(
    source: str, title: str | None
) -> None:
    assert markdown.read(source).title == title


@pytest.mark.parametrize(
    "source", ["# " + " #" * 50_000 + "x", "`" * 100_000, "#" + "\t" * 100_000, "- " * 50_000 + "\n---"]
)
def test_hostile_markdown_takes_no_longer_than_its_length(source: str) -> None:
    markdown.read(source)


PAGE = """<!DOCTYPE html><html><head><title> A &amp; B </title><style>p {}</style><script>alert("no")</script>
</head><body onload="evil()"><!-- a comment --><h1>Main
 heading</h1><p>First&nbsp;<b>bold</b>, then&#233;<br>a break.</p>
<p hidden>not shown<p style="color: red; DISPLAY : none">nor <i>this</i></p>
<template><p>nor that</p></template><noscript>enable scripts</noscript><dialog>closed</dialog>
<div>loose <span>text</span><div>inner</div>tail</div>
<ul><li>one<li><p>two</p></ul>
<table><tr><th>Name<th>Age<tr><td>Ada</td><td><p>36</p></td></table>
<pre>  keeps
    its shape</pre>
<h2>Sub <em>heading</em></h2>after
<svg><title>drawing</title><text>no</text></svg>
<script>if (a < b) document.write("<p>no</p>")</script></body></html>"""


def test_html_shows_what_a_browser_would() -> None:
    extract = html.read(PAGE)
    assert extract.title == "A & B"
    assert headings(extract) == [(1, "Main heading"), (2, "Sub heading")]
    assert extract.text.split("\n\n") == [
        "Main heading",
        "First bold, thené\na break.",
        "loose text",
        "inner",
        "tail",
        "- one\n- two",
        "Name | Age\nAda | 36",
        "  keeps\n    its shape",
        "Sub heading",
        "after",
    ]


def test_tables_that_lay_out_a_page_keep_paragraphs_and_headings() -> None:
    cell = "<p>" + "Much text. " * 30 + "</p>"
    extract = html.read(f"<table><tr><td>menu</td><td><h2>News</h2>{cell}{cell}</td></tr></table>")
    assert headings(extract) == [(2, "News")]
    assert extract.text.split("\n\n")[:2] == ["menu", "News"]
    assert extract.text.count("Much text.") == 60


@pytest.mark.parametrize("depth", [300, 5_000, 50_000])
def test_html_may_be_nested_to_any_depth(depth: int) -> None:
    extract = html.read("<div>" * depth + "deep" + "</div>" * depth + "<p>after</p>")
    assert extract.text == "deep\n\nafter"


@pytest.mark.parametrize(
    "page", ["<a" * 50_000, "<!--" * 50_000, "<p " + "a=1 " * 50_000 + ">", "</p>" * 50_000, "&" * 50_000]
)
def test_hostile_html_is_read_to_its_end(page: str) -> None:
    html.read(page)


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<td>",
                "</tr>",
                "<tr>",
                "<h1>",
                "</h2>",
                "<li>",
                "<pre>",
                "<div hidden>",
                "x ",
                "<",
                "&lt;",
                "<table>",
                "</table>",
                "<br/>",
                "<title>",
                "\n",
                "<textarea>",
            ]
        )
    ).map("".join)
)
def test_any_html_gives_headings_in_their_places(page: str) -> None:
    extract = html.read(page)
    end = 0
    for heading in extract.headings:
        assert end <= heading.start < heading.end <= len(extract.text)
        assert extract.text[heading.start : heading.end].strip()
        end = heading.end


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_csv_row_can_be_understood_alone(delimiter: str) -> None:
    rows = ["Name,City,Notes", 'Ada,"London,\nEngland",', "Bob,Paris,tall,extra", "Cy"]
    source = "\r\n".join(rows).replace(",", delimiter).replace(f"London{delimiter}", "London,")
    assert csv.read(source).text.split("\n\n") == [
        "Name; City; Notes",
        "Name: Ada; City: London, England",
        "Name: Bob; City: Paris; Notes: tall; extra",
        "Name: Cy",
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1,2,3\n4,5,6", "1; 2; 3\n\n4; 5; 6"),
        ("A,A,A\nx,y,z", "A; A; A\n\nx; y; z"),
        ("Country,2019,2020\nPeru,1.5,2.5", "Country; 2019; 2020\n\nCountry: Peru; 2019: 1.5; 2020: 2.5"),
        ("name,city", "name; city"),
        ("word\nother", "word\n\nword: other"),
        ("a;b\n1,5;2,5", "a; b\n\na: 1,5; b: 2,5"),
    ],
)
def test_a_header_is_told_from_data(source: str, text: str) -> None:
    assert csv.read(source).text == text


def test_a_quote_that_is_never_closed_swallows_no_rows() -> None:
    source = "id\ttext\n" + '1\t"open\n' + "".join(f"{number}\tplain\n" for number in range(2, 400))
    assert csv.read(source).text.count("\n\n") == 399


def test_a_very_long_header_is_not_repeated_in_every_row() -> None:
    source = "h" * 100_000 + ",b\n" + "1,2\n" * 1_000
    assert len(csv.read(source).text) < 200_000


@given(st.text(alphabet='ab",;|\t\n 1', max_size=80))
def test_any_table_is_read(source: str) -> None:
    letters = {char for char in source if char.isalnum()}
    assert letters <= set(csv.read(source).text)
