"""The leak gate: what is planted in a release is found, wherever and however it is packed; a clean release is clean."""

from __future__ import annotations

import base64
import bz2
import compileall
import gzip
import hashlib
import io
import json
import lzma
import marshal
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder import build, leaks
from autograder.build import Built

SMALL = Path(__file__).parent / "small_course" / "solutions" / "01-small"

HIDDEN = "np.allclose(mean(hidden_x), hidden_x.sum(axis=0) / hidden_shape[0])"
SOLUTION = "    total = np.zeros(x.shape[1:])\n    total = total + row_of_x\n    return total / x.shape[0]"
MESSAGE = "This divides by n - 1, which is for variances."
PROBE = "return [mean(rng.normal(size=shape)) for shape in [(4, 3), (2, 2)]]"
WRONG = "return x.sum(axis=0) / max(x.shape[0] - 1, 1)"
RIGHT = "for rows in ([[1.0, 2.0, 5.0]], [[0.0, 3.0, 1.0], [4.0, 1.0, 2.0], [5.0, 5.0, 6.0]]):"
SECRETS = {
    "hidden test": HIDDEN,
    "solution": SOLUTION,
    "message": MESSAGE,
    "probe": PROBE,
    "misconception": WRONG,
    "alternative": RIGHT,
}


@pytest.fixture(scope="module")
def built() -> Built:
    return build.build(SMALL)


def planted(built: Built, change: Callable[[dict[str, Any]], None]) -> list[leaks.Leak]:
    """The leaks in the released notebook after `change` was made to its JSON."""
    notebook = json.loads(built.released_files()["small.ipynb"])
    change(notebook)
    return leaks.find(built.assignment, {"small.ipynb": json.dumps(notebook).encode()})


def test_a_release_is_clean(built: Built) -> None:
    assert leaks.find(built.assignment, built.released_files()) == []


def test_the_instructors_notebook_is_not(built: Built) -> None:
    found = leaks.find(built.assignment, {"small.ipynb": build.text_of(built.source).encode()})
    what = "\n".join(leak["what"] for leak in found)
    for expected in (
        "hidden test mean-hidden",
        "solution of mean",
        "solution of check_mean",
        "misconception mean: minus-one",
    ):
        assert expected in what


PLACES: dict[str, Callable[[list[Any], str], Any]] = {
    "prose": lambda cells, text: cells[2]["source"].append("\n" + text),
    "prose with other blanks": lambda cells, text: cells[2]["source"].append("\n" + text.replace(" ", "   ")),
    "code": lambda cells, text: cells[1].update(source=text.splitlines(keepends=True)),
    "metadata": lambda cells, text: cells[3]["metadata"].update(note=text),
    "a key of metadata": lambda cells, text: cells[3]["metadata"].update({text: 1}),
    "deep metadata": lambda cells, text: cells[3]["metadata"].update(deep=[{"a": ["x", {"b": text}]}]),
    "an output": lambda cells, text: cells[1]["outputs"].append({"text": text.splitlines(keepends=True)}),
    "an attachment": lambda cells, text: cells[0].update(attachments={"a": {"text/plain": text}}),
    "an image": lambda cells, text: cells[0].update(attachments={"a": {"image/png": encoded(text)}}),
}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("place", PLACES)
def test_every_secret_is_found_everywhere(built: Built, kind: str, place: str) -> None:
    found = planted(built, lambda nb: PLACES[place](nb["cells"], SECRETS[kind]))
    assert any(leak["what"].startswith(kind) for leak in found)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", data)
    return buffer.getvalue()


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "zlib": zlib.compress, "gzip": gzip.compress, "deflate": raw_deflate, "bz2": bz2.compress,
    "lzma": lzma.compress, "zip": zipped, "twice": lambda data: gzip.compress(base64.b64encode(zlib.compress(data))),
}  # fmt: skip
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "hex": lambda data: data.hex().encode(),
    "base64": base64.b64encode,
    "wrapped base64": base64.encodebytes,
    "urlsafe base64": base64.urlsafe_b64encode,
    "base85": base64.b85encode,
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_packed_secrets_are_found(
    built: Built, pack: Callable[[bytes], bytes], encode: Callable[[bytes], bytes]
) -> None:
    text = f'blob = "{encode(pack(HIDDEN.encode())).decode()}"'
    found = planted(built, lambda nb: nb["cells"][6].update(source=[text]))
    assert "hidden test mean-hidden in data packed in cell 7" in found[0]["what"]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_side_files_are_unpacked_too(built: Built, pack: Callable[[bytes], bytes]) -> None:
    [leak, *_] = leaks.find(built.assignment, {"data.bin": pack(HIDDEN.encode())})
    assert "hidden test mean-hidden" in leak["what"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_side_files_are_read(built: Built, encoding: str) -> None:
    [leak] = leaks.find(built.assignment, {"notes.txt": f"see {PROBE}".encode(encoding)})
    assert leak == {"file": "notes.txt", "what": f"probe of mean in the file: {''.join(PROBE.split())}"}


def test_compiled_code_is_refused(built: Built, tmp_path: Path) -> None:
    (tmp_path / "solved.py").write_text("def mean(x):\n    return 1\n", encoding="utf-8")
    compileall.compile_file(tmp_path / "solved.py", quiet=2, legacy=True)
    compiled = (tmp_path / "solved.pyc").read_bytes()
    code = base64.b64encode(marshal.dumps(compile("x = 1", "solved", "exec"))).decode()
    assert "compiled code" in leaks.find(built.assignment, {"solved.pyc": compiled})[0]["what"]
    assert "compiled code" in leaks.find(built.assignment, {"data.bin": compiled})[0]["what"]
    found = planted(built, lambda nb: nb["cells"][6].update(source=[f'exec(load("{code}"))']))
    assert "compiled code" in found[0]["what"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("grade_id", ["mean", "mean-hidden"])
def test_digests_of_secret_text_are_refused(built: Built, algorithm: str, grade_id: str) -> None:
    source = built.assignment.notebooks[0].cell(grade_id).source
    digest = hashlib.new(algorithm, source.encode()).hexdigest()
    [leak] = planted(built, lambda nb: nb["cells"][3]["metadata"].update(hash=digest))
    assert leak["what"].startswith("digest of ")


def test_a_checksum_must_be_of_the_released_text(built: Built) -> None:
    """The one that nbgrader keeps of the whole hidden test would tell whether a guess at it is right."""
    from nbgrader.utils import compute_checksum

    number, full = next((i, c) for i, c in enumerate(built.source.cells) if c.id == "mean-hidden")
    found = planted(
        built, lambda nb: nb["cells"][number]["metadata"]["nbgrader"].update(checksum=compute_checksum(full))
    )
    assert found == [
        {"file": "small.ipynb", "what": "the checksum of cell mean-hidden is of another text than the released one"}
    ]


def test_a_notebook_that_was_run_is_refused(built: Built) -> None:
    [leak] = planted(built, lambda nb: nb["cells"][1].update(execution_count=1))
    assert "cell setup has been run" in leak["what"]


# ---- what is allowed


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np",
        "rng = np.random.default_rng(20)",
        "def mean(x):",
        "x = np.array([[1.0, 2.0], [3.0, 6.0]])",
        "return total",
        "for row in x:",
    ],
    ids=["import", "seed", "stub", "visible test", "short", "loop"],
)
def test_what_tells_nothing_may_stand_anywhere(built: Built, text: str) -> None:
    assert planted(built, lambda nb: nb["cells"][3]["metadata"].update(note=text)) == []


def test_prose_may_show_one_line_of_a_solution_but_not_most(tmp_path: Path) -> None:
    text = (SMALL / "small.py").read_text(encoding="utf-8")
    folder = tmp_path / "01-small"
    folder.mkdir()
    for path in SMALL.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    one = "probe_input = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 8.0]])"
    for shown, leaky in ((one, False), (f"{one}\n#     found = candidate(probe_input)", True)):
        (folder / "small.py").write_text(
            text.replace("# ## 2. A test", f"#     {shown}\n#\n# ## 2. A test"), encoding="utf-8"
        )
        built = build.build(folder)
        assert bool(leaks.find(built.assignment, built.released_files())) is leaky


def test_another_released_notebook_may_share_a_line(built: Built) -> None:
    other = replace(built.assignment, name="02-other", exercises=())
    line = "found = candidate(probe_input)"
    notebook = other.notebooks[0]
    cells = (replace(notebook.cells[0], released=line), *notebook.cells[1:])
    other = replace(other, notebooks=(replace(notebook, cells=cells),))
    released = json.loads(built.released_files()["small.ipynb"])
    released["cells"][0]["source"] = [line]
    files = {"02-other/small.ipynb": json.dumps(released).encode()}
    assert leaks.find(built.assignment, files, beside=[other]) == []
    assert leaks.find(built.assignment, files) != []


@pytest.mark.parametrize(
    ("path", "leaky"),
    [
        ("lib/chainrule/means.py", True),
        ("lib/chainrule/means/__init__.py", True),
        ("lib/chainrule/means/deep.py", True),
        ("lib/chainrule/meansquare.py", False),
        ("lib/chainrule/__init__.py", False),
    ],
)
def test_sealed_modules_may_not_be_there(built: Built, path: str, leaky: bool) -> None:
    found = leaks.find(built.assignment, {path: b""})
    assert [leak["what"] for leak in found] == ["module chainrule.means is sealed by 01-small"] * leaky


def test_a_library_module_may_not_hold_the_solution(built: Built) -> None:
    source = built.assignment.notebooks[0].cell("mean").source
    assert leaks.find(built.assignment, {"lib/chainrule/other.py": source.encode()}) != []
