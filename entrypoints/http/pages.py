"""Pages for people: what each problem means, and the API browsers, whose assets come from this service alone."""

import html
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from domain.shared.actor import Origin
from domain.shared.errors import NotFound
from entrypoints.http.content import JSON
from entrypoints.http.exchange import root_of
from entrypoints.http.handbook import sections
from entrypoints.http.negotiation import chosen
from entrypoints.http.problems import title_of
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone

router = Router(in_document=False)
browsers = Router(in_document=False)
"""The pages on which the API is looked at and tried; only where the settings show them."""
Anybody = Annotated[Origin, anyone("")]

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_STYLES: Final = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
"""Hashes of the style elements that ReDoc adds: an empty one that it fills by script, and that of its scroll bars."""
REDOC_POLICY: Final = PAGE_POLICY.replace("style-src 'self'", f"style-src 'self' {REDOC_STYLES}")
REDOC_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""A picture that ReDoc would load from elsewhere; ours stands in for it."""

STATIC: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
"""Files of the package fastapi-offline."""

SCRIPTS: Final = {
    "docs.js": """SwaggerUIBundle({
  url: document.body.dataset.openapi,
  dom_id: "#ui",
  deepLinking: true,
  validatorUrl: null,
  syntaxHighlight: false,
});
""",
    "redoc.js": """Redoc.init(document.body.dataset.openapi, {disableSearch: true}, document.getElementById("ui"));
""",
}
FILES: Final = {"pages.css": "text/css", "account.js": "text/javascript"}
"""Files of the package beside this module."""
HEADERS: Final = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
PAGE_OR_DATA: Final = ("text/html", JSON)
VARIES: Final = {"Vary": "Accept"}


@browsers.get("/docs")
async def swagger_ui(request: Request, _: Anybody) -> Response:
    return _browser(request, "swagger-ui-bundle.js", "docs.js", "swagger-ui.css")


@browsers.get("/redoc")
async def redoc(request: Request, _: Anybody) -> Response:
    return _browser(request, "redoc.standalone.js", "redoc.js", None, REDOC_POLICY)


@router.get("/assets/{name}")
async def asset(name: str, _: Anybody) -> Response:
    """A script, style or picture of the pages; their names are a closed list, so no path leads anywhere else."""
    headers = {"Cache-Control": "public, max-age=86400"}
    if name in SCRIPTS:
        return Response(SCRIPTS[name], media_type="text/javascript", headers=headers)
    if name in FILES:
        return Response(_file(name), media_type=FILES[name])
    if name not in STATIC:
        raise NotFound
    return Response(_static(name), media_type=STATIC[name], headers=headers)


@router.get("/problems")
async def problem_list(request: Request, _: Anybody) -> Response:
    codes = list(sections("problems.md"))
    if chosen(request, PAGE_OR_DATA) == JSON:
        return json_response({"items": codes}, headers=VARIES)
    links = "".join(f'<li><a href="{_root(request)}/problems/{code}">{title_of(code)}</a></li>' for code in codes)
    return page(_root(request), "Problems", f"<ul>{links}</ul>", headers={**HEADERS, **VARIES})


@router.get("/problems/{code}")
async def problem_page(request: Request, code: str, _: Anybody) -> Response:
    """What one refusal means and what to do: a page, and data for those who like JSON better."""
    text = sections("problems.md").get(code)
    if text is None:
        raise NotFound
    if chosen(request, PAGE_OR_DATA) == JSON:
        return json_response({"code": code, "title": title_of(code), "description": text}, headers=VARIES)
    content = f"<p><code>{code}</code></p>{rendered(text)}"
    return page(_root(request), title_of(code), content, headers={**HEADERS, **VARIES})


@router.get("/evolution")
async def evolution(request: Request, _: Anybody) -> Response:
    """How the API may change, and what is going to end; links of deprecated endpoints lead here."""
    parts = sections("evolution.md").items()
    return page(_root(request), "Evolution", "".join(f"<h2>{heading}</h2>{rendered(text)}" for heading, text in parts))


def rendered(markdown: str) -> str:
    """Paragraphs, lists and code spans of Markdown as HTML: all that the pages of problems use."""
    blocks = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        if block.startswith("- "):
            items = "".join(f"<li>{_inline(' '.join(item.split()))}</li>" for item in block[2:].split("\n- "))
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{_inline(' '.join(block.split()))}</p>")
    return "".join(blocks)


def page(
    root: str,
    title: str,
    content: str,
    *,
    script: str | None = None,
    headers: Mapping[str, str] = HEADERS,
) -> Response:
    """A page of ours; `root` leads from it to where the service is mounted, `script` is the name of an asset."""
    style = f'<link rel="stylesheet" href="{root}/assets/pages.css">'
    run = f'<script src="{root}/assets/{script}" defer></script>' if script else ""
    head = f"{_META}<title>{title} – FastOps</title>{_icon(root)}{style}{run}"
    return _html(f"<head>{head}</head><body><main><h1>{title}</h1>{content}</main></body>", headers)


@cache
def _file(name: str) -> bytes:
    return (files("entrypoints.http.console") / name).read_bytes()


@cache
def _static(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes().replace(REDOC_LOGO, b"assets/favicon.png")


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _root(request: Request) -> str:
    return html.escape(root_of(request.scope))


def _icon(root: str) -> str:
    return f'<link rel="icon" href="{root}/assets/favicon.png">'


def _browser(request: Request, library: str, start: str, style: str | None, policy: str = PAGE_POLICY) -> Response:
    root = _root(request)
    link = f'<link rel="stylesheet" href="{root}/assets/{style}">' if style else ""
    head = f"{_META}<title>FastOps API</title>{_icon(root)}{link}"
    scripts = "".join(f'<script src="{root}/assets/{name}"></script>' for name in (library, start))
    body = f'<body data-openapi="{root}/openapi.json"><div id="ui"></div>{scripts}</body>'
    return _html(f"<head>{head}</head>{body}", {**HEADERS, "Content-Security-Policy": policy})


_META = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'


def _html(content: str, headers: Mapping[str, str]) -> Response:
    return HTMLResponse(f'<!doctype html><html lang="en">{content}</html>', headers=headers)
