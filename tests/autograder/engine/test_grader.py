"""Grading one notebook through both walls: scores, deaths, misconceptions, dependencies."""

from dataclasses import replace

import pytest

from autograder.engine.grader import reference, with_source
from autograder.engine.probes import same
from autograder.engine.verdicts import verdict
from autograder.repair import Repaired, RepairedCell

UNBIASED = "def mean(x):\n    return float(np.sum(x) / max(len(x) - 1, 1))"
RIGHT = "def mean(x):\n    return sum(map(float, x)) / len(x)"
PASSED = {"mean-visible": "passed", "mean-hidden": "passed", "spread-hidden": "passed"}


def graded(grader, cells):
    return grader.grade("means", cells)


def judged(grader, assignment, cells, missing=()):
    repaired = Repaired(list(cells), [], list(missing))
    return verdict(assignment, "ann", {"means": repaired}, {"means": graded(grader, cells)})


def version(assignment, source, exercise="mean"):
    return with_source(assignment.notebooks[0], exercise, source)


def extra(source):
    return RepairedCell("code", source, source, "free")


def statuses(found):
    return {test.name: test.status for test in found.tests}


@pytest.mark.parametrize(
    "source",
    [
        RIGHT,
        RIGHT + "\nimport warnings\nwarnings.warn('careful')",
        RIGHT + "\nimport sys\nprint('on stderr', file=sys.stderr)",
        "!true\n" + RIGHT,
        "import asyncio\nawait asyncio.sleep(0)\n" + RIGHT,
        "%pip install numpy\ntry:\n    from google.colab import files\nexcept ImportError:\n    pass\n" + RIGHT,
        "mean = lambda x: float(np.asarray(x).mean())",
    ],
)
def test_right_ones(grader, assignment, source):
    found = judged(grader, assignment, version(assignment, source))
    assert statuses(found) == PASSED
    assert found.score == found.max_score == 6.0


def test_a_misconception_is_named_and_costs_once(grader, assignment):
    found = judged(grader, assignment, version(assignment, UNBIASED))
    visible, hidden, spread = found.tests
    assert statuses(found) == {"mean-visible": "failed", "mean-hidden": "failed", "spread-hidden": "passed"}
    assert (visible.misconception, hidden.misconception) == ("unbiased", "unbiased")
    assert hidden.message == "Divide by n."
    assert spread.with_reference_for == ["mean"]
    assert found.score == 3.0


def test_a_second_wrong_version_does_not_undo_the_reference(grader, assignment):
    cells = version(assignment, UNBIASED)
    at = next(i for i, cell in enumerate(cells) if cell.grade_id == "mean")
    cells.insert(at + 1, extra(UNBIASED))
    assert judged(grader, assignment, cells).score == 3.0


def test_an_exercise_that_is_not_written_says_so(grader, assignment):
    stub = assignment.notebooks[0].cell("mean").released
    found = judged(grader, assignment, version(assignment, stub))
    assert [t.message for t in found.tests[:2]] == ["This exercise is not written yet."] * 2


def test_a_cell_that_does_not_run_says_why(grader, assignment):
    found = judged(grader, assignment, version(assignment, "def mean(x)\n    return 1"))
    assert all("It stops with SyntaxError: expected ':'" in t.message for t in found.tests[:2])


def test_an_unknown_mistake_gets_the_words_of_the_test(grader, assignment):
    found = judged(grader, assignment, version(assignment, "def mean(x):\n    return 2.4375"))
    hidden = found.tests[1]
    assert (hidden.status, hidden.misconception, hidden.message) == ("failed", None, "another size")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def mean(x):\n    raise KeyError(str(x))", "Your code raised KeyError on an input of the hidden test."),
        ("def mean(x):\n    raise type(f'Input{x[0]}', (Exception,), {})('2.4375')", "Try other sizes."),
        ("def mean(x):\n    raise AssertionError('two numbers ' + str(x))", "Try other sizes."),
        ("def mean(x):\n    raise AssertionError('another size')", "Try other sizes."),
    ],
)
def test_an_exception_carries_nothing_out(grader, assignment, source, message):
    hidden = judged(grader, assignment, version(assignment, source)).tests[1]
    assert hidden.status == "failed"
    assert hidden.message.startswith(message)
    for value in ("0.5", "7.0", "2.4375", "Input"):
        assert value not in hidden.message


def test_a_hidden_input_does_not_reach_a_message_through_a_file(grader, assignment):
    spy = "def mean(x):\n    open('/tmp/seen', 'a').write(repr(x))\n    raise ValueError(open('/tmp/seen').read())"
    visible, hidden, _ = judged(grader, assignment, version(assignment, spy)).tests
    assert "6." in visible.message
    assert "1.25" not in visible.message + hidden.message


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("import os\nos._exit(0)", "crashed"),
        ("import ctypes\nctypes.string_at(0)", "crashed"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed"),
        ("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", "timeout"),
        ("import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass", "timeout"),
        ("while True: pass", "timeout"),
    ],
)
def test_a_cell_that_ends_its_process_costs_its_own_exercise(grader, assignment, source, status):
    found = judged(grader, assignment, version(assignment, source))
    assert statuses(found) == {"mean-visible": status, "mean-hidden": status, "spread-hidden": "passed"}
    assert found.tests[2].with_reference_for == ["mean"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("import os; os._exit(0)", "crashed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("while True: pass", "timeout"),
        ("raise SystemExit", "failed"),
        ("raise KeyboardInterrupt", "failed"),
        ("return bytearray(1 << 40)", "failed"),
    ],
)
def test_a_function_that_ends_its_process_during_a_test(grader, assignment, body, status):
    found = judged(grader, assignment, version(assignment, f"def spread(x):\n    {body}", "spread"))
    assert statuses(found) == PASSED | {"spread-hidden": status}
    assert found.score == 3.0


def test_a_missing_cell(grader, assignment):
    found = judged(grader, assignment, version(assignment, "", "spread"), missing=["spread"])
    assert statuses(found) == PASSED | {"spread-hidden": "missing"}


def test_more_deaths_than_anyone_needs(grader, assignment):
    cells = [extra("import os\nos._exit(0)") for _ in range(10)] + reference(assignment.notebooks[0])
    assert set(statuses(judged(grader, assignment, cells)).values()) == {"not_run"}


def test_state_survives_a_death_between_two_tests(grader, assignment):
    cells = reference(assignment.notebooks[0])
    at = next(i for i, cell in enumerate(cells) if cell.grade_id == "spread")
    cells[at:at] = [extra("factor = 1"), extra("import os\nos._exit(1)")]
    cells[at + 2] = replace(cells[at + 2], source=cells[at + 2].source + "    return factor * result\n")
    cells[at + 2] = replace(cells[at + 2], source=cells[at + 2].source.replace("return float", "result = float"))
    assert statuses(judged(grader, assignment, cells)) == PASSED


def test_explore_cells_are_not_run(grader, assignment):
    found = graded(grader, reference(assignment.notebooks[0]))
    assert "NameError" not in str(found.outputs)


def test_all_outputs_of_a_notebook_together_are_bounded(grader, assignment):
    cells = [extra("print('x' * 1_000_000)")] * 15 + reference(assignment.notebooks[0])
    found = graded(grader, cells)
    assert len(str(found.outputs)) < 13_000_000
    assert all(test.full for test in found.tests.values())


def test_only_the_tests_that_are_asked_for(grader, assignment):
    found = grader.grade("means", reference(assignment.notebooks[0]), only={"mean-hidden"})
    assert list(found.tests) == ["mean-hidden"]


def test_probe_answers(grader, assignment):
    exercise = assignment.exercises[0]
    answers = {w.slug: grader.answer(exercise, version(assignment, w.source)) for w in exercise.misconceptions}
    answers["reference"] = grader.answer(exercise, reference(assignment.notebooks[0]))
    assert answers.keys() == exercise.answers.keys()
    assert all(same(answers[key], exercise.answers[key]) for key in answers)


def test_liars_are_noticed_and_stopped(grader, assignment):
    found = grader.sabotage("means")
    for liar in found["mean-hidden"]:
        answers = [found[test][liar] for test in ("mean-visible", "mean-hidden")]
        assert not any(a["lied"] for a in answers) or any(a["status"] != "passed" for a in answers), liar
    assert sum(answer["lied"] for answer in found["mean-hidden"].values()) >= 6
