"""Which names of a test cell live where, read from the instructor's notebook. Pure syntax: no code is run.

1. Names bound at top level in solution cells belong to the player: a test reads them from there, and what it assigns
   to them or deletes is written through.
2. Then the test cell's own names.
3. Imports, setup cells and the definitions of earlier test cells are executed in the referee. What of them uses names
   of the first kind is not: a statement runs in the player only, where the whole notebook runs anyway, and its names
   belong there too; a function or class is made anew in the namespace of each test that needs it (it is *late*).
4. Builtins. A name that is none of all this is asked from the player, with a warning.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from autograder.wire.library import PLAYER_MODULES
from autograder.wire.limits import words

_TRANSPARENT_MAGICS = re.compile(r"\s*%%(time|timeit|capture|prun)\b[^\n]*\n")
_GIVEN = frozenset(dir(builtins)) | {"__name__", "__builtins__", "__file__", "__doc__", "display"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Resolved:
    """A test cell and what it needs."""

    key: str  # its grade_id
    source: str
    owned: frozenset[str]  # names that live in the player
    trusted: tuple[str, ...]  # sources that the referee executes once, before any submission
    late: tuple[str, ...]  # definitions that use the student's names, executed in the test's own namespace
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """A construct that the wire cannot carry, and what to write instead."""

    grade_id: str | None
    line: int
    what: str
    instead: str


def resolve(cells: Sequence[dict], shared: bool = False) -> dict[str, Resolved]:
    """Each test cell by its grade_id. `cells`: the instructor's code cells in order, those that are run when grading:

        {"role": "solution" | "test" | "locked" | "free", "grade_id": str | None, "source": str}

    A test may have "probes": {key: source} beside it, which are resolved as if they stood in its place.
    `shared`: test cells may use variables of earlier ones. Raises SyntaxError for a cell that is no Python.
    """
    owned = _owned(cells)
    resolved: dict[str, Resolved] = {}
    trusted: list[str] = []
    late: dict[str, ast.stmt] = {}
    earlier: set[str] = set()  # variables of earlier test cells
    for cell in cells:
        tree = parse(cell["source"])
        if cell["role"] == "solution":
            trusted += [ast.unparse(s) for s in tree.body if isinstance(s, _IMPORTS) and not bound([s]) & owned]
        elif cell["role"] == "test":
            known = owned | _names_made_by(trusted) | late.keys() | (earlier if shared else set())
            test = _test(cell, tree, owned, tuple(trusted), late, known)
            resolved[test.key] = test
            for key, source in cell.get("probes", {}).items():
                probe = {"grade_id": key, "source": source}
                resolved[key] = _test(probe, parse(source), owned, tuple(trusted), late, known)
            earlier |= bound(tree.body)
            _sort_out([s for s in tree.body if isinstance(s, (*_DEFINITIONS, *_IMPORTS))], owned, trusted, late)
        else:
            _sort_out(tree.body, owned, trusted, late)
    return resolved


def lint(cells: Sequence[dict], shared: bool = False) -> list[Refusal]:
    """Constructs to refuse at release. `cells` and `shared`: as for `resolve`."""
    broken = [refusal for cell in cells for refusal in _no_python(cell)]
    if broken:
        return broken
    refusals: list[Refusal] = []
    tests = resolve(cells, shared)
    paths: dict[str, str] = {}  # name -> what it was imported from, with dots
    known = owned = _owned(cells)
    given: set[str] = set()  # setup data of which the referee has its own
    earlier: dict[str, str] = {}  # variable -> the test cell that has it
    for cell in cells:
        tree = parse(cell["source"])
        paths |= _import_paths(tree)
        refusals += _reinterpreted(cell, tree)
        if cell["role"] == "solution":
            refusals += [*_asynchronous(cell, tree), *_changed_in_place(cell, tree, given)]
        elif cell["role"] != "test":
            given |= bound([s for s in tree.body if not isinstance(s, _IMPORTS)]) - owned
        if cell["role"] != "test":
            known |= bound(tree.body)
            continue
        refusals += _not_carried(cell, tree, paths)
        refusals += list(_cell_magic(cell, tree)) or _asks_nothing(cell, tree, tests[str(cell["grade_id"])])
        refusals += [] if shared else _uses_of_earlier(cell, tree, earlier, known)
        variables = bound([s for s in tree.body if not isinstance(s, (*_DEFINITIONS, *_IMPORTS))]) - known
        earlier |= dict.fromkeys(variables, str(cell["grade_id"]))
    return refusals


@lru_cache(maxsize=1024)
def parse(source: str) -> ast.Module:
    """The syntax tree of a cell: IPython's magics become calls, and `%%time` and the like are taken off the top.

    It is made once and what is found in it is kept, so it must not be changed.
    """
    return ast.parse(to_python(source))


@lru_cache(maxsize=1024)
def to_python(source: str) -> str:
    source = _TRANSPARENT_MAGICS.sub("", source, count=1)
    try:
        ast.parse(source)
        return source
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager  # half a second, and few tests have magics

        blank = len(source) - len(source.lstrip("\n"))  # IPython drops blank lines at the top
        return "\n" * blank + TransformerManager().transform_cell(source)


def used(statements: Iterable[ast.AST]) -> set[str]:
    """Names that occur anywhere in the statements, also those that look up a name by a string (`globals()["f"]`)."""
    return set().union(*(_names_in(s).used for s in statements))


def read(statements: Iterable[ast.AST]) -> set[str]:
    """Names that are read, whether or not they are bound before."""
    return set().union(*(_names_in(s).read for s in statements))


def bound(statements: Iterable[ast.AST]) -> set[str]:
    """Names that the statements bind, or delete, at the top level of a cell."""
    return set().union(*(_names_in(s).bound for s in statements))


def unbound(statements: Sequence[ast.AST]) -> set[str]:
    """Names that are read and that nothing in the statements binds, at any level."""
    return read(statements).difference(*(_names_in(s).local for s in statements))


class _Names(NamedTuple):
    used: frozenset[str]
    read: frozenset[str]
    bound: frozenset[str]  # at the top level
    local: frozenset[str]  # bound at any level


@lru_cache(maxsize=8192)
def _names_in(statement: ast.AST) -> _Names:
    used, read, local = set[str](), set[str](), set[str]()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            used.add(node.id)
            (read if isinstance(node.ctx, ast.Load) else local).add(node.id)
        elif isinstance(node, ast.arg):
            local.add(node.arg)
        elif isinstance(node, ast.Global):
            used |= set(node.names)
        elif isinstance(node, ast.Constant) and type(node.value) is str and node.value.isidentifier():
            used.add(node.value)
        elif isinstance(node, (*_DEFINITIONS, *_IMPORTS, ast.ExceptHandler)):
            local |= set(_names_of(node))
            if isinstance(node, _DEFINITIONS):
                used.add(node.name)
    return _Names(frozenset(used), frozenset(read), frozenset(_bound([statement])), frozenset(local))


# -- parts of `resolve`


def _owned(cells: Sequence[dict]) -> frozenset[str]:
    """Names that live in the player: of solution cells, and of setup statements that use such names."""
    owned: set[str] = set()
    for cell in cells:
        if cell["role"] == "solution":
            body = _tree_or_nothing(cell).body
            imports = bound([n for n in _walk(body) if isinstance(n, _IMPORTS)])
            defined = bound([s for s in body if isinstance(s, _DEFINITIONS)])
            owned |= (bound([s for s in body if not isinstance(s, _IMPORTS)]) - imports) | defined
    for cell in cells:
        if cell["role"] != "test":
            paths = _import_paths(_tree_or_nothing(cell))
            owned |= {name for name, path in paths.items() if path.partition(".")[0] in PLAYER_MODULES}
    setup = [s for cell in cells if cell["role"] in ("locked", "free") for s in _tree_or_nothing(cell).body]
    solutions = [s for cell in cells if cell["role"] == "solution" for s in _tree_or_nothing(cell).body]
    owned |= _to_be_filled(setup, solutions)
    late: dict[str, ast.stmt] = {}
    for statement in setup:
        if _is_theirs(statement, owned, late):
            owned |= set() if isinstance(statement, _DEFINITIONS) else bound([statement])
            late |= {statement.name: statement} if isinstance(statement, _DEFINITIONS) else {}
    return frozenset(owned)


def _to_be_filled(setup: list[ast.stmt], solutions: list[ast.stmt]) -> set[str]:
    """Empty containers of setup cells that solution cells reach, by themselves or through functions of the setup, and
    that no other statement of the setup names: they are there for the student to fill."""
    functions = {s.name: s for s in setup if isinstance(s, _DEFINITIONS)}
    reached, todo = set(), used(solutions)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo |= used([functions[name]]) if name in functions else set()
    empty = {
        s.targets[0].id: s
        for s in setup
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
        if ast.unparse(s.value) in ("{}", "[]", "dict()", "list()", "set()")
    }
    others = [s for s in setup if not isinstance(s, _DEFINITIONS) and s not in empty.values()]
    return (empty.keys() & reached) - used(others)


def _is_theirs(statement: ast.stmt, owned: Iterable[str], late: dict[str, ast.stmt]) -> bool:
    """Whether a setup statement needs the student's process: its code, what is drawn there, or its shell."""
    return not read([statement]).isdisjoint({*owned, *late, "get_ipython"})


def _sort_out(body: list[ast.stmt], owned: frozenset[str], trusted: list[str], late: dict[str, ast.stmt]) -> None:
    """Take the statements of a cell into `trusted` or `late`, or leave them to the player."""
    mine: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, _IMPORTS):
            if not bound([statement]) & owned:
                trusted.append(ast.unparse(statement))  # by itself: one that fails must not take others along
        elif not _is_theirs(statement, owned, late):
            mine.append(statement)
            late.pop(getattr(statement, "name", ""), None)
        elif isinstance(statement, _DEFINITIONS):
            late[statement.name] = statement
    if mine:
        trusted.append(ast.unparse(ast.Module(mine, [])))


def _test(
    cell: dict, tree: ast.Module, owned: frozenset[str], trusted: tuple[str, ...], late: dict, known: frozenset[str]
) -> Resolved:
    own = bound(tree.body)
    needed: dict[str, ast.stmt] = {}
    todo = used(tree.body)
    while todo:
        name = todo.pop()
        if name in late and name not in needed and name not in own:
            needed[name] = late[name]
            todo |= used([late[name]])
    order = [name for name in late if name in needed]
    strange = sorted(unbound([*tree.body, *needed.values()]) - known - own - _GIVEN)
    warnings = [f"{name!r} is defined in no cell of this notebook: the submission is asked for it" for name in strange]
    late_sources = tuple(ast.unparse(needed[name]) for name in order)
    return Resolved(str(cell["grade_id"]), cell["source"], owned, trusted, late_sources, tuple(warnings))


def _names_made_by(sources: Iterable[str]) -> set[str]:
    return {name for source in sources for name in _names_made_by_one(source)}


@lru_cache(maxsize=1024)
def _names_made_by_one(source: str) -> frozenset[str]:
    return frozenset(bound(ast.parse(source).body))


def _tree_or_nothing(cell: dict) -> ast.Module:
    try:
        return parse(cell["source"])
    except SyntaxError:
        return ast.Module([], [])


# -- parts of `lint`

_NOT_CARRIED: dict[str, tuple[str, str]] = {
    "pandas": ("has no plain form", "pass and compare lists, dicts or arrays: `df.to_numpy()`"),
    "scipy.sparse": ("has no plain form", "pass and compare lists, dicts or arrays: `toarray()`"),
    "builtins.open": ("opens a file that the submission does not see", "pass an `io.StringIO`"),
    "tempfile": ("makes a file that the submission does not see", "pass an `io.StringIO`"),
    "time.process_time": ("counts the referee's work only", "use `time.perf_counter`"),
    "time.thread_time": ("counts the referee's work only", "use `time.perf_counter`"),
    "tracemalloc": ("`tracemalloc` sees the referee's memory only", "count what a generator or callback is asked for"),
    "os.environ": ("belongs to one process", "make it an argument of the function"),
    "os.putenv": ("belongs to one process", "make it an argument of the function"),
    "sys.argv": ("belongs to one process", "make the list an argument of the function"),
    "logging": ("collects the records of one process", "have the function print or return, and compare that"),
    "assertLogs": ("collects the records of one process", "have the function print or return, and compare that"),
    "threading": ("calls the submission from another thread", "call it in turn; a thread inside its own code is fine"),
    "concurrent": ("calls the submission from another thread", "call it in turn; a thread inside its own code is fine"),
    "multiprocessing": ("copies the conversation with the submission", "call it in turn, without a process or thread"),
    "signal": ("would interrupt the conversation", "leave it out: every test has a time limit"),
    "pickle": ("objects of the submission stay there", "use `copy.deepcopy`"),
}  # fmt: skip
"""What a test cell cannot use: (why, what to write instead), by dotted name."""


def _no_python(cell: dict) -> Iterator[Refusal]:
    try:
        parse(cell["source"])
    except SyntaxError as error:
        yield _refusal(cell, error, f"this is no Python: {error.msg}", "correct it")


def _asynchronous(cell: dict, tree: ast.Module) -> Iterator[Refusal]:
    for node in _walk(tree.body):
        if isinstance(node, ast.AsyncFunctionDef):
            what = f"the solution's {node.name!r} is asynchronous"
            yield _refusal(cell, node, what, "ask for an ordinary function or a generator")


def _reinterpreted(cell: dict, tree: ast.Module) -> Iterator[Refusal]:
    for node in _walk(tree.body):
        if isinstance(node, ast.Attribute) and node.attr == "dtype" and isinstance(node.ctx, ast.Store):
            yield _refusal(cell, node, "the dtype of an array is changed in place", "return `x.view(dtype)`")


def _changed_in_place(cell: dict, tree: ast.Module, given: Collection[str]) -> Iterator[Refusal]:
    """Data of setup cells, of which the referee has its own, that the solution changes at its top level."""
    for statement in tree.body:
        if isinstance(statement, _DEFINITIONS):
            continue
        for node in ast.walk(statement):
            name = _root(_changed_by(node))
            if name in given:
                what = f"the solution changes {name!r} of a setup cell in place, which its tests do not see"
                yield _refusal(cell, node, what, f"bind it anew first: `{name} = {name}.copy()`")


def _changed_by(node: ast.AST) -> ast.expr | None:
    """What a node changes in place: `x` in `x[0] = 1`, `x.a += 1`, `del x[0]`, `x.sort()` and `shuffle(x)`."""
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _CHANGING_METHODS:
            return node.func.value
        if node.func.attr == "shuffle" and node.args:
            return node.args[0]
    return None


_CHANGING_METHODS = frozenset(
    words("add append clear discard extend fill insert pop popitem remove reverse setdefault sort update")
)


def _root(node: ast.expr | None) -> str | None:
    """`x` of `x`, `x[0]` and `x.a[0].b`."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _not_carried(cell: dict, tree: ast.Module, paths: dict[str, str]) -> Iterator[Refusal]:
    found = set()
    for node in _walk(tree.body):
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            yield _refusal(cell, node, "the test awaits something", "call an ordinary function or a generator")
        for path in _paths_of(node, paths):
            name = next((n for n in _NOT_CARRIED if f"{path}.".startswith(f"{n}.")), None)
            if name is not None and name not in found:
                found.add(name)
                why, instead = _NOT_CARRIED[name]
                yield _refusal(cell, node, f"`{name.removeprefix('builtins.')}` in a test: {why}", instead)


def _cell_magic(cell: dict, tree: ast.Module) -> Iterator[Refusal]:
    if re.match(r"\s*%%", _TRANSPARENT_MAGICS.sub("", cell["source"], count=1)):
        yield _refusal(cell, tree, "a cell magic runs the test in the submission's process", "take the magic away")


def _asks_nothing(cell: dict, tree: ast.Module, test: Resolved) -> Iterator[Refusal]:
    late = [statement for source in test.late for statement in ast.parse(source).body]
    if not used([*tree.body, *late]) & test.owned:
        instead = "call a function of a solution cell, or compare one of its variables"
        yield _refusal(cell, tree, "the test names nothing of a solution cell: everyone would pass it", instead)


def _paths_of(node: ast.AST, paths: dict[str, str]) -> Iterator[str]:
    """What a node names, with dots: `environ` after `from os import environ`, `os.environ`, `patch("os.environ")`."""
    if isinstance(node, ast.Name):
        yield paths.get(node.id, f"builtins.{node.id}")
    elif isinstance(node, ast.Attribute):
        yield from (f"{path}.{node.attr}" for path in _paths_of(node.value, paths))
        if node.attr == "assertLogs":
            yield node.attr
    elif isinstance(node, ast.Call) and "patch" in ast.unparse(node.func):
        yield from (a.value for a in node.args if isinstance(a, ast.Constant) and type(a.value) is str)


def _import_paths(tree: ast.Module) -> dict[str, str]:
    out: dict[str, str] = {}
    for node in _walk(tree.body):
        if isinstance(node, ast.Import):
            out |= {a.asname: a.name if a.asname else a.name.partition(".")[0] for a in node.names if a.asname}
            out |= {a.name.partition(".")[0]: a.name.partition(".")[0] for a in node.names if not a.asname}
        elif isinstance(node, ast.ImportFrom):
            out |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return out


def _uses_of_earlier(cell: dict, tree: ast.Module, earlier: dict[str, str], known: frozenset[str]) -> Iterator[Refusal]:
    for name in sorted((unbound(tree.body) & earlier.keys()) - known - bound(tree.body)):
        node = next(n for n in _walk(tree.body) if isinstance(n, ast.Name) and n.id == name)
        instead = "make it in this cell, or in a locked cell before both"
        yield _refusal(cell, node, f"{name!r} is a variable of the earlier test cell {earlier[name]!r}", instead)


def _refusal(cell: dict, node: object, what: str, instead: str) -> Refusal:
    return Refusal(cell["grade_id"], getattr(node, "lineno", 1) or 1, what, instead)


# -- walking


def _walk(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for statement in statements:
        yield from ast.walk(statement)


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, (*_DEFINITIONS, *_IMPORTS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            yield from _names_of(node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        if isinstance(node, _FUNCTIONS):
            for inner in ast.walk(node):
                yield from inner.names if isinstance(inner, ast.Global) else ()
        elif isinstance(node, _COMPREHENSIONS):
            yield from (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        elif not isinstance(node, (ast.ClassDef, ast.Lambda)):
            yield from _bound(ast.iter_child_nodes(node))


def _names_of(node: Any) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (a.asname or a.name.partition(".")[0] for a in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (a.asname or a.name for a in node.names)
    elif node.name:
        yield node.name
