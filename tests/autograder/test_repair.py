from collections.abc import Callable
from dataclasses import replace

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import Mismatch
from autograder.model import Assignment, Cell, Notebook
from autograder.repair import Repaired, bound_names, repair
from autograder.submission import Submitted, SubmittedCell

STUB = '    raise NotImplementedError("Replace this line with your code.")'
MOMENTUM_STUB = f'def momentum(w, g, v, rate, beta):\n    """One step of heavy-ball momentum."""\n{STUB}'
ADAM_STUB = f'class Adam:\n    """Adam with bias correction."""\n\n    def step(self, w, g):\n    {STUB}'
MOMENTUM = MOMENTUM_STUB.replace(STUB, "    v = beta * v + g\n    return w - rate * v, v")
ADAM = ADAM_STUB.replace(STUB, "    self.t += 1\n        return w - g")
MOMENTUM_TEST = "w, v = momentum(1.0, 2.0, 0.0, 0.1, 0.9)\nassert np.isclose(w, 0.8)\nassert np.isclose(v, 2.0)"
ADAM_TEST = "optimizer = Adam()\nassert optimizer.step(1.0, 0.5) == 0.5"
HIDDEN = "\n### BEGIN HIDDEN TESTS\nassert momentum(0.0, 0.0, 1.0, 1.0, 0.5)[0] == -0.5\n### END HIDDEN TESTS"


def locked(grade_id: str, source: str) -> Cell:
    return Cell("code", source, source, "locked", grade_id)


def given_test(grade_id: str, released: str, hidden: str = "", points: float = 2.0) -> Cell:
    return Cell("code", released + hidden, released, "test", grade_id, points)


def free(type: str, source: str, *tags: str) -> Cell:
    return Cell(type, source, source, "free", tags=tags)


MASTER = Notebook(
    "optimizers",
    (
        free("markdown", "# Optimizers\n\nYou build momentum and Adam."),
        locked("setup", "import numpy as np\nfrom chainrule import data"),
        free("markdown", "## Momentum\n\nA heavy ball rolls on."),
        Cell("code", MOMENTUM + "\n", MOMENTUM_STUB, "solution", "momentum"),
        given_test("momentum-visible", MOMENTUM_TEST),
        given_test("momentum-hidden", "# more tests run when this is graded", HIDDEN),
        free("code", "data.plot(momentum)\ndata.show()", "explore"),
        free("markdown", "## Adam"),
        Cell("code", ADAM, ADAM_STUB, "solution", "adam"),
        given_test("adam-visible", ADAM_TEST),
        given_test("adam-hidden", "", "assert Adam().step(0.0, 0.0) == 0.0"),
        Cell("markdown", "Because.", "*Your answer here.*", "written", "why", 1.0),
    ),
)
ASSIGNMENT = Assignment("06-optimizers", "Optimizers", (MASTER,), ())
GRADE_IDS = [cell.grade_id for cell in MASTER.cells if cell.grade_id]


def flags(cell: Cell) -> dict[str, object]:
    if cell.grade_id is None:
        return {}
    facts = {"grade_id": cell.grade_id, "schema_version": 3, "task": False}
    facts |= {"grade": cell.role in ("test", "written"), "solution": cell.role in ("solution", "written")}
    return facts | ({"points": cell.points} if facts["grade"] else {})


def release() -> list[SubmittedCell]:
    return [SubmittedCell(c.type, c.released, c.grade_id, flags(c), c.tags) for c in MASTER.cells]


def solved() -> list[SubmittedCell]:
    answers = {"momentum": MOMENTUM, "adam": ADAM, "why": "The averages start at zero."}
    return [replace(cell, source=answers.get(cell.grade_id, cell.source)) for cell in release()]


def code(source: str, grade_id: str | None = None, **more: object) -> SubmittedCell:
    return SubmittedCell("code", source, grade_id, {"grade_id": grade_id} if grade_id else {}, **more)


def at(cells: list[SubmittedCell], grade_id: str) -> int:
    return next(n for n, cell in enumerate(cells) if cell.grade_id == grade_id)


def without(cells: list[SubmittedCell], *grade_ids: str) -> list[SubmittedCell]:
    return [cell for cell in cells if cell.grade_id not in grade_ids]


def edited(cells: list[SubmittedCell], which: str, /, **changes: object) -> list[SubmittedCell]:
    return [replace(cell, **changes) if cell.grade_id == which else cell for cell in cells]


def inserted(cells: list[SubmittedCell], after: str, *new: SubmittedCell) -> list[SubmittedCell]:
    n = at(cells, after) + 1
    return [*cells[:n], *new, *cells[n:]]


def stripped(cells: list[SubmittedCell]) -> list[SubmittedCell]:
    return [replace(cell, grade_id=None, nbgrader={}, tags=()) for cell in cells]


def repaired(cells: list[SubmittedCell]) -> Repaired:
    return repair(ASSIGNMENT, "optimizers", Submitted(cells))


def outline(result: Repaired) -> list[str]:
    """The cells in order: grade_ids, and the text of cells without one."""
    return [cell.grade_id or cell.source for cell in result.cells]


def own(result: Repaired) -> list[str]:
    known = {cell.source for cell in MASTER.cells if cell.role == "free"}
    return [cell.source for cell in result.cells if cell.grade_id is None and cell.source not in known]


PLAIN = outline(repaired(release()))


# Nothing to repair


def test_a_solved_notebook_is_taken_as_it_is():
    result = repaired(solved())
    assert outline(result) == PLAIN
    assert (result.notes, result.missing) == ([], [])
    assert result.cell("momentum").source == MOMENTUM
    assert result.cell("adam").source == ADAM
    assert result.cell("why").source == "The averages start at zero."
    assert [result.cell(name).source for name in ("setup", "momentum-hidden", "adam-hidden")] == [
        MASTER.cell(name).source for name in ("setup", "momentum-hidden", "adam-hidden")
    ]
    assert result.cell("momentum-hidden").released == "# more tests run when this is graded"


def test_an_untouched_release_is_taken_as_it_is():
    result = repaired(release())
    assert [cell.source for cell in result.cells if cell.role == "solution"] == [MOMENTUM_STUB, ADAM_STUB]
    assert (result.notes, result.missing) == ([], [])


def test_the_metadata_are_those_that_nbgrader_accepts():
    result = repaired(edited(solved(), "adam-visible", nbgrader={"grade_id": "adam-visible", "points": 100}))
    cells = [
        getattr(nbformat.v4, f"new_{cell.type}_cell")(cell.source, metadata=cell.metadata) for cell in result.cells
    ]
    from nbgrader.nbgraderformat import MetadataValidator

    MetadataValidator().validate_nb(nbformat.v4.new_notebook(cells=cells))
    assert result.cell("adam-visible").metadata["nbgrader"]["points"] == 2.0


# One thing to repair: name, what the student did, outline changes, notes, missing. `own` are the extra cells kept.

Edit = Callable[[list[SubmittedCell]], list[SubmittedCell]]
OTHER_ADAM = "class Adam:\n    pass"
SCRATCH = "print(momentum(1, 2, 3, 4, 5))"

CASES: list[tuple[str, Edit, list[str], list[str], list[str]]] = [
    (
        "solution duplicated, the copy untouched",
        lambda s: inserted(s, "adam", code(ADAM_STUB, "adam")),
        [],
        ["adam: a copy with nothing new in it (cell 10) was dropped."],
        [],
    ),
    (
        "solution duplicated, the first untouched",
        lambda s: [*s[:8], code(ADAM_STUB, "adam"), *s[8:]],
        [],
        ["adam: a copy with nothing new in it (cell 9) was dropped."],
        [],
    ),
    (
        "solution duplicated twice: the last definition must win, as in a kernel",
        lambda s: inserted(s, "adam", code(OTHER_ADAM, "adam"), code(ADAM, "adam")),
        [OTHER_ADAM, ADAM],
        [
            "adam: a further cell has its id (cell 10); it is kept as an extra cell.",
            "adam: a further cell has its id (cell 11); it is kept as an extra cell.",
        ],
        [],
    ),
    (
        "solution duplicated as it is",
        lambda s: inserted(s, "adam", code(ADAM, "adam")),
        [],
        ["adam: a copy with nothing new in it (cell 10) was dropped."],
        [],
    ),
    (
        "test duplicated",
        lambda s: inserted(s, "why", code(ADAM_TEST, "adam-visible")),
        [],
        ["adam-visible: a copy with nothing new in it (cell 13) was dropped."],
        [],
    ),
    (
        "test deleted",
        lambda s: without(s, "adam-visible"),
        [],
        ["adam-visible: was deleted; it is put back."],
        [],
    ),
    (
        "locked cell deleted",
        lambda s: without(s, "setup"),
        [],
        ["setup: was deleted; it is put back."],
        [],
    ),
    (
        "solution deleted",
        lambda s: without(s, "adam"),
        [],
        ["adam: there is no answer to it."],
        ["adam"],
    ),
    (
        "written answer deleted",
        lambda s: without(s, "why"),
        [],
        ["why: there is no answer to it."],
        ["why"],
    ),
    (
        "cells moved",
        lambda s: [*s[8:], *s[:8]],
        [],
        ["The cells were in another order; they are back in that of the assignment."],
        [],
    ),
    (
        "solution split, both halves with the id",
        lambda s: inserted(edited(s, "adam", source="RATE = 0.1"), "adam", code(ADAM, "adam")),
        ["RATE = 0.1"],
        ["adam: a further cell has its id (cell 9); it is kept as an extra cell."],
        [],
    ),
    (
        "solution split, the second half without the id",
        lambda s: inserted(s, "adam", code("RATE = 0.1")),
        ["RATE = 0.1"],
        [],
        [],
    ),
    (
        "test split, both halves with the id",
        lambda s: inserted(
            edited(s, "adam-visible", source="optimizer = Adam()"),
            "adam-visible",
            code("assert optimizer.step(1.0, 0.5) == 0.5", "adam-visible"),
        ),
        [],
        [
            "adam-visible: was edited; the original is used.",
            "adam-visible: a copy with nothing new in it (cell 11) was dropped.",
        ],
        [],
    ),
    (
        "solution merged with its test",
        lambda s: without(edited(s, "adam", source=f"{ADAM}\n\n{ADAM_TEST}  \n"), "adam-visible"),
        [],
        [
            "adam-visible: its text was in another cell; it was taken out, the test runs in its own place.",
            "adam-visible: was deleted; it is put back.",
        ],
        [],
    ),
    (
        "test merged with the following solution",
        lambda s: without(edited(s, "momentum-visible", source=f"{MOMENTUM_TEST}\n\n{ADAM}"), "adam"),
        [ADAM],
        [
            "momentum-visible: was edited; the original is used, and what was added follows it.",
            "adam: has no cell of its own, but another cell defines Adam.",
        ],
        [],
    ),
    (
        "edited test merged with the following solution",
        lambda s: without(
            edited(s, "adam-visible", source=f"# mine\noptimizer = Adam()\nassert optimizer\n@deco\n{ADAM}"), "adam"
        ),
        [f"# mine\nassert optimizer\n@deco\n{ADAM}"],
        [
            "adam-visible: was edited; the original is used, and what was added follows it.",
            "adam: has no cell of its own, but another cell defines Adam.",
        ],
        [],
    ),
    (
        "two solutions merged",
        lambda s: without(edited(s, "momentum", source=f"{MOMENTUM}\n\n{ADAM}"), "adam"),
        [],
        ["adam: has no cell of its own, but another cell defines Adam."],
        [],
    ),
    (
        "setup edited",
        lambda s: edited(s, "setup", source="import numpy as np\nfrom chainrule import data\nimport math\n%pip list"),
        ["import math\n%pip list"],
        ["setup: was edited; the original is used, and what was added follows it."],
        [],
    ),
    (
        "part of a test removed",
        lambda s: edited(s, "adam-visible", source="optimizer = Adam()"),
        [],
        ["adam-visible: was edited; the original is used."],
        [],
    ),
    (
        "an id copied onto a cell of one's own, above the solution",
        lambda s: [*s[:7], code("helper = 3", "adam"), *s[7:]],
        ["helper = 3"],
        ["adam: a further cell has its id (cell 8); it is kept as an extra cell."],
        [],
    ),
    (
        "a test's id copied onto a cell of one's own",
        lambda s: inserted(s, "why", code("helper = 3", "adam-hidden")),
        ["helper = 3"],
        ["adam-hidden: a further cell has its id (cell 13); it is kept as an extra cell."],
        [],
    ),
    (
        "the id of one cell renamed",
        lambda s: edited(s, "adam", grade_id="mine"),
        [],
        ["adam: its cell has lost this id; it was recognised by its text or its place."],
        [],
    ),
    (
        "solution turned into markdown",
        lambda s: edited(s, "adam", type="markdown"),
        [],
        ["adam: its cell was turned into markdown; it is taken as code."],
        [],
    ),
    (
        "solution turned into prose",
        lambda s: edited(s, "adam", type="markdown", source="I do not know, sorry"),
        ["I do not know, sorry"],
        ["adam: its cell was turned into markdown and is not Python.", "adam: there is no answer to it."],
        ["adam"],
    ),
    (
        "test turned into raw text",
        lambda s: edited(s, "adam-visible", type="raw"),
        [],
        ["adam-visible: was edited; the original is used."],
        [],
    ),
    (
        "written answer turned into code",
        lambda s: edited(s, "why", type="code"),
        [],
        ["why: its cell was turned into code; it is taken as markdown."],
        [],
    ),
    (
        "points and flags changed",
        lambda s: edited(s, "adam-visible", nbgrader={"points": 100, "grade": True, "solution": True}),
        [],
        ["adam-visible: points, solution changed in its metadata; the original holds."],
        [],
    ),
    (
        "own cells: before all, between, after all",
        lambda s: [code("first"), *inserted(s, "momentum", code(SCRATCH), code("")), code("last")],
        ["first", SCRATCH, "", "last"],
        [],
        [],
    ),
    (
        "all ids gone",
        stripped,
        [],
        ["The cells have lost their nbgrader ids; 8 were recognised by their text."],
        [],
    ),
]


@pytest.mark.parametrize(("edit", "own_cells", "notes", "missing"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_repairs(edit: Edit, own_cells: list[str], notes: list[str], missing: list[str]):
    result = repaired(edit(solved()))
    assert own(result) == own_cells
    assert result.notes == notes
    assert result.missing == missing
    assert [cell for cell in outline(result) if cell in PLAIN] == PLAIN
    tests = {cell.grade_id: cell.source for cell in result.cells if cell.role in ("test", "locked")}
    assert tests == {cell.grade_id: cell.source for cell in MASTER.cells if cell.role in ("test", "locked")}
    sources = [cell.source for cell in result.cells if cell.type == "code" and cell.role in ("solution", "free")]
    assert missing or all(any(answer in source for source in sources) for answer in (MOMENTUM, ADAM))


def test_extra_cells_follow_the_cell_they_followed():
    result = repaired(inserted(solved(), "momentum", code("a = 1"), SubmittedCell("markdown", "My notes")))
    n = outline(result).index("momentum")
    assert outline(result)[n : n + 4] == ["momentum", "a = 1", "My notes", "momentum-visible"]


def test_what_is_added_to_a_test_is_kept_in_whole_statements():
    test = given_test("cached", "@cache\ndef one():\n    return 1\n\nassert one() == 1")
    assignment = Assignment("x", "X", (Notebook("x", (test,)),), ())
    changed = "@cache\ndef two():\n    return 1\n\nassert two() == 1"
    result = repair(assignment, "x", Submitted([code(changed, "cached")]))
    assert [cell.source for cell in result.cells] == [test.source, changed.replace("\n\n", "\n")]


def test_the_students_answer_is_found_without_ids_beside_an_untouched_copy():
    cells = stripped(inserted(solved(), "momentum", code(ADAM_STUB)))
    assert repaired(cells).cell("adam").source == ADAM


def test_an_edited_free_cell_keeps_the_students_text_and_stays_unrun():
    cells = [replace(c, source=c.source.replace("show", "save")) if c.tags else c for c in solved()]
    (figure,) = [cell for cell in repaired(cells).cells if "save" in cell.source]
    assert figure.tags == ("explore",)


def test_tags_that_would_skip_a_cell_have_no_effect():
    tagged = [replace(cell, tags=("skip-execution", "mine")) for cell in [*solved(), code("own()")]]
    result = repaired(tagged)
    assert [cell.tags for cell in result.cells[:-1]] == [cell.tags for cell in MASTER.cells]
    assert result.cells[-1].tags == ("mine",)
    assert result.cells[-1].metadata == {"tags": ["mine"]}


def test_an_attachment_of_an_answer_is_kept():
    picture = {"plot.png": {"image/png": "aGk="}}
    assert repaired(edited(solved(), "why", attachments=picture)).cell("why").attachments == picture


def test_names_are_found_in_text_that_does_not_parse():
    source = "%%time\n@cached\nasync def f(x):\n  y = (\nclass C: pass\na, b = 1, 2\nc: int = 3\nd == 4\nx.y = 5\n"
    assert bound_names(source) == {"f", "C", "a", "b", "c"}


@pytest.mark.parametrize(
    ("cells", "untouched"),
    [
        (release(), True),
        (edited(release(), "adam", source=ADAM_STUB + "\n\n"), True),
        (solved(), False),
        (inserted(release(), "adam", code(OTHER_ADAM)), False),
        (without(release(), "adam"), False),
    ],
)
def test_untouched(cells: list[SubmittedCell], untouched: bool):
    assert repaired(cells).untouched("adam") is untouched


OTHER = [code("import numpy as np\nfrom chainrule import data", "setup"), code("def rnn(x): ...", "rnn")]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([], "0 of its 7"),
        (OTHER, "rnn"),
        ([*OTHER, code(ADAM, "adam"), code("1", "a"), code("2", "b")], "1 of its 7"),
        ([SubmittedCell("markdown", "Shopping list"), code("print('hello')")], "Hand in optimizers.ipynb"),
    ],
)
def test_another_notebook_is_refused(cells: list[SubmittedCell], names: str):
    with pytest.raises(Mismatch, match="this is not optimizers") as caught:
        repaired(cells)
    assert names in caught.value.reason


def test_an_essay_without_ids_is_known_by_the_text_around_it():
    prose = (free("markdown", "# Essay"), free("markdown", "Why does momentum help? Say it in three sentences."))
    answer = Cell("markdown", "", "*Your answer here.*", "written", "essay", 5.0)
    assignment = Assignment("x", "Essay", (Notebook("essay", (*prose, answer)),), ())
    texts = [*(cell.source for cell in prose), "It averages the noise away, and keeps going."]
    result = repair(assignment, "essay", Submitted([SubmittedCell("markdown", text) for text in texts]))
    assert result.cell("essay").source == texts[-1]
    assert result.missing == []


def test_everything_in_one_cell_of_a_new_notebook_is_taken():
    result = repaired([code(f"{MOMENTUM}\n\n{ADAM}")])
    assert "def momentum" in result.cell("momentum").source
    assert result.missing == ["why"]


def test_a_hostile_notebook_costs_little():
    alike = [code(MOMENTUM_TEST.replace("0.8", str(n))) for n in range(9_000)]
    nested = code("-" * 100_000 + "1", "momentum-visible")
    result = repaired([*solved(), nested, *alike])
    assert len(result.cells) == len(MASTER.cells) + 9_001


# Any sequence of edits

LINES = [f"line_{n} = {n}" for n in range(100)]


@st.composite
def edits(draw: st.DrawFn) -> list[SubmittedCell]:
    cells = solved()
    numbers = iter(range(100))
    for _ in range(draw(st.integers(0, 8))):
        if not cells:
            break
        n = draw(st.integers(0, len(cells) - 1))
        match draw(st.sampled_from(["duplicate", "delete", "move", "split", "merge", "strip", "type", "write", "own"])):
            case "duplicate":
                cells.insert(draw(st.integers(0, len(cells))), cells[n])
            case "delete":
                del cells[n]
            case "move":
                cells.insert(draw(st.integers(0, len(cells) - 1)), cells.pop(n))
            case "split":
                lines = cells[n].source.split("\n")
                at_line = draw(st.integers(0, len(lines)))
                halves = [replace(cells[n], source="\n".join(part)) for part in (lines[:at_line], lines[at_line:])]
                if draw(st.booleans()):
                    halves[1] = replace(halves[1], grade_id=None, nbgrader={})
                cells[n : n + 1] = halves
            case "merge":
                both = [cell.source for cell in cells[n : n + 2]]
                cells[n : n + 2] = [replace(cells[n], source="\n\n".join(both))]
            case "strip":
                cells[n] = replace(cells[n], grade_id=None, nbgrader={})
            case "type":
                cells[n] = replace(cells[n], type=draw(st.sampled_from(["code", "markdown", "raw"])))
            case "write":
                line = LINES[next(numbers)]
                cells[n] = replace(cells[n], source=draw(st.sampled_from([f"{cells[n].source}\n{line}", line])))
            case "own":
                cells.insert(n, code(LINES[next(numbers)], draw(st.sampled_from([None, *GRADE_IDS]))))
    return cells


def lines_of(sources: list[str]) -> set[str]:
    return {line.strip() for source in sources for line in source.split("\n") if line.strip()}


@settings(max_examples=400, deadline=None)
@given(cells=edits())
def test_any_edits_leave_every_cell_once_in_order_and_lose_no_work(cells: list[SubmittedCell]):
    try:
        result = repaired(cells)
    except Mismatch:
        return
    assert [cell.grade_id for cell in result.cells if cell.grade_id] == GRADE_IDS
    for wanted in MASTER.cells:
        if wanted.role in ("test", "locked"):
            assert result.cell(wanted.grade_id).source == wanted.source
        if wanted.grade_id:
            assert result.cell(wanted.grade_id).type == wanted.type
    released = lines_of([cell.released for cell in MASTER.cells])
    kept = lines_of([cell.source for cell in result.cells])
    assert lines_of([cell.source for cell in cells]) - released <= kept
    assert set(result.missing) <= {"momentum", "adam", "why"}
