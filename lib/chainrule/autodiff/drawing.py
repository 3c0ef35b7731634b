"""The graph that a result remembers, drawn: operations from the top down, and the backward pass beside them.

`draw` is a picture by matplotlib, laid out here: rows by the longest way to the result, as many nodes in a row as a
phone is wide, few crossings. `to_dot` is text for Graphviz, which draws graphs of any size.
"""

from __future__ import annotations

import io
import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.autodiff import engine
from chainrule.autodiff.engine import Tensor, value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chainrule.plots import Picture

MOST = 60  # nodes that one picture shows
SMALL = 3  # elements of an array that are shown one by one
Names = Mapping[str, Any]
"""Tensors and arrays by name: {"W": W, "loss": loss}."""


def to_dot(t: Tensor, names: Names | None = None, *, cotangents: bool | None = None, **named: Any) -> str:
    """The graph of a result in DOT, the language of Graphviz: a node for each Tensor, and for each constant array.

    Args:
        t: the result.
        names: for leaves, constants and results, {"W": W}; or as keywords, W=W.
        cotangents: add the backward pass. None: if t is one number and `backward` left a `grad` in a leaf.

    Returns:
        Text, the same for the same graph. Leaves are boxes, operations ellipses, constants dashed boxes.

    Raises:
        TypeError: t is no Tensor.
        ValueError: cotangents is true and t is not one number.

    >>> w = Tensor(3.0)
    >>> print(to_dot(w * 2, w=w))
    digraph {
        n1 [label="w\\n3", shape=box]
        n2 [label="multiply(·, 2)\\n6", shape=ellipse]
        n1 -> n2
    }
    """
    nodes = _nodes(t, {**(names or {}), **named}, cotangents)
    styles = {"leaf": "shape=box", "constant": "shape=box, style=dashed", "operation": "shape=ellipse"}
    ids = {id(node): f"n{i}" for i, node in enumerate(nodes, start=1)}
    lines = [f'{ids[id(n)]} [label="{_quoted(n.lines)}", {styles[n.kind]}]' for n in nodes]
    lines += [f"{ids[id(a)]} -> {ids[id(n)]}" for n in nodes for a in n.args]
    return "digraph {\n" + textwrap.indent("\n".join(lines), "    ") + "\n}"


def draw(t: Tensor, names: Names | None = None, *, cotangents: bool | None = None, **named: Any) -> Picture:
    """The graph of a result as a picture: what was computed from what, from the top down.

    Each node has its name or operation, and its value, if that is a few numbers, or its shape. The cotangent, the
    derivative of the result by it, stands below: its numbers, or their norm (the root of the sum of squares).

    Args:
        t, names, cotangents: as for to_dot.

    Raises:
        TypeError: t is no Tensor.
        ValueError: the graph has more than 60 nodes; or cotangents is true and t is not one number.

    >>> w = Tensor([1.0, 2.0])
    >>> draw((w * w).sum(), w=w)
    sum is computed in 2 operations from 1 leaf. w [1, 2]; multiply [1, 4], from w twice; sum 5, from multiply.
    """
    nodes = _nodes(t, {**(names or {}), **named}, cotangents)
    if len(nodes) > MOST:
        raise ValueError(
            f"this graph has {len(nodes)} nodes, and a picture shows at most {MOST}. Draw a result from the middle, or "
            "the same computation with fewer layers or steps; or give to_dot(t) to Graphviz"
        )
    return _picture(nodes)


# ---- the nodes


@dataclass(eq=False)
class Node:
    """A Tensor or constant array.

    Args:
        kind: "leaf", "constant" or "operation".
        name: its name, or what made it.
        value: its value or shape.
        args: the nodes it was computed from.
        cotangent: "∂ = 0.5", or "".
    """

    kind: str
    name: str
    value: str
    args: list[Node] = field(default_factory=list)
    cotangent: str = ""

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.name, self.value, self.cotangent) if line]


def _nodes(t: Any, names: Names, cotangents: bool | None) -> list[Node]:
    """The nodes from the oldest to the result."""
    if t.__class__ is not Tensor:
        raise TypeError(f"the graph of a Tensor can be drawn, and this is a {type(t).__name__}; wrap the parameters")
    called = {id(x): name for name, x in names.items()}
    history = engine.history(t)[0]
    leaves = {a for x in history for a in x.args if a.__class__ is Tensor and not a.args}
    if cotangents is None:
        cotangents = t.size == 1 and any(leaf.grad is not None for leaf in leaves)
    nodes: dict[int, Node] = {}
    for x in sorted({*history, *leaves}, key=lambda x: (bool(x.args), x.born)):
        for a in x.args:
            if isinstance(a, np.ndarray | np.generic) and id(a) not in nodes:
                nodes[id(a)] = Node("constant", called.get(id(a), "constant"), _number(a))
        kind = "operation" if x.args else "leaf"
        name = called.get(id(x), "")
        made = _made(x) if x.args else "" if name else "leaf"
        node = Node(kind, f"{name} = {made}" if name and made else name or made, _number(x._data))
        node.args = [nodes[id(a)] for a in x.args if id(a) in nodes]
        nodes[id(x)] = node
    if cotangents:
        for x in (*leaves, *history):
            g = engine.pull_back(t, engine.seed(t), {x}, graph=True).get(x)  # works after the graph was used, too
            nodes[id(x)].cotangent = "∂ " + (_number(value(g), norm=True) if g is not None else "0")
    return list(nodes.values())


def _made(x: Tensor) -> str:
    """The operation, and numbers among its arguments: `power(·, 2)`."""
    name = getattr(x.fun, "__name__", "operation").strip("_")
    shown = [
        "·" if isinstance(a, Tensor | np.ndarray | np.generic) else textwrap.shorten(_short(a), 12, placeholder="…")
        for a in x.args
        if a is not None and not isinstance(a, bool) and not callable(a)
    ]
    return name if all(part == "·" for part in shown) else f"{name}({', '.join(shown)})"


def _short(a: Any) -> str:
    """A constant argument; an index as it stands in brackets."""
    if isinstance(a, slice):
        return ":".join("" if part is None else str(part) for part in (a.start, a.stop))
    if isinstance(a, tuple):
        return ", ".join(map(_short, a)) if any(isinstance(part, slice) for part in a) else f"{a}".replace(" ", "")
    if a is Ellipsis:
        return "…"
    return f"{a:.3g}" if isinstance(a, float) else "·" if isinstance(a, np.ndarray) else str(a)


def _number(x: Any, norm: bool = False) -> str:
    """A value in a few characters, or the shape or norm of a larger one."""
    x = np.asarray(x)
    if x.ndim == 0:
        return f"{x.item():.3g}"
    if x.size <= SMALL:
        text = np.array2string(x, separator=", ", formatter={"all": lambda v: f"{v:.2g}"}).replace("\n", "")
        return text.replace(" ", "") if x.ndim > 1 else text
    return f"norm {np.sqrt(np.square(x).sum()):.2g}" if norm else str(x.shape)


def _quoted(lines: Sequence[str]) -> str:
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)


# ---- the places: everything in inches, from the upper left corner

WIDTH = 3.8  # as wide as every figure of chainrule.plots
LINE, PAD, GAP, BETWEEN = 0.165, 0.07, 0.3, 0.1  # height of a line, around text, between rows, between neighbours
THIN = 0.08  # what an edge takes of a row that it passes


@dataclass(eq=False)
class Place:
    """Where a node stands, or, without a node, where an edge passes a row."""

    node: Node | None
    width: float
    row: int
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)
    x: float = 0.0  # of the middle
    top: float = 0.0
    bottom: float = 0.0


def _places(nodes: Sequence[Node], width: Callable[[Node], float]) -> tuple[list[list[Place]], float]:
    """Rows of places, the topmost first; and how wide the widest is, at least WIDTH."""
    places = {id(n): Place(n, width(n), 0) for n in nodes}
    used: dict[int, list[Node]] = {}
    for n in nodes:
        for a in n.args:
            used.setdefault(id(a), []).append(n)
    room: dict[int, float] = {}
    # rows are counted from the result; operations first, because leaves can stand anywhere above their use
    for n in [*(n for n in reversed(nodes) if n.args), *(n for n in nodes if not n.args)]:
        row = 1 + max((places[id(user)].row for user in used.get(id(n), ())), default=-1)
        while row in room and room[row] < places[id(n)].width + BETWEEN:
            row += 1
        room[row] = room.get(row, WIDTH + BETWEEN) - places[id(n)].width - BETWEEN
        places[id(n)].row = row
        for passed in range(min((places[id(user)].row for user in used.get(id(n), ())), default=row) + 1, row):
            room[passed] = room.get(passed, WIDTH + BETWEEN) - THIN - BETWEEN
    rows: list[list[Place]] = [[] for _ in range(1 + max(place.row for place in places.values()))]
    for n in nodes:
        rows[places[id(n)].row].append(places[id(n)])
    passing: dict[tuple[int, int], Place] = {}  # of a node in a row: its edges share the way
    for n in nodes:
        for a in dict.fromkeys(n.args):
            upper = places[id(a)]
            for row in range(upper.row - 1, places[id(n)].row, -1):
                if (id(a), row) not in passing:
                    passing[id(a), row] = lower = Place(None, THIN, row, [upper])
                    rows[row].append(lower)
                    upper.below.append(lower)
                upper = passing[id(a), row]
            upper.below.append(places[id(n)])
            places[id(n)].above.append(upper)
    rows = _with_few_crossings(rows[::-1])
    widest = max(sum(p.width + BETWEEN for p in row) - BETWEEN for row in rows)
    _spread(rows, max(widest, WIDTH))
    return rows, max(widest, WIDTH)


def _with_few_crossings(rows: list[list[Place]]) -> list[list[Place]]:
    """Each place goes where the middle of its neighbours is, row by row, downward and upward a few times (the
    barycentre method of Sugiyama, Tagawa and Toda, 1981); the order with the fewest crossings on the way is taken."""
    best, fewest = rows, _crossings(rows)
    for sweep in range(12):
        down = sweep % 2 == 0
        rows = [list(row) for row in rows]
        for row in rows if down else reversed(rows):
            order = {id(p): i / max(len(r) - 1, 1) for r in rows for i, p in enumerate(r)}
            middle = {}
            for p in row:
                near = [order[id(q)] for q in (p.above if down else p.below)]
                middle[id(p)] = sum(near) / len(near) if near else order[id(p)]
            row.sort(key=lambda p: middle[id(p)])
        if (crossings := _crossings(rows)) < fewest:
            best, fewest = rows, crossings
    return best


def _crossings(rows: Sequence[Sequence[Place]]) -> int:
    order = {id(p): i for row in rows for i, p in enumerate(row)}
    count = 0
    for row in rows:
        edges = [(i, order[id(q)]) for i, p in enumerate(row) for q in p.below]
        count += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(edges) for c, d in edges[:i])
    return count


def _spread(rows: Sequence[Sequence[Place]], width: float) -> None:
    """Move places towards the middle of their neighbours, as far as the row has room."""
    for row in rows:
        _put(row, [width / 2] * len(row), width)
    for _ in range(20):
        for row in rows:
            near = [[q.x for q in (*p.above, *p.below)] for p in row]
            _put(row, [sum(xs) / len(xs) if xs else p.x for p, xs in zip(row, near, strict=True)], width)
    left = min(p.x - p.width / 2 for row in rows for p in row)
    right = max(p.x + p.width / 2 for row in rows for p in row)
    for p in (p for row in rows for p in row):
        p.x += (width - left - right) / 2


def _put(row: Sequence[Place], wishes: Sequence[float], width: float) -> None:
    """Place a row in its order, without overlap, as near to the wishes as can be in the sense of least squares.

    With the room that the places before it take subtracted, that is isotonic regression, by pooling neighbours.
    """
    offsets, total = [], 0.0
    for p in row:
        offsets.append(total + p.width / 2)
        total += p.width + BETWEEN
    pools: list[tuple[float, int]] = []  # mean and number
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, count = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, n = pools.pop()
            mean, count = (mean * count + other * n) / (count + n), count + n
        pools.append((mean, count))
    starts = [mean for mean, count in pools for _ in range(count)]
    for p, offset, start in zip(row, offsets, starts, strict=True):
        p.x = offset + min(max(start, 0.0), max(width - (total - BETWEEN), 0.0))


# ---- the picture


def _picture(nodes: Sequence[Node]) -> Picture:
    import matplotlib.style
    from matplotlib.figure import Figure

    from chainrule import plots

    size = 9.0
    head, foot, side = 0.34, 0.42, 0.1

    def width(node: Node) -> float:
        return max(plots._text_width(line, size) for line in node.lines) + 2 * PAD

    rows, wide = _places(nodes, width)
    y = head
    for row in rows:
        tall = max(_height(p.node) if p.node else 0.0 for p in row)
        for p in row:
            own = _height(p.node) if p.node else tall
            p.top, p.bottom = y + (tall - own) / 2, y + (tall + own) / 2
        y += tall + GAP
    height = y - GAP + foot
    title, alt = _words(nodes)
    with plots.DRAWING, matplotlib.style.context(["default", plots.STYLE]):
        figure = Figure(figsize=(wide + 2 * side, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-side, wide + side), ylim=(height, 0))
        axes.axis("off")
        axes.text(0, 0.05, title, size=11, va="top")
        for row in rows:
            for p in row:
                if p.node:
                    _draw_node(axes, p.node, p.x, p.top, p.width, size)
                    _draw_edges(axes, p)
        x = 0.0
        samples = [Node(kind, kind, "") for kind in ("leaf", "constant", "operation") if _any(nodes, kind)]
        for sample in samples:
            _draw_node(axes, sample, x + width(sample) / 2, height - 0.06 - _height(sample), width(sample), size)
            x += width(sample) + 0.12
        if any(n.cotangent for n in nodes):
            axes.text(
                x, height - 0.06 - PAD - LINE / 2, "∂ cotangent", size=size, color=plots.LOOKS[3].colour, va="center"
            )
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": title, "Description": alt})
    return plots.Picture(file.getvalue(), alt)


def _height(node: Node) -> float:
    return len(node.lines) * LINE + 2 * PAD


def _any(nodes: Sequence[Node], kind: str) -> bool:
    return any(n.kind == kind for n in nodes)


def _draw_node(axes: Axes, node: Node, x: float, top: float, width: float, size: float) -> None:
    """Leaves have a thick frame and square corners, operations round corners, constants a dashed frame."""
    from matplotlib.patches import FancyBboxPatch

    from chainrule import plots

    height = _height(node)
    looks: dict[str, dict[str, Any]] = {
        "leaf": {"boxstyle": "square,pad=0", "linewidth": 1.8, "facecolor": "#E3F0F8", "edgecolor": plots.YOURS},
        "constant": {"boxstyle": "square,pad=0", "linestyle": (0, (3, 2)), "edgecolor": plots.PLAIN},
        "operation": {"boxstyle": f"round,pad=0,rounding_size={min(height / 2, 0.12)}", "edgecolor": "black"},
    }
    look: dict[str, Any] = {"facecolor": "white", "linewidth": 1.0} | looks[node.kind]
    axes.add_patch(FancyBboxPatch((x - width / 2, top), width, height, **look))
    for i, line in enumerate(node.lines):
        colour = plots.LOOKS[3].colour if line and line == node.cotangent else "black"
        axes.text(x, top + PAD + (i + 0.5) * LINE, line, size=size, color=colour, ha="center", va="center")


def _draw_edges(axes: Axes, p: Place) -> None:
    """A curve from each argument into the node, with an arrow at its end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    assert p.node
    near = sorted(p.above, key=lambda q: q.x)
    for i, above in enumerate(near):
        way = list(_way(above))
        start = way[-1]
        x = p.x + (i - (len(near) - 1) / 2) * min(0.2, 0.7 * p.width / max(len(near), 1))
        ends = [(start.x, start.bottom), *((q.x, y) for q in way[-2::-1] for y in (q.top, q.bottom)), (x, p.top)]
        vertices, codes = [ends[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in itertools.pairwise(ends):  # a line down through a row, a curve to the next one
            vertices += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1)]
            codes += [Path.CURVE4] * 3
        arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "color": "#444444", "linewidth": 0.9}
        axes.add_patch(FancyArrowPatch(path=Path(vertices, codes), shrinkA=0, shrinkB=0, zorder=0, **arrow))
        if (times := sum(a is start.node for a in p.node.args)) > 1:
            axes.text(x + 0.05, p.top - 0.1, f"×{times}", size=9, va="center")


def _way(p: Place) -> Iterator[Place]:
    """From above a node up to where the edge begins."""
    yield p
    while p.node is None:
        (p,) = p.above
        yield p


def _words(nodes: Sequence[Node]) -> tuple[str, str]:
    """The title, and what the picture shows, node by node."""
    leaves = sum(n.kind == "leaf" for n in nodes)
    operations = sum(n.kind == "operation" for n in nodes)
    title = f"{_plural(operations, 'operation')} on {_plural(leaves, 'leaf')}"
    known: dict[str, int] = {}
    names: dict[int, str] = {}
    for n in nodes:
        short = n.name.split(" = ")[0]
        known[short] = known.get(short, 0) + 1
        names[id(n)] = short if known[short] == 1 else f"{short} no. {known[short]}"
    parts = []
    for n in nodes:
        sources = {id(a): names[id(a)] + (" twice" if n.args.count(a) == 2 else "") for a in n.args}
        made = f" is {n.name.split(' = ')[1]}" if " = " in n.name else ""
        text = f"{names[id(n)]}{made} {n.value}"
        text += f", from {' and '.join(sources.values())}" if sources else ""
        parts.append(text + (f", cotangent {n.cotangent[2:]}" if n.cotangent else ""))
    last = names[id(nodes[-1])]
    said = f"{last} is computed in {_plural(operations, 'operation')} from {_plural(leaves, 'leaf')}."
    return title, f"{said} {'; '.join(parts)}."


def _plural(n: int, thing: str) -> str:
    return f"{n} {thing if n == 1 else {'leaf': 'leaves'}.get(thing, thing + 's')}"
