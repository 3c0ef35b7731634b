"""States of random generators: how they cross, and whether one is another drawn further.

The referee takes a generator's state back from the player only if it is its own, drawn further. Any other state (all
zeros, say) would let a submission choose what a test draws next. What a generator keeps besides its position (the
second of a pair of normals, the unused half of a 64-bit draw) must come from draws in between, too.

A `Generator` also carries the seed from which `spawn` makes children. It stays what it is; only the count of children
may grow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import pi
from typing import Any, NamedTuple

from numpy import empty, frombuffer, isclose, log, ndarray, ndim, sin, sqrt, uint32, uint64
from numpy.random import MT19937, PCG64, Generator, RandomState, SeedSequence, get_state, set_state

from autograder.wire import limits

__builtins__ = limits.PRIVATE_BUILTINS

FURTHEST_TWISTER = 624 * 2000  # draws of 32 bits that may lie between two states of a Mersenne Twister
FURTHEST_PCG64 = 2**40
_HALVES = 4096  # last draws of PCG64 that its unused half may come from
MOST_CHILDREN = 10_000  # that may be spawned between two states
SEED_WORDS = 256  # integers of one seed, and of the key of a child
SEED_BITS = 512  # of each of them
POOL = 64  # words into which a seed is mixed; numpy's default is 4


class Twister(NamedTuple):
    """A Mersenne Twister: 624 words, the next position in them, and the second of a pair of normals or None."""

    key: bytes
    position: int
    normal: float | None

    def bits(self) -> MT19937:
        bits = MT19937(0)
        key = frombuffer(self.key, uint32)
        bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": self.position}}
        return bits


def twister(form: Any) -> Twister | None:
    """A Twister from what came over the wire; None if it is none."""
    key, position, normal = form
    ok = type(key) is bytes and len(key) == 4 * 624 and type(position) is int and 0 <= position <= 624
    return Twister(key, position, normal) if ok and type(normal) in (float, type(None)) else None


def twister_went_on(mine: Twister, theirs: Twister, second_normal: Callable[[ndarray], ndarray]) -> bool:
    """Whether `theirs` is `mine` drawn further. `second_normal`: how pairs of uniforms become the kept normal."""
    words = _words_between(mine, theirs)
    if words is None:
        return False
    if theirs.normal is None or theirs.normal == mine.normal:
        return True
    if len(words) < 4:
        return False
    uniforms = ((words[:-1] >> uint64(5)) * 67108864.0 + (words[1:] >> uint64(6))) / 9007199254740992.0
    return bool(isclose(second_normal(uniforms), theirs.normal, rtol=1e-12, atol=1e-300).any())


def _words_between(mine: Twister, theirs: Twister) -> ndarray | None:
    """The words drawn between two states; None if the second does not follow within reach."""
    bits, key, position, count = mine.bits(), mine.key, mine.position, 0
    while key != theirs.key or theirs.position < position:
        step = 624 - position + 1  # what is left of this key, and the first word of the next
        count += step
        if count > FURTHEST_TWISTER:
            return None
        bits.random_raw(step, output=False)
        key, position = bits.state["state"]["key"].tobytes(), 1
    return mine.bits().random_raw(count + theirs.position - position)


def numpy_second_normal(uniforms: ndarray) -> ndarray:
    """Of Marsaglia's polar method, as in numpy's `legacy_gauss`, for every place where a pair may begin."""
    x, y = 2 * uniforms[:-2] - 1, 2 * uniforms[2:] - 1
    r2 = x * x + y * y
    inside = (r2 > 0) & (r2 < 1)
    return x[inside] * sqrt(-2 * log(r2[inside]) / r2[inside])


def python_second_normal(uniforms: ndarray) -> ndarray:
    """Of the Box-Muller form in `random.gauss`."""
    return sin(2 * pi * uniforms[:-2]) * sqrt(-2 * log(1 - uniforms[2:]))


class Stream(NamedTuple):
    """How to read and set a Mersenne Twister, and how its owner makes pairs of normals. `get` gives None for another
    kind of generator."""

    get: Callable[..., Twister | None]
    set: Callable[..., None]
    second_normal: Callable[[ndarray], ndarray]


def _from_numpy(state: dict[str, Any]) -> Twister | None:
    if state["bit_generator"] != "MT19937":
        return None
    inner, normal = state["state"], state["gauss"] if state.get("has_gauss") else None
    return Twister(inner["key"].tobytes(), int(inner["pos"]), normal)


def _to_numpy(twister: Twister) -> dict[str, Any]:
    inner = {"key": frombuffer(twister.key, uint32), "pos": twister.position}
    kept = {"has_gauss": int(twister.normal is not None), "gauss": twister.normal or 0.0}
    return {"bit_generator": "MT19937", "state": inner, **kept}


def _from_python(state: tuple) -> Twister:
    _, words, normal = state
    key = empty(624, uint32)
    key[:] = words[:624]
    return Twister(key.tobytes(), words[624], normal)


def _to_python(twister: Twister) -> tuple:
    return 3, (*frombuffer(twister.key, uint32).tolist(), twister.position), twister.normal


STREAMS: dict[str, Stream] = {
    "numpy": Stream(
        lambda: _from_numpy(get_state(legacy=False)), lambda t: set_state(_to_numpy(t)), numpy_second_normal
    ),
    "python": Stream(
        lambda: _from_python(random.getstate()), lambda t: random.setstate(_to_python(t)), python_second_normal
    ),
}
"""The streams that the functions of `numpy.random` and of `random` draw from."""

_TWISTERS: dict[type, Stream] = {
    RandomState: Stream(
        lambda r: _from_numpy(r.get_state(legacy=False)), lambda r, t: r.set_state(_to_numpy(t)), numpy_second_normal
    ),
    random.Random: Stream(
        lambda r: _from_python(r.getstate()), lambda r, t: r.setstate(_to_python(t)), python_second_normal
    ),
    Generator: Stream(
        lambda r: _from_numpy(r.bit_generator.state),
        lambda r, t: setattr(r.bit_generator, "state", _to_numpy(t)),
        numpy_second_normal,  # never asked for: a Generator keeps no normal
    ),
}


# -- generators that are objects: their state as a tuple, whose first item is the bit generator's name


AnyGenerator = Generator | RandomState | random.Random


def generator_state(generator: AnyGenerator) -> tuple:
    """The state, or () for a bit generator that is not carried. That of a `Generator` ends with its `Seed` or None."""
    seed = (_seed(generator),) if type(generator) is Generator else ()
    if type(generator) is Generator and type(generator.bit_generator) is PCG64:
        state = generator.bit_generator.state
        return (
            "PCG64",
            state["state"]["state"],
            state["state"]["inc"],
            state["has_uint32"],
            int(state["uinteger"]),
            *seed,
        )
    twister = _TWISTERS[type(generator)].get(generator)
    return () if twister is None else ("MT19937", *twister, *seed)


def make_generator(kind: type, state: tuple) -> AnyGenerator:
    """Raises ValueError or TypeError for a state that is none of this kind of generator's."""
    if kind is Generator:
        given = seed(state[-1])
        source = 0 if given is None else given.sequence()
        made = Generator(PCG64(source) if state[0] == "PCG64" else MT19937(source))
    else:
        made = kind()
    set_generator_state(made, state)
    return made


def set_generator_state(generator: AnyGenerator, state: tuple) -> None:
    """Raises ValueError or TypeError for a state that is none of this generator's."""
    if type(generator) is Generator:
        _spawn_up_to(generator, seed(state[-1]))
        state = state[:-1]
    if state[0] == "PCG64":
        inner = {"state": state[1], "inc": state[2]}
        kept = {"has_uint32": state[3], "uinteger": state[4]}
        generator.bit_generator.state = {"bit_generator": "PCG64", "state": inner, **kept}  # type: ignore[union-attr]
        return
    given = twister(state[1:])
    if state[0] != "MT19937" or given is None:
        raise ValueError("no state of a random generator")
    _TWISTERS[type(generator)].set(generator, given)


def generator_went_on(kind: type, mine: tuple, theirs: tuple) -> bool:
    """Whether `theirs` is `mine` drawn further."""
    if mine[0] != theirs[0] or len(mine) != len(theirs):
        return False
    if kind is Generator:
        if not _seed_went_on(mine[-1], theirs[-1]):
            return False
        mine, theirs = mine[:-1], theirs[:-1]
    if mine[0] == "PCG64":
        return _pcg64_went_on(mine, theirs)
    before, after = twister(mine[1:]), twister(theirs[1:])
    return before is not None and after is not None and twister_went_on(before, after, _TWISTERS[kind].second_normal)


class Seed(NamedTuple):
    """What `spawn` makes children from, as in numpy's SeedSequence."""

    entropy: int | tuple[int, ...]
    spawn_key: tuple[int, ...]
    pool_size: int
    children: int

    def sequence(self) -> SeedSequence:
        return SeedSequence(
            self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size, n_children_spawned=self.children
        )


def seed(form: Any) -> Seed | None:
    """A Seed from what came over the wire; None for None. Raises ValueError or TypeError for anything else."""
    if form is None:
        return None
    entropy, key, pool, children = form
    words = entropy if type(entropy) is tuple else (entropy,)
    ok = type(key) is tuple and len(words) <= SEED_WORDS and len(key) <= SEED_WORDS
    ok = ok and all(type(n) is int and 0 <= n < 2**SEED_BITS for n in (*words, *key))
    ok = ok and type(pool) is type(children) is int and 4 <= pool <= POOL and 0 <= children < 2**32
    if not ok:
        raise ValueError("no seed of a random generator")
    return Seed(entropy, key, pool, children)


def _seed(generator: Generator) -> tuple | None:
    """As a plain tuple; None for a seed that is not carried: of another class, of text, or out of bounds."""
    sequence = generator.bit_generator.seed_seq
    if type(sequence) is not SeedSequence:
        return None
    entropy: Any = sequence.entropy
    try:
        entropy = int(entropy) if ndim(entropy) == 0 else tuple(int(word) for word in entropy)
        form = entropy, tuple(map(int, sequence.spawn_key)), sequence.pool_size, sequence.n_children_spawned
        return None if seed(form) is None else form
    except (TypeError, ValueError):
        return None


def _seed_went_on(mine: tuple | None, theirs: Any) -> bool:
    """Whether only children were spawned in between."""
    try:
        before, after = seed(mine), seed(theirs)
    except (TypeError, ValueError):
        return False
    if before is None or after is None:
        return before is after
    return before[:3] == after[:3] and 0 <= after.children - before.children <= MOST_CHILDREN


def _spawn_up_to(generator: Generator, given: Seed | None) -> None:
    """Spawn, and drop, the children that the other side has spawned."""
    sequence: Any = generator.bit_generator.seed_seq
    if given is not None and type(sequence) is SeedSequence:
        missing = given.children - sequence.n_children_spawned
        if missing > MOST_CHILDREN:
            raise ValueError("too many children of a random generator")
        if missing > 0:
            sequence.spawn(missing)


def _pcg64_went_on(mine: tuple, theirs: tuple) -> bool:
    _, start, increment, had_half, half = mine
    _, end, increment2, has_half, half2 = theirs
    if not all(type(x) is int for x in theirs[1:]) or increment2 != increment or not 0 <= end < 2**128:
        return False
    steps = _lcg_distance(start, end, increment)
    if steps > FURTHEST_PCG64 or has_half not in (0, 1) or not 0 <= half2 < 2**32:
        return False
    if not has_half or (had_half and half2 == half):
        return True
    bits = PCG64(0)
    bits.state = {"bit_generator": "PCG64", "state": {"state": start, "inc": increment}, "has_uint32": 0, "uinteger": 0}
    last = min(steps, _HALVES)
    bits.advance(steps - last)
    return half2 in (bits.random_raw(last) >> uint64(32))


def _lcg_distance(start: int, end: int, increment: int) -> int:
    """Steps of PCG64's congruential generator from `start` to `end`, one bit at a time (Brown 1994)."""
    multiplier, mask, bit, distance = 47026247687942121848144207491837523525, 2**128 - 1, 1, 0
    while start != end and bit <= mask:
        if (start ^ end) & bit:
            start = (start * multiplier + increment) & mask
            distance |= bit
        bit <<= 1
        increment = ((multiplier + 1) * increment) & mask
        multiplier = (multiplier * multiplier) & mask
    return distance if start == end else 2**128
