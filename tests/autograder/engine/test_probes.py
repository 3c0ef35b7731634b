"""What a probe's answer is called."""

import pytest

from autograder.engine.probes import name_misconception
from autograder.model import Exercise, Wrong

ANSWERS = {
    "reference": [1.0, "accepted"],
    "doubled": [2.0, "accepted"],
    "negative": [-1.0, "accepted"],
    "also-negative": [-1.0, "accepted"],
    "word": "refused",
    "raises": {"raised": "TypeError"},
    "dies": "crashed",
    "hangs": "timeout",
}


@pytest.mark.parametrize(
    "answer, name",
    [
        ([2.0, "accepted"], "doubled"),
        ([2.0 + 1e-12, "accepted"], "doubled"),
        ([3.0, "accepted"], None),
        ([1.0, "accepted"], None),
        ([-1.0, "accepted"], None),  # two of them: which one cannot be told
        ("refused", "word"),
        ({"raised": "TypeError"}, None),  # as anything does that returns something else than it should
        ("crashed", None),
        ("timeout", None),
        (None, None),
    ],
)
def test_an_answer_names_a_misconception_if_only_that_one_gives_it(answer: object, name: str | None) -> None:
    wrong = tuple(Wrong("f", slug, "", "") for slug in ANSWERS if slug != "reference")
    exercise = Exercise("f", "notebook", ("f-visible",), misconceptions=wrong, answers=ANSWERS)
    assert name_misconception(exercise, answer) == name
