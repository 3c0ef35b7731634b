"""Judges test cells: `prepare` once, then `judge` for each submission; `ask` runs a probe.

A test passes only on positive proof: its last line was reached, the conversation is sound, and the submission
answered something.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import math
import numbers
import signal
import socket
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.wire import guards, limits, names
from autograder.wire.ambient import Watch, draws_from_a_global_stream, patches_modules, restored
from autograder.wire.channel import Channel
from autograder.wire.exchange import SETUP_FILE, TEST_FILE, Exchange, Record, positions
from autograder.wire.limits import Fatal
from autograder.wire.names import Resolved
from autograder.wire.player import Printed

_TICK = 0.2  # seconds between alarms once time is up: a bare `except` in a loop swallows one, not all


@dataclass(frozen=True)
class PreparedTest:
    """A test cell, compiled."""

    key: str
    body: types.CodeType
    last: types.CodeType | None  # the expression on the last line, whose number is the score
    late: tuple[types.CodeType, ...]
    owned: frozenset[str]  # names of the submission that it uses
    reads: frozenset[str]  # names that it or its late definitions read and do not bind
    binds: frozenset[str]
    literals: dict[tuple[str, int, int], str]  # (file, first line, last line) of an assertion -> its literal message
    random: bool
    patches: bool


def prepare(resolved: Resolved) -> PreparedTest:
    """Compile a test cell. Raises SyntaxError."""
    file = f"{TEST_FILE} {resolved.key}>"
    source = names.to_python(resolved.source)
    tree = ast.parse(source, file)
    late_file = f"{SETUP_FILE} of {resolved.key}>"
    late_source = "\n\n".join(resolved.late)
    late = ast.parse(late_source, late_file)
    for name, text in ((file, source), (late_file, late_source)):
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    everything = [*late.body, *tree.body]
    literals = {**_literal_messages(tree, file), **_literal_messages(late, late_file)}
    all_source = "\n".join([source, late_source, *resolved.trusted])
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    body = compile(tree, file, "exec")
    value = compile(ast.Expression(last.value), file, "eval") if isinstance(last, ast.Expr) else None
    definitions = (compile(late, late_file, "exec"),) if late.body else ()
    for code in filter(None, (body, value, *definitions)):
        _look_up_positions(code)  # here, and not once more in each fork
    return PreparedTest(
        key=resolved.key,
        body=body,
        last=value,
        late=definitions,
        owned=frozenset(names.used(everything) & resolved.owned),
        reads=frozenset(names.unbound(everything)),
        binds=frozenset(names.bound(everything)),
        literals=literals,
        random=draws_from_a_global_stream(all_source),
        patches=patches_modules(all_source),
    )


def _look_up_positions(code: types.CodeType) -> None:
    positions(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _look_up_positions(constant)


def judge(
    sock: socket.socket,
    prepared: PreparedTest,
    namespace: dict[str, Any],
    *,
    record: dict | None = None,
    learn: bool = False,
    freeze: bool = False,
    seconds: float = 10.0,
    points: float = 1.0,
) -> dict[str, Any]:
    """Run a test against the player at the other end of `sock`. Never raises; the verdict is JSON-able.

    namespace: what the trusted sources made. Plain values that the test binds are put into it, for tests that share
        one; nothing else of it changes, except by what the test itself does to its objects.
    record: of the reference solution, from a verdict under `learn`. Without one, only plain data is taken.
        `wrote` tells whether the submission changed an object of the test that the reference leaves alone.
    freeze: it cannot change those (`suppressed` tells if it tried).
    """
    begin = time.monotonic()
    printed = Printed()
    verdict: dict[str, Any] = {
        "status": "crashed", "score": 0.0, "kind": "", "message": "", "says": "", "asked": 0, "wrote": False,
        "suppressed": False, "record": None, "output": "", "detail": "", "seconds": 0.0,
    }  # fmt: skip
    try:
        exchange = _exchange(sock, prepared, seconds, Record(record), learn, freeze)
        with restored(prepared.random), _alarm(seconds, exchange):
            sys.stdout = sys.stderr = printed
            run = dict(namespace)
            try:
                verdict |= _outcome(exchange, prepared, run, points)
            finally:
                verdict |= {"asked": exchange.asked, "wrote": exchange.wrote, "suppressed": exchange.suppressed}
                namespace |= {n: run[n] for n in prepared.binds & run.keys() if _is_plain(run[n])}
            if learn:
                verdict["record"] = exchange.record.as_json()
    except BaseException as problem:
        verdict |= _ended(problem)
    verdict |= {"output": printed.take(), "seconds": round(time.monotonic() - begin, 4)}
    return verdict


def ask(
    sock: socket.socket, prepared: PreparedTest, namespace: dict[str, Any], *, seconds: float = 10.0
) -> dict[str, Any]:
    """Run a cell that defines `probe()`, and call that. Never raises.

    Returns {"status": "answered", "answer": plain data}; an exception answers with {"raised": its class's name}.
    Otherwise "crashed" or "timeout", and an answer of None.
    """
    try:
        exchange = _exchange(sock, prepared, seconds, Record(), learn=True, freeze=False)
        with restored(prepared.random), _alarm(seconds, exchange):
            sys.stdout = sys.stderr = Printed()
            run = dict(namespace)
            try:
                with guards.installed(exchange) as replaced:
                    _execute(exchange, prepared, run, replaced)
                    answer = canonical(run["probe"]())
            except Exception as error:
                answer = {"raised": type(error).__name__}
            if exchange.fatal is not None:
                raise exchange.fatal
            return {"status": "answered", "answer": answer}
    except BaseException as problem:
        return {"status": _ended(problem)["status"], "answer": None}


def canonical(value: Any) -> Any:
    """Plain data as JSON, such that answers that are equal but for rounding are equal: nine significant digits."""
    kind = type(value)
    if kind in (bool, int, str) or value is None:
        return value
    if isinstance(value, np.generic):
        return canonical(value.item())
    if kind is float:
        return (float(f"{value:.9g}") if abs(value) > 1e-12 else 0.0) if math.isfinite(value) else str(value)
    if kind is complex:
        return {"complex": [canonical(value.real), canonical(value.imag)]}
    if kind is np.ndarray:
        return {"shape": list(value.shape), "kind": value.dtype.kind, "values": [canonical(v) for v in value.ravel()]}
    if kind in (list, tuple):
        return [canonical(v) for v in value]
    if kind in (set, frozenset):
        return {"set": sorted((canonical(v) for v in value), key=repr)}
    if kind is dict:
        return {"items": [[canonical(k), canonical(v)] for k, v in value.items()]}
    return {"object": kind.__name__}


# -- running


def _exchange(
    sock: socket.socket, prepared: PreparedTest, seconds: float, record: Record, learn: bool, freeze: bool
) -> Exchange:
    """The channel keeps time only where no alarm does: that costs two system calls for each message."""
    sock.settimeout(None)
    deadline = None if _can_ring() else time.monotonic() + seconds
    watch = Watch(prepared.random, prepared.patches)
    return Exchange(Channel(sock, deadline), watch, record, learn=learn, freeze=freeze)


def _outcome(exchange: Exchange, prepared: PreparedTest, namespace: dict[str, Any], points: float) -> dict[str, Any]:
    """Run the test; what of the verdict follows from how it ended. Raises Fatal."""
    try:
        with guards.installed(exchange) as replaced:
            value = _execute(exchange, prepared, namespace, replaced)
    except Fatal:
        raise
    except BaseException as error:
        if exchange.fatal is not None:
            raise exchange.fatal from None
        return _failure(error, prepared, exchange)
    if exchange.fatal is not None:
        raise exchange.fatal
    if exchange.asked == 0:
        return _failed("the test asked nothing of the submission: everyone would pass it")
    return _scored(exchange, value, points)


def _execute(exchange: Exchange, prepared: PreparedTest, namespace: dict[str, Any], replaced: dict) -> Any:
    """Execute the cell in `namespace`; the value of its last line."""
    unknown = prepared.reads - namespace.keys() - vars(builtins).keys()
    for name in namespace.keys() & (prepared.owned | prepared.reads):
        namespace[name] = replaced.get(id(namespace[name]), namespace[name])
    for name in prepared.owned:
        namespace.pop(name, None)
    namespace["__name__"] = "__main__"
    namespace["__builtins__"] = {**vars(builtins), "__import__": exchange.import_}
    exchange.namespace = namespace
    exchange.bind(prepared.owned | unknown, prepared.owned)
    for code in (*prepared.late, prepared.body):
        exec(code, namespace)
    return eval(prepared.last, namespace) if prepared.last is not None else None


@contextmanager
def _alarm(seconds: float, exchange: Exchange) -> Iterator[None]:
    """End the conversation when time is up, and raise Fatal in this thread, again and again: a wait for the player and
    the test's own loops are bounded alike.

    Only a test that swallows everything for ever goes on; whoever started this process ends it.
    """
    if not _can_ring():
        yield
        return

    def ring(number: int, frame: object) -> None:
        exchange.fatal = exchange.fatal or Fatal("timeout", "time is up")
        raise exchange.fatal

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, _TICK)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _can_ring() -> bool:
    """Python runs the handlers of signals in the main thread only."""
    return threading.current_thread() is threading.main_thread()


# -- the verdict


def _scored(exchange: Exchange, value: Any, points: float) -> dict[str, Any]:
    """The number on the last line is the score, if the reference's is one; otherwise all points."""
    is_number = isinstance(value, numbers.Number) if type(value).__module__ in ("builtins", "numpy") else False
    if exchange.learn:
        exchange.record.number = is_number
    if not is_number:
        if exchange.record.number:
            return _failed(f"the last line gives a score, but here gave a {type(value).__name__}")
        return {"status": "passed", "score": points}
    if exchange.record.number is False:
        return {"status": "passed", "score": points}
    if type(value) not in (int, float) and not isinstance(value, (np.floating, np.integer)):
        return _failed(f"the last line gave {value!r}, which is no score")
    if not 0 <= value <= points:
        return _failed(f"the last line gave {value!r}, which is not between 0 and the cell's {points:g} points")
    return {"status": "passed", "score": float(value)}


def _failed(message: str) -> dict[str, Any]:
    return {"status": "failed", "score": 0.0, "message": message}


def _failure(error: BaseException, prepared: PreparedTest, exchange: Exchange) -> dict[str, Any]:
    kind = type(error).__name__
    text = _text_of(error)
    return _failed(f"{kind}: {text[:500]}".rstrip(": ")) | {
        "kind": kind,
        "says": _says(error, prepared),
        "detail": _detail(error, kind, text, exchange.remote_traceback),
    }


def _ended(problem: BaseException) -> dict[str, Any]:
    if isinstance(problem, Fatal):
        return {"status": problem.status, "score": 0.0, "message": problem.why, "kind": ""}
    text = f"the referee failed: {type(problem).__name__}: {_text_of(problem)[:500]}"
    return {"status": "crashed", "score": 0.0, "message": text, "kind": type(problem).__name__}


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "?"


def _says(error: BaseException, prepared: PreparedTest) -> str:
    """The message of a failed assertion, if the test's own source has it as a literal. Nothing else may reach a
    student from here: any other text could carry hidden values, or be the submission's own."""
    frame = error.__traceback__
    if type(error) is not AssertionError or frame is None:
        return ""
    while frame.tb_next is not None:
        frame = frame.tb_next
    file = frame.tb_frame.f_code.co_filename
    for (name, first, last), literal in prepared.literals.items():
        if name == file and first <= frame.tb_lineno <= last:
            return literal
    return ""


def _detail(error: BaseException, kind: str, text: str, remote: str) -> str:
    """For the staff: where in the test it failed, and what the submission raised there."""
    ours = [
        summary
        for summary in traceback.extract_tb(error.__traceback__)
        if summary.filename.startswith((TEST_FILE, SETUP_FILE))
    ]
    out = "".join(traceback.format_list(ours[-6:])) + f"{kind}: {text[:2000]}\n"
    return out + (f"-- in the submission --\n{remote[-2000:]}" if remote else "")


def _literal_messages(tree: ast.AST, file: str) -> dict[tuple[str, int, int], str]:
    out = {}
    for node in ast.walk(tree):
        message = _message_of(node)
        if isinstance(message, ast.Constant) and type(message.value) is str:
            out[file, node.lineno, node.end_lineno] = message.value  # type: ignore[attr-defined]
    return out


def _message_of(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Assert):
        return node.msg
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and len(node.exc.args) == 1:
        call = node.exc
        return call.args[0] if isinstance(call.func, ast.Name) and call.func.id == "AssertionError" else None
    return None


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Data without anything of the submission in it, safe to leave to the next test."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return depth < limits.DEPTH and all(_is_plain(v, depth + 1) for v in value)
    if kind is dict:
        return depth < limits.DEPTH and all(_is_plain(v, depth + 1) for pair in value.items() for v in pair)
    return value is None or kind in (bool, int, float, complex, str, bytes, np.ndarray) or isinstance(value, np.generic)


def build_namespace(trusted: Iterable[str], report: Callable[[str], None] = lambda problem: None) -> dict[str, Any]:
    """What the trusted sources of a test make. One that fails is reported and left out: it fails for students, too."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for source in trusted:
        try:
            exec(compile(source, f"{SETUP_FILE}>", "exec"), namespace)
        except Exception as error:
            report(f"{type(error).__name__}: {error}")
    namespace.pop("__builtins__", None)
    return namespace
