"""The files in a folder or a zip file that someone else made. Nothing in it is trusted, nothing is unpacked to disk.

Each file comes as its path and a function that reads it; a zip file inside counts as a folder. What could reach outside
the source, hide another file or exhaust the machine is refused one by one, with the reason, and the rest goes on.
"""

from __future__ import annotations

import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

MAX_FILE = 128_000_000  # bytes of one file, unpacked
MAX_UNPACKED = 8_000_000_000  # bytes of one zip file, unpacked
MAX_RATIO = 200  # unpacked to packed; text in notebooks stays far below, a bomb is near 1,000
MAX_FILES = 100_000  # in one zip file
MAX_DEPTH = 20  # of folders
MAX_ZIPS = 2  # zip files inside each other
MAX_NAME = 255  # bytes of one name, as file systems have it
MAX_REFUSALS = 20  # listed for one zip file

_JUNK = {".ipynb_checkpoints", "__macosx", "thumbs.db", "desktop.ini", "__pycache__"}
_OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class File:
    """An ordinary file in a source.

    `shown` is safe to print. `parts` is the path within the source, a zip file on the way without its suffix. In a zip
    file within the source (`nested`) the time is that of the zip file: its maker can write any date into it.
    """

    shown: str
    parts: tuple[str, ...]
    modified: datetime  # aware, UTC
    open: Callable[[], BinaryIO]  # raises Refused
    nested: bool = False

    @property
    def name(self) -> str:
        return self.parts[-1]

    def read(self) -> bytes:
        """The content. Raises Refused if it cannot be read."""
        try:
            with self.open() as file:
                return file.read()
        except OSError as error:
            raise _closed(self.shown, error) from error


class Refused(Exception):
    """A file, or a whole source, that is not taken, and why."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(reason)
        self.shown = shown
        self.reason = reason


def files_in(source: Path, stack: ExitStack) -> Iterator[File | Refused]:
    """All files of a folder or a zip file, or the one file that it is; readable until the stack is closed."""
    shown = printable(str(source))
    if source.is_dir():
        yield from _unpacked(_in_folder(source, shown, ()), zips=0)
        return
    for found in _file(source, shown, (source.name,)):
        if isinstance(found, File) and _is_zip(found):
            yield from _in_zip(replace(found, parts=()), 1, stack)
        else:
            yield found


def printable(text: str, limit: int = 160) -> str:
    """Text of unknown origin without control characters, terminal sequences and half characters, cut to a length."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


def _is_junk(name: str) -> bool:
    """What editors and operating systems leave behind; checkpoints are old copies of a notebook."""
    return name not in (".", "..") and (name.startswith(".") or name.lower() in _JUNK)


# A folder ------------------------------------------------------------------------------------------------------------


def _in_folder(folder: Path, shown: str, parts: tuple[str, ...]) -> Iterator[File | Refused]:
    if len(parts) > MAX_DEPTH:
        yield Refused(shown, f"it is more than {MAX_DEPTH} folders deep")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _closed(shown, error)
        return
    for entry in entries:
        if not _is_junk(entry.name):
            yield from _entry(Path(entry.path), f"{shown}/{printable(entry.name)}", (*parts, entry.name))


def _entry(path: Path, shown: str, parts: tuple[str, ...]) -> Iterator[File | Refused]:
    if path.is_symlink():
        yield Refused(shown, "it is a symbolic link. Put the file itself there")
    elif path.is_dir():
        yield from _in_folder(path, shown, parts)
    elif path.is_file() and path.stat().st_nlink > 1:
        yield Refused(shown, "it is a hard link to a file that also lies elsewhere. Put a copy there")
    else:
        yield from _file(path, shown, parts)


def _file(path: Path, shown: str, parts: tuple[str, ...]) -> Iterator[File | Refused]:
    try:
        status = path.stat()
    except OSError as error:
        yield _closed(shown, error)
        return
    file = File(shown, parts, datetime.fromtimestamp(status.st_mtime, UTC), lambda: _open(path, shown))
    if not stat.S_ISREG(status.st_mode):
        yield Refused(shown, "it is no ordinary file (a device, a pipe or a socket)")
    elif status.st_size > MAX_FILE and not _is_zip(file):
        yield Refused(shown, _too_large(status.st_size))
    else:
        yield file


def _open(path: Path, shown: str) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _closed(shown, error) from error


def _closed(shown: str, error: OSError) -> Refused:
    return Refused(shown, f"it cannot be opened ({error.strerror}). Check its permissions")


# A zip file ----------------------------------------------------------------------------------------------------------


def _is_zip(file: File) -> bool:
    return file.name.lower().endswith(".zip")


def _unpacked(files: Iterable[File | Refused], zips: int) -> Iterator[File | Refused]:
    """The files, and in place of each zip file those in it; `zips` is in how many zip files they lie already."""
    for found in files:
        if isinstance(found, Refused):
            yield found
        elif found.name.lower().endswith(_OTHER_ARCHIVES):
            yield Refused(found.shown, "only zip files are opened. Unpack it, or have it handed in as a zip file")
        elif not _is_zip(found):
            yield found
        elif zips >= MAX_ZIPS:
            yield Refused(found.shown, f"zip files are opened {MAX_ZIPS} deep and no deeper. Unpack it")
        else:
            yield from _in_zip(replace(found, parts=(*found.parts[:-1], found.name[: -len(".zip")])), zips + 1)


def _in_zip(container: File, zips: int, stack: ExitStack | None = None) -> Iterator[File | Refused]:
    """The files in a zip file. It stays open in the stack; without one it is opened anew for each file that is read."""
    try:
        if stack:
            archive = stack.enter_context(_archive(container))
            members = _members(archive.infolist(), container, lambda: nullcontext(archive))
        else:
            with _archive(container) as archive:
                members = _members(archive.infolist(), container, lambda: _archive(container))
    except Refused as refused:
        yield refused
    except Exception as error:  # a damaged directory makes zipfile raise almost anything
        yield Refused(container.shown, f"it cannot be opened as a zip file ({printable(str(error))}). Zip it again")
    else:
        yield from _unpacked(_few(members, container), zips)


@contextmanager
def _archive(container: File) -> Iterator[zipfile.ZipFile]:
    with container.open() as file, zipfile.ZipFile(file) as archive:
        yield archive


def _few(members: list[File | Refused], container: File) -> Iterator[File | Refused]:
    """All files, and the first refusals: a hostile zip file could have a hundred thousand."""
    refused = 0
    for member in members:
        refused += isinstance(member, Refused)
        if isinstance(member, File) or refused <= MAX_REFUSALS:
            yield member
    if refused > MAX_REFUSALS:
        yield Refused(container.shown, f"{refused - MAX_REFUSALS:,} more files in it were refused")


def _members(
    infos: list[zipfile.ZipInfo], container: File, opened: Callable[[], AbstractContextManager[zipfile.ZipFile]]
) -> list[File | Refused]:
    """The files of one zip file, from its directory alone. Raises Refused for the zip file as a whole."""
    if len(infos) > MAX_FILES:
        raise Refused(container.shown, f"it has {len(infos):,} files; at most {MAX_FILES:,} are read")
    if (unpacked := sum(info.file_size for info in infos)) > MAX_UNPACKED:
        raise Refused(container.shown, f"it unpacks to {unpacked / 1e9:,.0f} GB; at most {MAX_UNPACKED / 1e9:,.0f} are")
    last = {_path(info): info for info in infos}
    members: list[File | Refused] = []
    for info in infos:
        path = _path(info)
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        shown = f"{container.shown}/{printable(path)}"
        if not parts or path.endswith("/") or (".." not in parts and any(map(_is_junk, parts))):
            continue
        if reason := _refusal(info, path) or ("" if last[path] is info else "a later file in it has the same name"):
            members.append(Refused(shown, reason))
        else:
            read = partial(_member, opened, info, shown)
            nested = container.nested or bool(container.parts)
            modified = container.modified if nested else _modified(info) or container.modified
            members.append(File(shown, (*container.parts, *parts), modified, read, nested))
    return members


def _path(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: UTF-8 often comes unmarked, and some programs for Windows write backslashes."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


_UTF8, _ENCRYPTED = 0x800, 0x1


def _refusal(info: zipfile.ZipInfo, path: str) -> str:
    """Why a file in a zip file is not taken; "" if nothing speaks against it."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "its name is absolute"
    if ".." in parts:
        return "its name leads out of the zip file"
    if any(unicodedata.category(c) == "Cc" for c in path):
        return "its name has control characters"
    if any(len(part.encode("utf-8", "surrogatepass")) > MAX_NAME for part in parts) or len(parts) > MAX_DEPTH:
        return f"its name is too long: {len(path):,} characters"
    if kind == stat.S_IFLNK:
        return "it is a link. Have the file itself handed in"
    if kind not in (0, stat.S_IFREG):
        return "it is no ordinary file (a device, a pipe or a socket)"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted. Have it handed in without a password"
    if info.file_size > MAX_FILE:
        return _too_large(info.file_size)
    if info.file_size > 1_000_000 and info.file_size > MAX_RATIO * info.compress_size:
        return f"it unpacks to more than {MAX_RATIO} times its size, as only a zip bomb does"
    return ""


def _too_large(size: int) -> str:
    return f"it has {size / 1e6:,.0f} MB; at most {MAX_FILE / 1e6:,.0f} MB are taken"


def _member(
    opened: Callable[[], AbstractContextManager[zipfile.ZipFile]], info: zipfile.ZipInfo, shown: str
) -> BinaryIO:
    """The unpacked file; zipfile reads no more than the size that was checked, and compares the checksum."""
    try:
        with opened() as archive:
            return io.BytesIO(archive.read(info))
    except Refused:
        raise
    except Exception as error:  # damaged data makes the decompressors raise almost anything
        raise Refused(shown, f"it cannot be unpacked ({printable(str(error))}). Zip it again") from error


def _modified(info: zipfile.ZipInfo) -> datetime | None:
    """Zip files carry local time without a zone, and 1980 where there is none."""
    if info.date_time[0] <= 1980:
        return None
    try:
        return datetime(*info.date_time).astimezone(UTC)
    except ValueError:
        return None
