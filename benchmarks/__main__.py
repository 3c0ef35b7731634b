"""`python -m benchmarks [GROUP ...] [--size N] [--json]`: exit status 0 if every target is reached, else 1."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys

from benchmarks import Result

GROUPS = {
    "autodiff": "benchmarks.autodiff",
    "autograding": "benchmarks.autograding",
    "optim": "benchmarks.optim",
}


def main() -> int:
    arguments = _parser().parse_args()
    results = [
        result
        for group in arguments.groups or GROUPS
        for result in importlib.import_module(GROUPS[group]).measure(arguments.size)
    ]
    if arguments.json:
        documents = [dataclasses.asdict(result) for result in results]
        print(json.dumps([{k: v for k, v in d.items() if k != "shares" or v} for d in documents], indent=2))
    else:
        print("\n".join(_line(result) for result in results))
    return 0 if all(result.reached for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios to peers, measured in one run.")
    # No `choices`: argparse would check an empty list against them too.
    parser.add_argument("groups", nargs="*", metavar="GROUP", type=_group, help=f"any of: {', '.join(GROUPS)}")
    parser.add_argument("--size", type=int, help="how much work, where a group can do more or less")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser


def _group(name: str) -> str:
    if name not in GROUPS:
        raise argparse.ArgumentTypeError(f"no group {name!r}; there are: {', '.join(GROUPS)}")
    return name


def _line(result: Result) -> str:
    peers = "".join(f", {peer} {ratio:.3g}" for peer, ratio in result.against.items())
    target = f"target {'at most' if result.better == 'lower' else 'at least'} {result.target:g}"
    line = f"{result.group}: {result.name}: {result.ratio:.3g}{peers} ({target}: {'yes' if result.reached else 'NO'})"
    return "\n".join([line, *(f"    {share:6.1%} {what}" for what, share in result.shares.items())])


if __name__ == "__main__":
    sys.exit(main())
