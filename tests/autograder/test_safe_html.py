"""What a student can put into a page: it is shown, and nothing of it runs, loads or poses as the page itself."""

import base64
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import safe_html

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

MALICIOUS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/pixel.png' alt=p>",
    '<img src="data:text/html,<script>alert(1)</script>">',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    '<svg><use href="https://evil.example/x.svg#a"></use></svg>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=https://evil.example></iframe>",
    "<object data=https://evil.example></object><embed src=https://evil.example>",
    "<form action=https://evil.example><input name=p><button formaction=javascript:alert(1)>go</button></form>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='jAvAsCrIpT&colon;alert(1)'>x</a>",
    "<a href=' &#1; javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "![x](https://evil.example/x.png)",
    "![x](javascript:alert(1))",
    "<style>body{background:url(https://evil.example/x)}</style>",
    "<p style='background:url(https://evil.example/x);position:fixed;inset:0'>x</p>",
    "<td style='text-align:right;background-image:url(//evil.example)'>x</td>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<video src=https://evil.example/x.mp4 autoplay></video><audio src=//evil.example></audio>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<math href=javascript:alert(1)><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<!--><img src=x onerror=alert(1)>-->",
    "</div></section></main></body><script>alert(1)</script>",
    "</pre></style></title></textarea><script>alert(1)</script>",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$$\style{background:url(//evil.example)}{x} \class{status}{x}$$",
    "```mermaid\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "<x onclick=alert(1)>x</x>",
    "<div class='notice bad' id=summary>✗ 0 / 15</div>",
    "<span class=status>passed</span>",
]


class Elements(HTMLParser):
    """All start tags of a page, with their attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, {name: value or "" for name, value in attributes}))

    handle_startendtag = handle_starttag


ACTIVE = {
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "textarea", "select", "link",
    "meta", "base", "svg", "video", "audio", "source", "track", "template", "noscript", "frame", "frameset",
    "applet", "portal", "dialog",
}  # fmt: skip


def dangers(fragment: str) -> list[str]:
    """What in a fragment could run, load or submit."""
    found = []
    for tag, attributes in Elements(fragment).found:
        if tag in ACTIVE:
            found.append(tag)
        for name, value in attributes.items():
            loads = name in {"src", "srcset", "data", "background", "poster", "action", "formaction", "xlink:href"}
            if name.startswith("on") or name in {"id", "name", "srcdoc", "http-equiv"}:
                found.append(f"{tag} {name}")
            elif loads and not value.startswith("data:image/"):
                found.append(f"{tag} {name}={value}")
            elif name == "href" and not value.startswith(("http://", "https://", "mailto:")):
                found.append(f"{tag} href={value}")
            elif name == "style" and value.replace(" ", "").rstrip(";") not in {"text-align:right", "text-align:left"}:
                found.append(f"{tag} style={value}")
    return found


def shown(outputs: list) -> str:
    return "".join(safe_html.outputs(outputs))


def result(mime: str, value: object) -> dict:
    return {"output_type": "display_data", "data": {mime: value, "text/plain": "plain"}, "metadata": {}}


@pytest.mark.parametrize("fragment", MALICIOUS)
def test_malicious_fragments_do_nothing(fragment):
    pages = [
        safe_html.sanitize(fragment),
        safe_html.markdown(fragment),
        safe_html.prose(fragment),
        safe_html.code(fragment),
        shown([result("text/html", fragment)]),
        shown([result("text/markdown", fragment)]),
        shown([result("text/latex", fragment)]),
        shown([result("image/svg+xml", f"<svg xmlns='http://www.w3.org/2000/svg'>{fragment}</svg>")]),
        shown([result("image/png", fragment)]),
        shown([result("application/javascript", fragment)]),
        shown([result("application/vnd.jupyter.widget-view+json", {"model_id": fragment})]),
        shown([{"output_type": "stream", "name": "stdout", "text": fragment}]),
        shown([{"output_type": "error", "ename": fragment, "evalue": fragment, "traceback": [fragment]}]),
    ]
    for page in pages:
        assert dangers(page) == []
        assert not {"notice", "status", "bad"} & {
            word for _, attributes in Elements(page).found for word in attributes.get("class", "").split()
        }


def test_the_checker_sees_dangers():
    for fragment in (
        "<script>1</script>",
        "<img src=x>",
        "<a href=javascript:1>x</a>",
        "<p onclick=1>",
        "<p style=a:b>",
    ):
        assert dangers(fragment)


PIECES = st.sampled_from([*MALICIOUS, "<", ">", '"', "'", "`", "$", "$$", "\\", "&", "\n", "](", "<!--", "]]>", "\x00"])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(PIECES | st.text(max_size=8), max_size=6).map("".join))
def test_no_mixture_does_anything(fragment):
    for page in (safe_html.markdown(fragment), shown([result("text/html", fragment)]), safe_html.prose(fragment)):
        assert dangers(page) == []
        page.encode("utf-8")  # can be written to a file


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["output_type", "data", "text", "traceback", "text/html", "image/png", "ename", "name"]
                ),
                inner | st.sampled_from(["stream", "error", "display_data", "execute_result"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_outputs_of_any_shape_are_shown_or_left_out(value):
    assert dangers(shown(value if isinstance(value, list) else [value])) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ü 小 tab\t end\n", "plain ü 小 tab\t end\n"),
        ("\x1b[2J\x07\x00", "␛[2J␇␀"),
        ("a\u202eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("\ud800", "\ufffd"),
        ("\x7f\x9b", "␡⟨U+009B⟩"),
    ],
)
def test_invisible_characters_are_shown(text, expected):
    assert safe_html.visible(text) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}, '<pre class="stdout">a\nb</pre>'),
        ({"output_type": "stream", "name": "stderr", "text": "w"}, '<pre class="stderr">w</pre>'),
        ({"output_type": "stream", "text": " 10%\r100%\r\ndone"}, '<pre class="stdout">100%\ndone</pre>'),
        (
            {"output_type": "stream", "text": "\x1b[31mred\x1b[0m"},
            '<pre class="stdout"><span class="ansi-red-fg">red</span></pre>',
        ),
        ({"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}, '<pre class="error">E: v</pre>'),
        (result("text/html", "<b>x</b>"), '<div class="rich"><b>x</b></div>'),
        (result("text/html", "<script>1</script>"), '<pre class="stdout">plain</pre>'),
        (result("application/json", {"a": 1}), '<pre class="stdout">plain</pre>'),
        (result("image/png", PIXEL), f'<img class="figure" src="data:image/png;base64,{PIXEL}" alt="plain">'),
    ],
)  # fmt: skip
def test_outputs(output, expected):
    assert safe_html.outputs([output]) == [expected]


def test_svg_becomes_an_image():
    (image,) = Elements(shown([result("image/svg+xml", ["<svg ", "onload='alert(1)'/>"])])).found
    assert image[0] == "img"
    assert base64.b64decode(image[1]["src"].partition(",")[2]) == b"<svg onload='alert(1)'/>"


def test_what_is_too_much_is_cut():
    page = shown([{"output_type": "stream", "text": "a" * 1_000_000}])
    assert len(page) < 2 * safe_html.MAX_TEXT
    assert "980,000 characters are not shown" in page
    assert "1 further outputs are not shown" in shown([result("text/plain", "x")] * (safe_html.MAX_OUTPUTS + 1))
    assert "cannot be shown" in shown([result("image/png", "A" * (safe_html.MAX_IMAGE + 4))])


@pytest.mark.parametrize(
    ("tex", "parts"),
    [
        (r"$\beta_1^t$", ["<msubsup>", "β"]),
        (r"$$\frac{1}{2}$$", ['<math display="block">', "<mfrac>"]),
        (r"$$\begin{aligned} a &= b \\ c &= d \end{aligned}$$", ["<mtable", "<mtr>"]),
        (r"\begin{equation} x \end{equation}", ["<mi>x</mi>"]),
        (r"$a < b$", ["<mo>&lt;</mo>"]),
    ],
)
def test_formulas_need_no_script(tex, parts):
    page = safe_html.markdown(tex)
    assert all(part in page for part in parts)
    ElementTree.fromstring(f"<div>{page}</div>")


def test_a_formula_that_cannot_be_converted_stays_legible():
    assert "<code>" in safe_html.markdown("$" + "x" * (safe_html.MAX_FORMULA + 1) + "$")


def test_attachments_are_shown_and_missing_ones_harm_nothing():
    attached = {"a.png": {"image/png": PIXEL}, "b": {"text/html": "<script>"}, "c": 3}
    page = safe_html.markdown("![one](attachment:a.png) ![two](attachment:b) ![three](attachment:none)", attached)
    assert [a.get("src", "")[:22] for tag, a in Elements(page).found if tag == "img"] == [
        "data:image/png;base64,",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [(2.0, "2"), (2.5, "2.5"), (1 / 3, "0.33"), (0.0, "0"), (1e6, "1,000,000")]
)
def test_points(value, expected):
    assert safe_html.points(value) == expected
