"""Drawn graphs: every node and edge is there, the layout holds what it promises, the picture can be read aloud."""

from __future__ import annotations

import doctest
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from chainrule.autodiff import Tensor, cross_entropy, draw, drawing, sigmoid, to_dot

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(8, 2)), RNG.integers(0, 3, 8)


def neuron() -> tuple[Tensor, dict[str, Any]]:
    w, b = Tensor(0.5), Tensor(-1.0)
    z = w * 2.0 + b
    loss = (sigmoid(z) - 1.0) ** 2
    return loss, {"w": w, "b": b, "z": z, "loss": loss}


def network() -> tuple[Tensor, dict[str, Any]]:
    W, b, V = (Tensor(RNG.normal(size=shape)) for shape in ((2, 4), (4,), (4, 3)))
    h = np.tanh(X @ W + b)
    loss = cross_entropy(h @ V, Y) + 0.5 * ((W**2).sum() + (V**2).sum())
    return loss, {"W": W, "b": b, "V": V, "h": h, "X": X, "y": Y}


def recurrent(steps: int) -> tuple[Tensor, dict[str, Any]]:
    W, h = Tensor(RNG.normal(size=(3, 3))), np.zeros(3)
    for _ in range(steps):
        h = np.tanh(h @ W + RNG.normal(size=3))
    return (h * h).sum(), {"W": W}


def wide() -> tuple[Tensor, dict[str, Any]]:
    ws = [Tensor(float(i)) for i in range(20)]
    return np.stack(ws).sum(), {f"a rather long name {i}": w for i, w in enumerate(ws)}


GRAPHS = {"neuron": neuron, "network": network, "recurrent": lambda: recurrent(5), "wide": wide}


def test_dot_of_a_neuron() -> None:
    loss, names = neuron()
    assert to_dot(loss, names, cotangents=True).splitlines() == [
        "digraph {",
        '    n1 [label="w\\n0.5\\n∂ -0.5", shape=box]',
        '    n2 [label="b\\n-1\\n∂ -0.25", shape=box]',
        '    n3 [label="multiply(·, 2)\\n1\\n∂ -0.25", shape=ellipse]',
        '    n4 [label="z = add\\n0\\n∂ -0.25", shape=ellipse]',
        '    n5 [label="sigmoid\\n0.5\\n∂ -1", shape=ellipse]',
        '    n6 [label="subtract(·, 1)\\n-0.5\\n∂ -1", shape=ellipse]',
        '    n7 [label="loss = power(·, 2)\\n0.25\\n∂ 1", shape=ellipse]',
        "    n1 -> n3",
        "    n3 -> n4",
        "    n2 -> n4",
        "    n4 -> n5",
        "    n5 -> n6",
        "    n6 -> n7",
        "}",
    ]


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda: Tensor(np.ones((2, 2))) @ np.ones(2), 'n2 [label="constant\\n[1, 1]", shape=box, style=dashed]'),
        (lambda: Tensor(np.ones((2, 2)))[0, 1:], 'label="getitem(·, 0, 1:)\\n[1]"'),
        (lambda: Tensor(np.ones((2, 3))).sum(0), 'label="sum(·, 0)\\n[1, 1, 1]"'.replace("1, 1, 1", "2, 2, 2")),
        (lambda: np.concatenate([Tensor(np.ones(2)), Tensor(np.ones(3))]), 'label="concatenate(0, ·, ·)\\n(5,)"'),
        (lambda: Tensor(1.0), 'n1 [label="leaf\\n1", shape=box]'),
    ],
)
def test_lines_of_dot(make: Any, line: str) -> None:
    assert line in to_dot(make())


def test_names_are_quoted() -> None:
    w = Tensor(1.0)
    assert r'label="a \"b\" \\ c\n1"' in to_dot(w, {'a "b" \\ c': w})


def test_cotangents_are_those_of_the_backward_pass() -> None:
    loss, names = network()
    nodes = {n.name.split(" =")[0]: n for n in drawing._nodes(loss, names, True)}
    loss.backward()
    for name in ("W", "b", "V"):
        assert nodes[name].cotangent == f"∂ norm {np.linalg.norm(names[name].grad):.2g}"
    assert nodes["X"].cotangent == ""
    assert "∂" in to_dot(loss)  # once gradients are there they are shown, and a freed graph does not matter
    assert "∂" not in to_dot(loss, cotangents=False)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_picture_has_every_node_and_no_overlap(graph: str) -> None:
    result, names = GRAPHS[graph]()
    nodes = drawing._nodes(result, names, True)
    rows, width = drawing._places(nodes, lambda n: 0.3 + 0.07 * max(map(len, n.lines)))
    assert {id(p.node) for row in rows for p in row if p.node} == {id(n) for n in nodes}
    row_of = {id(p.node): i for i, row in enumerate(rows) for p in row if p.node}
    for node in nodes:
        assert all(row_of[id(a)] < row_of[id(node)] for a in node.args)
    for row in rows:
        for p, q in pairwise(row):
            if p.node and q.node:
                assert p.x + p.width / 2 <= q.x - q.width / 2 + 1e-9
        assert all(p.x - p.width / 2 > -1e-9 and p.x + p.width / 2 < width + 1e-9 for p in row)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_picture_is_the_same_each_time_and_says_what_it_shows(graph: str) -> None:
    result, names = GRAPHS[graph]()
    picture = draw(result, names, cotangents=True)
    assert picture.svg == draw(result, names, cotangents=True).svg
    assert len(picture.svg) < 200_000
    assert ElementTree.fromstring(picture.svg).tag.endswith("svg")
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", picture.alt)
    assert "cotangent" in picture.alt


def test_fewer_crossings_than_in_the_order_of_making() -> None:
    """Two chains whose leaves were made in the other order."""
    a, b = Tensor(1.0), Tensor(2.0)
    nodes = drawing._nodes(np.exp(b) * 2 + np.log(a) * 3, {"a": a, "b": b}, None)
    assert drawing._crossings(drawing._places(nodes, lambda n: 0.5)[0]) == 0


def test_isotonic_places() -> None:
    """Two that wish for the same place share the way; one that is far away stands where it wishes."""
    row = [drawing.Place(None, 0.4, 0) for _ in range(3)]
    drawing._put(row, [1.0, 1.0, 3.0], 3.8)
    assert [p.x for p in row] == pytest.approx([0.75, 1.25, 3.0])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: draw(recurrent(30)[0]), ValueError, r"has 1\d\d nodes, and a picture shows at most 60.*to_dot"),
        (lambda: draw(np.ones(2)), TypeError, "the graph of a Tensor can be drawn, and this is a ndarray"),  # type: ignore[arg-type]
        (lambda: draw(Tensor(np.ones(2)) * 2, cotangents=True), ValueError, r"the shape \(2,\)"),
    ],
)
def test_what_cannot_be_drawn(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_large_graph_has_dot() -> None:
    assert to_dot(recurrent(30)[0]).count("->") > 60


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(drawing).failed == 0
