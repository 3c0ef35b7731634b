"""The shell against a real kernel: the same cell gives the same outputs."""

import json
import multiprocessing
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).parents[3]

CELLS = {
    "expression": "1 + 1",
    "print": "print('a'); print('b')",
    "both streams": "import sys\nprint('out')\nsys.stdout.flush()\nprint('err', file=sys.stderr)",
    "result hidden": "3;",
    "error": "1 / 0",
    "syntax error": "def f(:",
    "display": "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))",
    "update": "h = display('first', display_id='d')\nh.update('second')",
    "clear": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
    "await": "import asyncio\nawait asyncio.sleep(0)\n'done'",
    "magic": "%%capture text\nprint('x')",
    "captured": "text.stdout",
    "shell": "!echo hello",
    "assigned shell": "lines = !echo hello\nlines[0]",
    "name of a result": "_",
    "long": "list(range(3))",
    "unicode": "print('λ∂')",
    "repr fails": "class Bad:\n    def __repr__(self): raise ValueError('no')\nBad()",
}


NOT_ONLY_PYTHON = [
    "a = 1\n%time b = 2",
    "a = 1\n!ls",
    "lines = !ls\nlines",
    "if True:\n    %time b = 2",
    "x = 1\nlen?",
    "?len\nx = 1",
    "%%time\nx = 1",
    "In [1]: a = 1\n   ...: b = 2",
    ">>> a = 1\n>>> b = 2",
    "  x = 1\n  y = 2",
    "\n\nx = 1\ny = 2",
    "x = 1\n,print a b",
    "x = 1\n;print a b",
    "x = 1\n/print 'a'",
    "get_ipython()\nx = 5 % 3",
    "x = 1\r\ny = 2",
    "quit",
    "x = 1",
    "",
    "# nothing\n",
]


def _in_the_shell(sources, answers):
    from autograder.inside.shell import make_shell, run_cell

    shell = make_shell()
    answers.put(json.dumps([run_cell(shell, source) for source in sources]))


def _transformed(sources, answers):
    from IPython.core.interactiveshell import InteractiveShell

    from autograder.inside.shell import make_shell

    shell = make_shell()
    answers.put(json.dumps([[shell.transform_cell(s), InteractiveShell.transform_cell(shell, s)] for s in sources]))


def _run(sources, what=_in_the_shell):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=what, args=(sources, answers))
    process.start()
    result = json.loads(answers.get(timeout=60))
    process.join()
    return result


@pytest.fixture(scope="module")
def both():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    kernel = [cell.outputs for cell in notebook.cells]
    return dict(zip(CELLS, zip(kernel, _run(list(CELLS.values())), strict=True), strict=True))


def _comparable(outputs):
    """Without what differs between any two runs: counts, file names, colours, how a stream was cut."""
    found = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if found and found[-1][:2] == ["stream", output["name"]]:
                found[-1][2] += output["text"]
            else:
                found.append(["stream", output["name"], output["text"].replace("\r\n", "\n")])
        elif kind == "error":
            found.append(["error", output["ename"], output["evalue"].split(" (")[0]])
        else:
            found.append([kind, dict(output["data"])])
    return sorted(found, key=lambda item: (item[0] != "stream", item[1] if item[0] == "stream" else ""))


@pytest.mark.parametrize("name", CELLS)
def test_like_a_kernel(both, name):
    kernel, (outputs, _, ok) = both[name]
    assert _comparable(outputs) == _comparable(kernel)
    assert ok == all(output["output_type"] != "error" for output in kernel) or name == "repr fails"


def test_what_needs_a_person_or_a_network_is_refused_in_words():
    cells = ["input('?')", "%pip install nothing", "raise SystemExit('bye')", "print('x' * 3_000_000)\nprint('y')"]
    asked, installed, left, flood, child = _run([*cells, "import os\nos.system('echo child');"])
    assert asked[0][0]["ename"] == "StdinNotImplementedError"
    assert "not installed while the notebook is graded" in installed[0][0]["text"]
    assert not left[2]
    text = flood[0][0]["text"]
    assert len(text) < 1_100_000
    assert text.endswith("output was cut]\n")
    assert child[0][-1]["text"] == "child\n"


def test_a_figure_becomes_an_image():
    outputs = _run(["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"])[0][0]
    assert [sorted(output["data"]) for output in outputs] == [["image/png", "text/plain"]]


def test_cells_are_transformed_as_ipython_does():
    notebooks = [
        jupytext.read(path)
        for path in sorted(REPOSITORY.glob("solutions/*/*.py"))
        if (path.parent / "assignment.toml").exists()
    ]
    ours = [cell.source for notebook in notebooks for cell in notebook.cells if cell.cell_type == "code"]
    assert len(ours) > 20
    for quick, full in _run([*NOT_ONLY_PYTHON, *CELLS.values(), *ours], _transformed):
        assert quick == full
