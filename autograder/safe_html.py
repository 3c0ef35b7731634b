"""Text, Markdown and notebook outputs of students, as HTML that is safe to open.

Everything that a submission can influence goes through this module on its way to a page. HTML passes nh3 (the
ammonia sanitiser: an HTML5 parser and a list of what is allowed) as the last step; SVG is shown as an image, where
browsers run no script and load nothing; JavaScript and widgets are replaced by their plain text. Pages add
`CONTENT_SECURITY_POLICY` as a second wall.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape
from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)

# More than a person reads; each is far above what an honest notebook shows.
MAX_TEXT = 20_000  # characters of one text output
MAX_MARKDOWN = 30_000  # characters of one text cell or HTML output that are rendered
MAX_CODE = 50_000  # characters of one code cell that are highlighted
MAX_IMAGE = 4_000_000  # base64 characters of one image
MAX_FORMULA = 2_000
MAX_OUTPUTS = 50  # outputs of one cell


def visible(text: str) -> str:
    """The text with control and direction-changing characters shown instead of obeyed.

    >>> visible("pass\\u202eword\\x1b[2J")
    'pass⟨U+202E⟩word␛[2J'
    """
    return _INVISIBLE.sub(_show, text)


def prose(text: str) -> Markup:
    """Plain text in which `backquotes` mean code: hints, messages and reasons.

    >>> prose("is `t` < 1?")
    Markup('is <code>t</code> &lt; 1?')
    """
    text = visible(text).strip()
    if "\n" in text:  # the message of a comparison, laid out in columns
        return Markup('<span class="lines mono">{}</span>').format(text)
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))


@lru_cache(maxsize=4096)
def code(source: str) -> Markup:
    """Python source, highlighted."""
    source = visible(source)
    if len(source) > MAX_CODE:
        return escape(source)
    return Markup(highlight(source, _LEXER, _FORMATTER))


def markdown(source: str, attachments: Mapping[str, Any] | None = None) -> Markup:
    """A Markdown cell, with formulas as MathML so that they need no script."""
    return _markdown(source, _images_in(attachments))


def sanitize(source: str) -> Markup:
    """HTML without anything that runs, loads, submits or poses as part of the page around it."""
    return Markup(_CLEANER.clean(visible(source)))


def outputs(items: Iterable[Any]) -> list[Markup]:
    """The outputs of one code cell (nbformat dicts, not trusted to be any), each as one block of HTML."""
    items = [item for item in items if isinstance(item, Mapping)]
    blocks = [block for item in items[:MAX_OUTPUTS] if (block := _output(item))]
    if len(items) > MAX_OUTPUTS:
        blocks.append(Markup('<p class="note">{} further outputs are not shown.</p>').format(len(items) - MAX_OUTPUTS))
    return blocks


# ---------------------------------------------------------------------------------------------- characters

# C0 except tab and newline, DEL, C1, direction marks and overrides, lone surrogates (no file can hold them).
_INVISIBLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _show(match: re.Match[str]) -> str:
    point = ord(match.group())
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "␡"
    if 0xD800 <= point <= 0xDFFF:
        return "\ufffd"
    return f"⟨U+{point:04X}⟩"


# ------------------------------------------------------------------------------------------------ Markdown


@lru_cache(maxsize=4096)
def _markdown(source: str, images: tuple[tuple[str, str], ...]) -> Markup:
    source = visible(source.replace("\r\n", "\n"))
    if len(source) > MAX_MARKDOWN:
        return Markup('<pre class="text">{}</pre>').format(source)
    return sanitize(MarkdownWithMath(renderer=_Renderer(dict(images))).render(source))


def _images_in(attachments: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Attachments of a cell as (name, data URL), hashable; what is no image is left out."""
    found = []
    for name, bundle in (attachments or {}).items():
        for mime, data in bundle.items() if isinstance(bundle, Mapping) else ():
            if url := _data_url(mime, data):
                found.append((str(name), url))
                break
    return tuple(found)


class _Renderer(IPythonRenderer):
    """nbconvert's renderer; formulas become MathML, headings stay below those of the page."""

    def __init__(self, images: Mapping[str, str]):
        super().__init__(escape=False, allow_harmful_protocols=False, exclude_anchor_links=True)
        self.images = images

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return super().heading(text, min(level + 2, 6))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("attachment:"):
            url = self.images.get(url.removeprefix("attachment:"), "")
        # A data URL is not among the protocols that mistune lets through; the sanitiser decides.
        return str(Markup('<img src="{}" alt="{}">').format(url, html.unescape(text)))

    def block_math(self, body: str) -> str:
        return _math(body, "block")

    def inline_math(self, body: str) -> str:
        return _math(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return _math(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


# Environments that the converter does not know by these names.
_KNOWN_ENVIRONMENTS = re.compile(r"\\(begin|end)\{(aligned|alignat\*?|equation\*?|gather(?:ed|\*)?|displaymath)\}")


def _environment(match: re.Match[str]) -> str:
    return rf"\{match[1]}{{align*}}" if match[2].startswith("align") else ""


@lru_cache(maxsize=4096)
def _math(tex: str, display: str) -> str:
    """A formula as MathML; what cannot be converted stays legible as TeX."""
    try:
        if len(tex) > MAX_FORMULA:
            raise ValueError("too long to convert")
        root = convert_to_element(_KNOWN_ENVIRONMENTS.sub(_environment, tex).strip(), display=display)
    except Exception:  # the converter raises many types, all of which mean: not a formula that it knows
        return str(Markup("<code>{}</code>").format(tex))
    for element in root.iter():  # the converter writes entities; the serialiser escapes
        element.text = element.text and html.unescape(element.text)
        element.tail = element.tail and html.unescape(element.tail)
    return ElementTree.tostring(root, encoding="unicode")


# ------------------------------------------------------------------------------------------------- outputs

# What to show of an output, the richest first. JavaScript, widgets and whatever else runs are not in the list.
_PREFERRED = (
    "text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "image/gif", "text/latex", "text/plain",
)  # fmt: skip
_WIDGET = "application/vnd.jupyter.widget-view+json"


def _output(item: Mapping[str, Any]) -> Markup | None:
    match item.get("output_type"):
        case "stream":
            kind = "stderr" if item.get("name") == "stderr" else "stdout"
            return _terminal(_text(item.get("text")), kind)
        case "error":
            traceback = "\n".join(map(_text, _list(item.get("traceback"))))
            return _terminal(traceback or f"{_text(item.get('ename'))}: {_text(item.get('evalue'))}", "error")
        case "display_data" | "execute_result":
            data = item.get("data")
            return _bundle(data) if isinstance(data, Mapping) else None
    return None


def _bundle(data: Mapping[str, Any]) -> Markup | None:
    """The richest representation of one result that leaves something to see."""
    if _WIDGET in data:
        return _terminal(_text(data.get("text/plain")), "stdout") + Markup(
            '<p class="note">This output is interactive: run the notebook to use it.</p>'
        )
    for mime in _PREFERRED:
        if mime in data and (block := _represent(mime, data[mime], data)):
            return block
    return None


def _represent(mime: str, value: Any, data: Mapping[str, Any]) -> Markup | None:
    if mime.startswith("image/"):
        return _image(mime, value, _text(data.get("text/plain")))
    text = _text(value)
    match mime:
        case "text/html" if len(text) <= MAX_MARKDOWN:
            block = sanitize(text)
        case "text/markdown":
            block = markdown(text)
        case "text/latex":
            block = markdown(text if "$" in text or r"\begin" in text else f"$${text}$$")
        case "text/plain":
            return _terminal(text, "stdout")
        case _:
            return None
    shows = block.striptags().strip() or re.search(r"<(img[^>]* src|hr|math)\b", block)
    return Markup('<div class="rich">{}</div>').format(block) if shows else None


def _image(mime: str, value: Any, description: str) -> Markup:
    url = _data_url(mime, value)
    if not url:
        return Markup('<p class="note">An image that cannot be shown: it is damaged, or larger than 3 MB.</p>')
    alt = " ".join(visible(description).split())[:200] or "Figure drawn by this cell"
    return Markup('<img class="figure" src="{}" alt="{}">').format(url, alt)


def _data_url(mime: str, value: Any) -> str | None:
    """`data:` URL of an image; None if it is none. SVG comes as text, the rest as base64."""
    if mime not in _PREFERRED or not mime.startswith("image/"):
        return None
    text = _text(value)
    if mime == "image/svg+xml" and text.lstrip().startswith("<"):
        text = base64.b64encode(visible(text).encode()).decode()
    text = "".join(text.split())
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return f"data:{mime};base64,{text}" if 0 < len(text) <= MAX_IMAGE else None


def _terminal(text: str, kind: str) -> Markup:
    """Text as a terminal would show it: colours, and lines that a progress bar wrote over."""
    text = _overwritten(text)
    if len(text) > MAX_TEXT:
        half = MAX_TEXT // 2
        cut = f"\n[... {len(text) - MAX_TEXT:,} characters are not shown ...]\n"
        text = text[:half] + cut + text[-half:]
    return Markup('<pre class="{}">{}</pre>').format(kind, Markup(visible(ansi2html(text))))


def _overwritten(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _text(value: Any) -> str:
    """nbformat's multi-line string: a string or a list of strings; anything else shows nothing."""
    return "".join(part for part in _list(value) if isinstance(part, str))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---------------------------------------------------------------------------------------------- sanitising


def _words(text: str) -> set[str]:
    return set(text.split())


_TEXT_TAGS = _words("""
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5
    h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead
    tr u ul var
""")
_MATH_TAGS = _words("""
    math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable
    mtd mtext mtr munder munderover
""")
_MATH_ATTRIBUTES = _words("""
    accent columnalign depth display displaystyle fence form height largeop linethickness lspace mathvariant
    maxsize minsize movablelimits notation rowspacing rspace scriptlevel separator stretchy symmetric voffset
    width
""")
_IMAGE_DATA = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
_LEXER = PythonLexer(stripnl=False, ensurenl=False)
_FORMATTER = HtmlFormatter(nowrap=True)


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Links go to the web by click only, images come from the page itself."""
    if name == "src":
        return value if len(value) <= MAX_IMAGE and _IMAGE_DATA.fullmatch(value.strip()) else None
    if name == "href":
        return value if _scheme(value) in {"http", "https", "mailto"} else None
    return value


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


_CLEANER = nh3.Cleaner(
    tags=_TEXT_TAGS | _MATH_TAGS,
    clean_content_tags={"script", "style", "title", "noscript", "template", "iframe", "textarea", "select", "svg"},
    attributes={
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "td": {"colspan", "rowspan", "style"},
        "th": {"colspan", "rowspan", "scope", "style"},
        "tr": {"style"},
        "ol": {"start"},
        "details": {"open"},
        **dict.fromkeys(_MATH_TAGS, _MATH_ATTRIBUTES),
    },
    attribute_filter=_attribute,
    filter_style_properties={"text-align"},
    url_schemes={"http", "https", "mailto", "data"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    # Only the highlighter's classes: with ours, an output could pose as the summary above it.
    allowed_classes={"span": {c for c in STANDARD_TYPES.values() if c}, "div": {"highlight"}},
)


# ------------------------------------------------------------------------------------------------- pages


def points(value: float) -> str:
    """Points as people write them: 2, 2.5, 0.33."""
    return f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:,.0f}"


TEMPLATES = Environment(
    loader=PackageLoader("autograder"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
TEMPLATES.filters.update(points=points, prose=prose, visible=visible)
TEMPLATES.globals["content_security_policy"] = CONTENT_SECURITY_POLICY
