"""An IPython shell without a kernel: a notebook cell goes in, nbformat outputs come out.

What a student may do in a notebook works here too: display and its updates, figures, magics, `!command`, top-level
await, tqdm. What needs a person or a network does nothing and says so: input(), `%pip`, the pager, gui loops.
"""

from __future__ import annotations

import base64
import builtins
import getpass
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Instance, Type
from traitlets.config import Config

MAX_OUTPUT = 1 << 20  # characters of one cell's outputs
_MAX_TRACEBACK_LINE = 20_000
_ONE_LINE_OR_NOT_ONLY_PYTHON = re.compile(
    r"""\A[^\n]*\n?\Z  # one line: IPython might call what it names
    | [%!?]             # magics, shell commands, help
    | ^\s*[,;/]         # calls without parentheses
    | \A\s | >>> | In\ \[  # indented as a whole, or copied with prompts""",
    re.MULTILINE | re.VERBOSE,
)


class Outputs:
    """The outputs of the cell that runs now, as nbformat has them."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self._size = 0
        self._clear_before_next = False

    def end(self) -> list[dict[str, Any]]:
        items = self._items
        for item in items:
            if item["output_type"] == "stream":
                item["text"] = "".join(item["text"])
        self.begin()
        return items

    def add(self, item: dict[str, Any], size: int) -> None:
        if self._room(size):
            self._items.append(item)

    def stream(self, name: str, text: str) -> None:
        room = MAX_OUTPUT - self._size
        if not self._room(len(text)):
            if room <= 0:
                return
            text = text[:room] + "\n[the rest of this cell's output was cut]\n"
        last = self._items[-1] if self._items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        else:
            self._items.append({"output_type": "stream", "name": name, "text": [text]})

    def display(self, item: dict[str, Any], display_id: str | None, update: bool) -> None:
        if update:
            for shown in self._displays.get(display_id or "", ()):
                shown.update(data=item["data"], metadata=item["metadata"])
            return
        if display_id:
            self._displays.setdefault(display_id, []).append(item)
        self.add(item, _size(item["data"]))

    def clear(self, wait: bool) -> None:
        if wait:
            self._clear_before_next = True
        else:
            self._items = []

    def _room(self, size: int) -> bool:
        if self._clear_before_next:
            self._items, self._clear_before_next = [], False
        self._size += size
        return self._size <= MAX_OUTPUT


class _Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, outputs: Outputs) -> None:
        self.name = f"<{name}>"
        self._kind, self._outputs = name, outputs

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._outputs.stream(self._kind, text)
        return len(text)


class _Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, *, transient=None, update=False, **_):  # type: ignore[override]
        item = {"output_type": "display_data", "data": _jsonable(data), "metadata": metadata or {}}
        self.shell.cell_outputs.display(item, (transient or {}).get("display_id"), update)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.cell_outputs.clear(wait)


class _Result(DisplayHook):
    shell: Shell  # traitlets would allow None

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict, md_dict=None) -> None:
        if format_dict:
            data = _jsonable(format_dict)
            item = {"output_type": "execute_result", "execution_count": self.prompt_count, "data": data}
            self.shell.cell_outputs.add(item | {"metadata": md_dict or {}}, _size(data))

    def finish_displayhook(self) -> None:
        pass


class Shell(InteractiveShell):
    displayhook_class = Type(_Result)
    display_pub_class = Type(_Publisher)
    cell_outputs = Instance(Outputs, ())

    def enable_gui(self, gui=None) -> None:
        pass

    def ask_exit(self) -> None:
        pass

    def transform_cell(self, raw_cell: str) -> str:
        """IPython's own, but quick for plain Python: to tokenize a cell takes longer than to run most of them."""
        if _ONE_LINE_OR_NOT_ONLY_PYTHON.search(raw_cell):
            return super().transform_cell(raw_cell)
        return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"

    def should_run_async(self, raw_cell: str, *, transformed_cell=None, preprocessing_exc_tuple=None) -> bool:
        if "await" not in raw_cell and "async" not in raw_cell:
            return False
        return super().should_run_async(
            raw_cell, transformed_cell=transformed_cell, preprocessing_exc_tuple=preprocessing_exc_tuple
        )

    def _format_exception_for_storage(self, exception, *_, **__) -> list[str]:
        return []  # for a history that nobody reads

    def _showtraceback(self, etype, evalue, stb) -> None:
        try:
            text = str(evalue)
        except Exception:  # a student's exception may fail to print
            text = "?"
        lines = [line[:_MAX_TRACEBACK_LINE] for line in stb]
        name = getattr(etype, "__name__", str(etype))
        item = {"output_type": "error", "ename": name, "evalue": text[:10_000], "traceback": lines}
        self.cell_outputs.add(item, sum(map(len, lines)))

    def system_piped(self, cmd: str) -> None:
        """`!cmd`: no terminal; what it prints goes into the cell."""
        command = ["/bin/sh", "-c", self.var_expand(cmd, depth=1)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        sys.stdout.write(done.stdout.decode("utf-8", "replace"))
        self.user_ns["_exit_code"] = done.returncode

    system = system_piped


def make_shell() -> Shell:
    config = Config()
    config.HistoryManager.enabled = False  # it starts a thread and a database
    config.HistoryManager.hist_file = ":memory:"
    shell = Shell.instance(config=config, colors="nocolor")
    shell.cache_size = 0
    shell.set_hook("show_in_pager", lambda self, *args, **kwargs: None, 0)
    for name in ("pip", "conda", "mamba", "uv"):
        shell.register_magic_function(_no_install, "line", name)  # type: ignore[call-arg, arg-type]
    builtins.input = getpass.getpass = _no_input  # type: ignore[assignment]
    return shell


def run_cell(shell: Shell, source: str) -> tuple[list[dict[str, Any]], int, bool]:
    """Run one cell; its outputs, its execution count, and whether it ended without an error."""
    outputs = shell.cell_outputs
    outputs.begin()
    count = shell.execution_count
    streams = sys.stdout, sys.stderr
    collect = _collect_descriptors(outputs)
    sys.stdout, sys.stderr = _Stream("stdout", outputs), _Stream("stderr", outputs)
    try:
        ok = shell.run_cell(source, store_history=True).success
    except SystemExit:  # what the student typed, not our end
        ok = False
    finally:
        sys.stdout, sys.stderr = streams
        collect()
    return outputs.end(), count, ok


def _collect_descriptors(outputs: Outputs) -> Callable[[], None]:
    """Send descriptors 1 and 2 to files in memory: C code and child processes write there."""
    files = [os.memfd_create(name) for name in ("stdout", "stderr")]
    saved = [os.dup(1), os.dup(2)]
    for fd, file in zip((1, 2), files, strict=True):
        os.dup2(file, fd)

    def collect() -> None:
        for fd, file, old, name in zip((1, 2), files, saved, ("stdout", "stderr"), strict=True):
            os.dup2(old, fd)
            os.close(old)
            if text := os.pread(file, MAX_OUTPUT, 0):
                outputs.stream(name, text.decode("utf-8", "replace"))
            os.close(file)

    return collect


def _no_input(prompt: object = "") -> str:
    raise StdinNotImplementedError("input() has no one to ask while the notebook is graded")


def _no_install(line: str) -> None:
    print("(packages are not installed while the notebook is graded)")


def _jsonable(data: dict[str, Any]) -> dict[str, Any]:
    return {k: base64.b64encode(v).decode("ascii") if isinstance(v, bytes) else v for k, v in data.items()}


def _size(data: dict[str, Any]) -> int:
    return sum(len(v) if isinstance(v, str) else 100 for v in data.values())
