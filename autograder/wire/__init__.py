"""How hidden tests are judged without meeting the code that they judge.

Two processes talk over a socket. The *player* ran the student's notebook and holds its objects. The *referee* holds
the instructor's copy of a test cell and runs it, unchanged; what the cell lacks, it asks from the player. The referee
alone decides, and believes nothing: whatever the player sends is checked, bounded and used as plain data only.

    referee                                              player
    assert np.allclose(softmax(x), want)
      softmax     where the test cell's names live: names.py
      softmax(x)  -- ["ask", "call", [softmax, x]] -->   runs the student's softmax
                  <-- ["answer", array, ...] ---------
      np.allclose on two arrays that are here: guards.py

**What crosses, and how**

- *By copy* (values.py): numbers, text, tuples and other immutable values, of exact types only. A subclass of float is
  not a float here, so a comparison never runs a method of the submission.
- *By identity* (shared.py): lists, dicts, sets, arrays, random generators. Both sides have one each, under the same
  token; with every message goes what changed since the last one. So changes in place, aliases and views behave as they
  do in one process. Random generators come back only as the referee's own, drawn further (random_states.py).
- *By name* (library.py): `np.tanh`, `float`, `KeyError`, from a list of what may be named.
- *As a handle* (proxies.py): everything else stays at home. Student objects are mirrored in the referee by classes with
  the same special methods; what a test does with them becomes a request. A test's functions and objects appear in the
  player as callbacks: functions can be called, objects show public attributes, nothing else.
- *Exceptions* arrive as builtin or numpy classes, or as mirrored ones with the same bases. StopIteration passes only in
  answer to `next`: anywhere else it would end a loop of the test. (One that came from an iterator of the test passes
  where the reference lets it through.)
- *Ambient state* (ambient.py): numpy's error state, the global random streams, patched library functions.

**Why a submission cannot talk its way through** (exchange.py)

- *The record.* The reference solution is judged first. What it does at each place of the test cell, a submission may do
  there: give an object, act through its operators, give an array without elements, broadcast, hide an exception, change
  what the test passed in. The next two rules follow from it.
- *Kinds.* An object in a place for data can be held, iterated and passed back; anything else raises a TypeError that
  names its class. So an object that pretends to be a number decides nothing, while a student's Tensor class works
  wherever the reference's does. An array without elements is treated likewise, and a namedtuple that numpy could take
  for an array becomes a tuple.
- *Write-back.* A submission could zero its inputs, so that an expected value computed from them afterwards agrees. The
  place of an object is the argument, attribute or variable by which it first crossed; a view belongs to its base. If a
  submission changes an object whose place the record lacks (`wrote`), the test is judged once more with `freeze`, where
  such changes are not let in, and must pass again. Drawing from a random generator is no change.
- *The end is the end.* Death, timeout and malformed messages raise `Fatal`, which is no Exception; it is remembered, so
  a test that swallows it fails all the same. An assertion that fails in a callback fails the test even if the student
  swallows it.
- *Bounds* (limits.py, channel.py). Lengths are checked before anything is allocated; one absolute deadline holds for
  all of a test's messages and for its own loops.
- *Proof.* A test passes if it ran to its end and the submission answered something (referee.py). The last line's number
  is the score, if the reference gives a number there; it must lie between 0 and the cell's points.

**Where to read on**

    limits  channel  values  random_states  shared  library     what crosses; each stands alone
    peer                                                        both ends: encode, decode, keep in step
    player                                                      the end with the student's objects
    proxies  ambient  exchange  guards                          the end with the test
    names                                                       which name of a test cell lives where; lint
    referee                                                     prepare, judge, ask

What a test cannot do over the wire is refused at release, with advice (`names.lint`): asynchronous functions, pandas
and scipy.sparse values, variables of an earlier test cell, setup data that the solution changes in place. At run time
a change of an array's dtype or size in place is refused, too. It stays possible to write a test that believes the
submission: one that checks a student's `==` by using it, hands the expected value to a student's operator, or computes
it from an array that the student gave. `autograder verify` finds many of these with players that lie
(autograder.inside.liars).
"""
