"""Whatever a player sends as outputs, what is kept is valid nbformat; what is valid is kept."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.engine.outputs import MAX_CHARACTERS, clean

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c, max_size=3),
    max_leaves=8,
)
KEYS = ("output_type", "name", "text", "ename", "evalue", "traceback", "data", "metadata", "execution_count")
KINDS = st.sampled_from(["stream", "error", "display_data", "execute_result", "stdout"])
HOSTILE = st.dictionaries(st.sampled_from(KEYS), JSON | KINDS | st.dictionaries(st.just("text/html"), JSON), max_size=9)

WELL_FORMED = [
    {"output_type": "stream", "name": "stdout", "text": "x"},
    {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["a", "b"]},
    {"output_type": "display_data", "data": {"text/plain": "1", "image/png": "aGk="}, "metadata": {}},
    {"output_type": "display_data", "data": {"application/json": {"a": [1]}}, "metadata": {"m": 1}},
    {"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": "1"}, "metadata": {}},
]


@given(st.lists(HOSTILE | JSON, max_size=4))
def test_what_is_kept_is_valid(outputs):
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.from_dict(o) for o in clean(outputs)])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize("output", WELL_FORMED)
def test_what_is_well_formed_is_kept(output):
    assert clean([output]) == [output]


def test_lone_surrogates_become_text_that_can_be_written():
    output = {"output_type": "display_data", "data": {"text/plain": "\ud800"}, "metadata": {"\udfff": ["\ud800"]}}
    (kept,) = clean([output])
    assert kept["data"] == {"text/plain": "?"}
    assert kept["metadata"] == {"?": ["?"]}


def test_what_is_nested_too_deeply_is_dropped():
    deep = []
    for _ in range(600):
        deep = [deep]
    assert clean([{"output_type": "display_data", "data": {"application/json": deep}, "metadata": {}}]) == []


def test_a_flood_is_cut():
    flood = [{"output_type": "stream", "name": "stdout", "text": "x" * (MAX_CHARACTERS // 4)} for _ in range(10)]
    assert len(clean(flood)) == 3
