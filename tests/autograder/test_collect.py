import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory

from autograder import sources
from autograder.collect import collect
from autograder.course import Course
from autograder.errors import CourseError
from autograder.model import Assignment, Cell, Notebook

NAME = "06-optimizers"
CELLS = tuple(Cell("code", name, name, "solution", name) for name in ("momentum", "adam"))
ASSIGNMENT = Assignment(NAME, "Optimizers", (Notebook("optimizers", CELLS),), (), files=("data/x.csv",))
NOON = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)

Tree = dict[str, bytes]


def notebook(text: str = "", *ids: str) -> bytes:
    cells = [{"cell_type": "code", "source": text, "metadata": {"nbgrader": {"grade_id": name}}} for name in ids]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"text": text}, "cells": cells}).encode()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course", ASSIGNMENT)


def make_course(root: Path, assignment: Assignment) -> Course:
    (root / "masters").mkdir(parents=True)
    (root / "masters" / f"{NAME}.json").write_text(assignment.to_json())
    (root / "source" / "07-other").mkdir(parents=True)
    return Course(root)


def folder(place: Path, tree: Tree, time: datetime = NOON) -> Path:
    for name, content in tree.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.timestamp(), time.timestamp()))
    place.mkdir(exist_ok=True)
    return place


def zipped(tree: dict[str, bytes], time: datetime = NOON) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items():
            archive.writestr(zipfile.ZipInfo(name, time.astimezone().timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def zip_file(place: Path, tree: Tree, time: datetime = NOON) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(zipped(tree, time))
    return place


def submitted(course: Course) -> Tree:
    files = (path for path in course.submitted.rglob("*") if path.is_file() and path.name != "timestamp.txt")
    return {path.relative_to(course.submitted).as_posix(): path.read_bytes() for path in files}


def reasons(document: dict) -> dict[str, str]:
    return {Path(refused["from"]).name: refused["reason"] for refused in document["refused"]}


def students(document: dict) -> list[str]:
    return [taken["student"] for taken in document["taken"]]


A, B, C = notebook("a", "adam"), notebook("b", "adam"), notebook("c", "adam")

# Layouts: what lies in the source, and which file becomes whose submission

LAYOUTS: dict[str, tuple[Tree, Tree]] = {
    "nbgrader": (
        {f"alice/{NAME}/optimizers.ipynb": A, f"bob/{NAME}/optimizers.ipynb": B, "carol/07-other/optimizers.ipynb": C},
        {"alice": A, "bob": B},
    ),
    "nbgrader, below its step": ({f"submitted/alice/{NAME}/optimizers.ipynb": A}, {"alice": A}),
    "nbgrader's exchange": (
        {
            f"alice+{NAME}+2026-02-01 10:00:00.000000 UTC+x1/optimizers.ipynb": A,
            f"alice+{NAME}+2026-02-01 11:00:00.000000 UTC+x2/optimizers.ipynb": B,
            "alice+07-other+2026-02-01 12:00:00.000000 UTC+x3/optimizers.ipynb": C,
        },
        {"alice": B},
    ),
    "a folder for each student": ({"alice/optimizers.ipynb": A, "bob/my work.ipynb": B}, {"alice": A, "bob": B}),
    "one student, renamed": ({"alice/Copy of optimizers (1).ipynb": A}, {"alice": A}),
    "one student, a folder deeper": ({"alice/homework/optimizers.ipynb": A}, {"alice": A}),
    "a folder around": ({"class/alice/optimizers.ipynb": A, "class/bob/x.ipynb": B}, {"alice": A, "bob": B}),
    "a folder around, files": ({f"{NAME}/alice.ipynb": A}, {"alice": A}),
    "files": ({"alice.ipynb": A, "bob_smith.ipynb": B, "carol.ipynb.txt": C}, {"alice": A, "bob_smith": B, "carol": C}),
    "files downloaded twice": ({"alice.ipynb": A, "alice (1).ipynb": B}, {"alice": B}),
    "Canvas": (
        {
            "doejane_101_9001_optimizers.ipynb": A,
            "roerick_LATE_102_9002_my_work-2.ipynb": B,
            "vander_meer_103_9003_optimizers.ipynb": C,
        },
        {"101": A, "102": B, "103": C},
    ),
    "Canvas, a resubmission with fewer cells": (
        {
            "doejane_101_9001_optimizers.ipynb": notebook("old", "adam", "momentum"),
            "doejane_101_9010_optimizers-1.ipynb": A,
        },
        {"101": A},
    ),
    "Canvas, zip files": ({"doejane_101_9001_work.zip": zipped({"work/optimizers.ipynb": A})}, {"101": A}),
    "Moodle": (
        {
            "Jane Doe_12345_assignsubmission_file_/optimizers.ipynb": A,
            "Rick Röe_12346_assignsubmission_file_/notes.ipynb": B,
            "Rick Röe_12346_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
        },
        {"12345": A, "12346": B},
    ),
    "Moodle, one student": ({"Jane Doe_12345_assignsubmission_file_/optimizers.ipynb": A}, {"12345": A}),
    "Moodle, files": ({"Jane Doe_12345_assignsubmission_file_optimizers.ipynb": A}, {"12345": A}),
    "one zip file for each student": (
        {"alice.zip": zipped({"optimizers.ipynb": A}), "bob.zip": zipped({f"{NAME}/optimizers.ipynb": B})},
        {"alice": A, "bob": B},
    ),
    "checkpoints and what systems leave": (
        {
            "alice/.ipynb_checkpoints/optimizers.ipynb": B,
            "alice/x.ipynb": A,
            "__MACOSX/alice/optimizers.ipynb": B,
            ".DS_Store": b"",
        },
        {"alice": A},
    ),
    "broken notebooks": (
        {"alice/optimizers.ipynb": b'{"cells": [', "bob/optimizers.ipynb": b""},
        {"alice": b'{"cells": [', "bob": b""},
    ),
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, packed: bool, course: Course, tmp_path: Path):
    tree, expected = LAYOUTS[layout]
    source = zip_file(tmp_path / "download.zip", tree) if packed else folder(tmp_path / "download", tree)
    document = collect(NAME, [source], course=course)
    assert document["refused"] == []
    assert submitted(course) == {f"{student}/{NAME}/optimizers.ipynb": text for student, text in expected.items()}
    assert students(document) == sorted(expected)
    for taken in document["taken"]:
        assert Path(taken["to"]) == course.folder("submitted", NAME, taken["student"])


def test_a_source_can_be_one_student(course: Course, tmp_path: Path):
    paths = [
        folder(tmp_path / "alice", {"optimizers.ipynb": A, "data/x.csv": b"1"}),
        zip_file(tmp_path / "bob.zip", {f"{NAME}/optimizers.ipynb": B}),
        folder(tmp_path, {"carol.ipynb": C}) / "carol.ipynb",
    ]
    assert students(collect(NAME, paths, course=course)) == ["alice", "bob", "carol"]
    assert submitted(course)[f"alice/{NAME}/data/x.csv"] == b"1"


@pytest.mark.parametrize("place", ["optimizers.ipynb", "submissions/optimizers.ipynb", "x/optimizers (3).ipynb"])
def test_a_notebook_that_names_no_student_is_refused(place: str, course: Course, tmp_path: Path):
    path = folder(tmp_path, {place: A, "x/alice.ipynb": B}) / place
    document = collect(NAME, [path if "/" not in place else path.parent], course=course)
    assert "whose it is cannot be told" in reasons(document)[path.name]


# Which of several files


@pytest.mark.parametrize(
    ("tree", "taken"),
    [
        ({"optimizers.ipynb": A, "optimizers-Copy1.ipynb": notebook("more", "adam", "momentum")}, A),
        ({"x.ipynb": A, "y.ipynb": notebook("more", "adam", "momentum")}, notebook("more", "adam", "momentum")),
        ({"x.ipynb": b"broken", "y.ipynb": A}, A),
        ({"Optimizers.ipynb": A}, A),
    ],
    ids=["by name", "by cells", "readable", "case"],
)
def test_one_of_several_files_is_taken(tree: Tree, taken: bytes, course: Course, tmp_path: Path):
    document = collect(NAME, [folder(tmp_path / "in", {f"alice/{k}": v for k, v in tree.items()})], course=course)
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": taken}
    (notes,) = [taken["notes"] for taken in document["taken"]]
    unused = [Path(k).name for k, v in tree.items() if v != taken]
    assert all(any(note.startswith("not used") and name in note for note in notes) for name in unused)


def test_the_newest_of_equals_is_taken(course: Course, tmp_path: Path):
    folder(tmp_path / "in", {"alice/b.ipynb": A}, NOON)
    source = folder(tmp_path / "in", {"alice/a.ipynb": B}, NOON.replace(hour=13))
    document = collect(NAME, [source], course=course)
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": B}
    assert document["taken"][0]["timestamp"] == "2026-02-01T13:00:00+00:00"


def test_several_notebooks_are_told_apart_by_name_and_by_cells(tmp_path: Path):
    notebooks = tuple(Notebook(name, (replace(CELLS[0], grade_id=name),)) for name in ("p1", "p2", "p3"))
    course = make_course(tmp_path / "course", replace(ASSIGNMENT, notebooks=notebooks))
    tree = {"alice/p1.ipynb": A, "alice/other.ipynb": notebook("x", "p2"), "alice/scratch.ipynb": C, "alice/y.csv": b""}
    document = collect(NAME, [folder(tmp_path / "in", tree)], course=course)
    assert submitted(course) == {f"alice/{NAME}/p1.ipynb": A, f"alice/{NAME}/p2.ipynb": notebook("x", "p2")}
    notes = document["taken"][0]["notes"]
    assert notes[:2] == ["p3.ipynb is missing", "other.ipynb was taken as p2.ipynb"]


def test_only_the_side_files_of_the_assignment_are_taken(course: Course, tmp_path: Path):
    tree = {"alice/optimizers.ipynb": A, "alice/data/x.csv": b"1", "alice/sitecustomize.py": b"x", "alice/x.csv": b"2"}
    collect(NAME, [folder(tmp_path / "in", tree)], course=course)
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": A, f"alice/{NAME}/data/x.csv": b"1"}


# Timestamps


def test_nbgrader_reads_the_timestamp(course: Course, tmp_path: Path):
    document = collect(NAME, [zip_file(tmp_path / "in.zip", {"alice.ipynb": A})], course=course)
    assert document["taken"][0]["timestamp"] == NOON.isoformat()
    directory = CourseDirectory(root=str(course.root))
    read = directory.get_existing_timestamp(str(course.folder("submitted", NAME, "alice")))
    assert read == NOON.replace(tzinfo=None)


def test_the_time_that_nbgrader_recorded_counts_but_not_one_that_a_student_packed(course: Course, tmp_path: Path):
    early, late = b"2026-01-01 08:00:00.000000 UTC", "2026-01-01T08:00:00+00:00"
    work = {f"{NAME}/optimizers.ipynb": A, f"{NAME}/timestamp.txt": early}
    tree = {f"alice/{name}": content for name, content in work.items()} | {"bob.zip": zipped(work, NOON.replace(day=2))}
    taken = collect(NAME, [folder(tmp_path / "in", tree)], course=course)["taken"]
    assert [entry["timestamp"] for entry in taken] == [late, NOON.isoformat()]


# Resubmission


def test_collecting_again_changes_nothing(course: Course, tmp_path: Path):
    source = folder(tmp_path / "in", {"alice/optimizers.ipynb": A, "bob.zip": zipped({"optimizers.ipynb": B})})
    first = collect(NAME, [source], course=course)
    before = {path: path.stat().st_mtime_ns for path in course.root.rglob("*")}
    folder(tmp_path / "in", {"alice/optimizers.ipynb": A}, NOON.replace(hour=15))
    again = collect(NAME, [source], course=course)
    assert {path: path.stat().st_mtime_ns for path in course.root.rglob("*")} == before
    assert [taken.pop("notes") for taken in again["taken"]] == [["unchanged"], ["unchanged"]]
    assert [taken.pop("notes") for taken in first["taken"]] == [[], []]
    assert again == first


def test_a_resubmission_takes_the_place_and_the_older_is_kept(course: Course, tmp_path: Path):
    old = {"alice/optimizers.ipynb": A, "alice/data/x.csv": b"1"}
    collect(NAME, [folder(tmp_path / "1", old)], course=course)
    new = folder(tmp_path / "2", {"alice/optimizers.ipynb": B}, NOON.replace(hour=14))
    for _ in range(2):
        (taken,) = collect(NAME, [new], course=course)["taken"]
        assert taken["timestamp"] == "2026-02-01T14:00:00+00:00"
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": B}
    kept = course.root / "collected" / NAME / "alice"
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()) == [
        "2026-02-01T120000Z/data/x.csv",
        "2026-02-01T120000Z/optimizers.ipynb",
        "2026-02-01T120000Z/timestamp.txt",
    ]
    assert (kept / "2026-02-01T120000Z/optimizers.ipynb").read_bytes() == A


def test_of_several_sources_the_newest_counts(course: Course, tmp_path: Path):
    new = folder(tmp_path / "1", {"alice.ipynb": B}, NOON.replace(hour=14))
    old = zip_file(tmp_path / "2.zip", {"alice/optimizers.ipynb": A})
    for _ in range(2):
        (taken,) = collect(NAME, [new, old], course=course)["taken"]
        assert any("older submission" in note for note in taken["notes"])
        assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": B}
        kept = list((course.root / "collected" / NAME / "alice").iterdir())
        assert [path.name for path in kept] == ["2026-02-01T120000Z"]


def test_an_older_file_that_is_collected_on_purpose_is_taken_with_a_note(course: Course, tmp_path: Path):
    collect(NAME, [folder(tmp_path / "1", {"alice.ipynb": B}, NOON.replace(hour=14))], course=course)
    (taken,) = collect(NAME, [folder(tmp_path / "2", {"alice.ipynb": A})], course=course)["taken"]
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": A}
    assert "it is older than the one whose place it took" in taken["notes"]


def test_an_interrupted_run_is_completed_by_the_next(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    collect(NAME, [folder(tmp_path / "1", {"alice.ipynb": A})], course=course)
    source = folder(tmp_path / "2", {"alice.ipynb": B}, NOON.replace(hour=14))

    def full(path: str, place: Path) -> None:
        if str(place).endswith(".ipynb"):
            raise OSError(28, "No space left on device", str(place))
        os.rename(path, place)

    with monkeypatch.context() as patch:
        patch.setattr("autograder.collect.os.replace", full)
        with pytest.raises(CourseError, match="No space left"):
            collect(NAME, [source], course=course)
    collect(NAME, [source], course=course)
    final = {name: text for name, text in submitted(course).items() if name.endswith(".ipynb")}
    assert final == {f"alice/{NAME}/optimizers.ipynb": B}
    assert A in [path.read_bytes() for path in (course.root / "collected").rglob("*.ipynb")]


# Student ids


@pytest.mark.parametrize(
    ("found", "student"),
    [
        ("a+b*c", "a_b_c"),
        ("jane@example.edu", "jane@example.edu"),
        ("-rf.", "_rf_"),
        ("alice+", "alice_"),
        ("Zoë Ångström", "Zoë_Ångström"),
        ("Zoe\u0308", "Zoë"),
        ("x\x1b[31m\u202e{student_id}", "x__31m__student_id_"),
        ("d'Arc", "d_Arc"),
    ],
)
def test_student_ids_are_made_safe(found: str, student: str, course: Course, tmp_path: Path):
    document = collect(NAME, [folder(tmp_path / "in", {f"{found}/optimizers.ipynb": A})], course=course)
    assert students(document) == [student]
    assert list(submitted(course)) == [f"{student}/{NAME}/optimizers.ipynb"]
    assert json.dumps(document).isprintable()


@pytest.mark.parametrize("found", ["+++", "x" * 151, "é" * 76])
def test_student_ids_that_cannot_be_kept_are_refused(found: str, course: Course, tmp_path: Path):
    tree = {f"{found}.ipynb": A, "alice.ipynb": B}
    document = collect(NAME, [folder(tmp_path / "in", tree)], course=course)
    assert students(document) == ["alice"]
    assert "Rename the folder or the file" in document["refused"][0]["reason"]


@pytest.mark.parametrize(
    ("present", "found", "taken"),
    [
        ([], ["a_b", "a+b"], ["a_b"]),
        ([], ["a'b", "a+b"], []),
        ([], ["ALICE", "alice", "bob"], ["bob"]),
        (["alice"], ["ALICE", "alice"], ["alice"]),
        (["alice"], ["Alice"], []),
        (["a_b"], ["a+b"], ["a_b"]),
    ],
)
def test_students_who_would_be_mixed_up_are_refused(
    present: list[str], found: list[str], taken: list[str], course: Course, tmp_path: Path
):
    if present:
        collect(NAME, [folder(tmp_path / "before", {f"{name}.ipynb": A for name in present})], course=course)
    document = collect(NAME, [folder(tmp_path / "in", {f"{name}.ipynb": B for name in found})], course=course)
    assert students(document) == taken
    assert len(document["refused"]) == len(found) - len(taken)
    assert all("would be mixed up" in refused["reason"] for refused in document["refused"])


# Nothing is trusted


def test_links_and_devices_in_a_folder_are_refused(course: Course, tmp_path: Path):
    secret = folder(tmp_path, {"secret.ipynb": C}) / "secret.ipynb"
    source = folder(tmp_path / "in", {"alice/optimizers.ipynb": A})
    for student in ("bob", "carol", "dave"):
        (source / student).mkdir()
    (source / "bob/optimizers.ipynb").symlink_to(secret)
    os.link(secret, source / "carol/optimizers.ipynb")
    os.mkfifo(source / "dave/optimizers.ipynb")
    (source / "eve").symlink_to(tmp_path)
    document = collect(NAME, [source], course=course)
    assert students(document) == ["alice"]
    found = {Path(r["from"]).relative_to(source).parts[0]: r["reason"] for r in document["refused"]}
    assert [word in found[name] for name, word in [("bob", "symbolic"), ("carol", "hard link"), ("dave", "pipe")]]
    assert sorted(found) == ["bob", "carol", "dave", "eve"]


def entry(name: str, mode: int = 0, **fields: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 2, 1, 12, 0, 0))
    info.external_attr = mode << 16
    for field, value in fields.items():
        setattr(info, field, value)
    return info


ENTRIES = {
    "zip-slip": (entry("../../evil/optimizers.ipynb"), "leads out"),
    "inner ..": (entry("bob/../../optimizers.ipynb"), "leads out"),
    "backslashes": (entry("..\\..\\evil.ipynb"), "leads out"),
    "absolute": (entry("/etc/optimizers.ipynb"), "absolute"),
    "drive": (entry("C:/optimizers.ipynb"), "absolute"),
    "symbolic link": (entry("bob/optimizers.ipynb", stat.S_IFLNK | 0o777), "a link"),
    "device": (entry("bob/optimizers.ipynb", stat.S_IFBLK | 0o666), "no ordinary file"),
    "long name": (entry("bob/" + "x" * 4096 + ".ipynb"), "too long"),
    "deep": (entry("a/" * 500 + "x.ipynb"), "too long"),
    "control characters": (entry("bob\x1b]0;x\x07/optimizers.ipynb"), "control characters"),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_hostile_entries_are_refused_and_the_rest_is_taken(what: str, course: Course, tmp_path: Path):
    info, reason = ENTRIES[what]
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(info, C)
        archive.writestr("alice/optimizers.ipynb", A)
    document = collect(NAME, [tmp_path / "in.zip"], course=course)
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": A}
    assert [reason in refused["reason"] for refused in document["refused"]] == [True]
    assert json.dumps(document, ensure_ascii=False).isprintable()
    assert len(json.dumps(document)) < 1_000
    assert {path.name for path in tmp_path.iterdir()} == {"course", "in.zip"}


def patched(place: Path, tree: Tree, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(zipped(tree))
    change(data)
    place.write_bytes(data)
    return place


def latin1_name(data: bytearray) -> None:
    data[:] = data.replace(b"zoX", b"zo\xeb")


def encrypt_first(data: bytearray) -> None:
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1


def break_data_of_first(data: bytearray) -> None:
    start = data.index(b"bob/optimizers.ipynb") + len("bob/optimizers.ipynb")
    data[start : start + 20] = b"\xff" * 20


def wrong_method_of_first(data: bytearray) -> None:
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", data, data.index(signature) + offset, 9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (encrypt_first, "encrypted"),
        (break_data_of_first, "cannot be unpacked"),
        (wrong_method_of_first, "cannot be unpacked"),
    ],
)
def test_a_damaged_entry_does_not_stop_the_rest(
    change: Callable[[bytearray], None], reason: str, course: Course, tmp_path: Path
):
    source = patched(tmp_path / "in.zip", {"bob/optimizers.ipynb": B * 50, "alice/optimizers.ipynb": A}, change)
    document = collect(NAME, [source], course=course)
    assert students(document) == ["alice"]
    assert reason in reasons(document)["optimizers.ipynb"]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip file", zipped({"a": b"1"})[:-30]])
def test_a_damaged_zip_file_does_not_stop_the_rest(content: bytes, course: Course, tmp_path: Path):
    inside = folder(tmp_path / "in", {"alice.ipynb": A, "bob.zip": content})
    (tmp_path / "outside.zip").write_bytes(content)
    document = collect(NAME, [tmp_path / "outside.zip", inside], course=course)
    assert students(document) == ["alice"]
    assert sorted(reasons(document)) == ["bob.zip", "outside.zip"]
    assert all("cannot be opened as a zip file" in reason for reason in reasons(document).values())


def test_of_two_entries_with_one_name_the_last_is_taken(course: Course, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("alice/optimizers.ipynb", A)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("alice/optimizers.ipynb", B)
    document = collect(NAME, [tmp_path / "in.zip"], course=course)
    assert submitted(course) == {f"alice/{NAME}/optimizers.ipynb": B}
    assert "same name" in reasons(document)["optimizers.ipynb"]


def test_zip_bombs_are_refused(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "MAX_FILE", 10_000_000)
    monkeypatch.setattr(sources, "MAX_UNPACKED", 15_000_000)
    tree = {
        "alice.ipynb": A,
        "ratio.ipynb": bytes(2_000_000),
        "large.zip": zipped({"x.ipynb": bytes(11_000_000)}),
        "total.zip": zipped({f"{n}.ipynb": bytes(9_000_000) for n in range(2)}),
        "deep.zip": zipped({"1.zip": zipped({"2.zip": zipped({"optimizers.ipynb": A})})}),
    }
    source = folder(tmp_path / "in", {k: v for k, v in tree.items() if k.endswith(".zip")} | {"alice.ipynb": A})
    ratio = zip_file(tmp_path / "in.zip", {"bob.ipynb": tree["ratio.ipynb"]})
    document = collect(NAME, [source, ratio], course=course)
    assert students(document) == ["alice"]
    assert {name: reason.split(";")[0] for name, reason in reasons(document).items()} == {
        "bob.ipynb": "it unpacks to more than 200 times its size, as only a zip bomb does.",
        "x.ipynb": "it has 11 MB",
        "total.zip": "it unpacks to 0 GB",
        "2.zip": "zip files are opened 2 deep and no deeper. Unpack it.",
    }


def test_many_refusals_are_counted_not_listed(course: Course, tmp_path: Path):
    tree = {f"../{n}.ipynb": A for n in range(1_000)} | {"alice/x.ipynb": A}
    document = collect(NAME, [zip_file(tmp_path / "in.zip", tree)], course=course)
    assert students(document) == ["alice"]
    assert len(document["refused"]) == 21
    assert document["refused"][-1]["reason"] == "980 more files in it were refused."


def test_names_that_are_not_utf8_are_taken_and_shown(course: Course, tmp_path: Path):
    (tmp_path / "in").mkdir()
    path = os.path.join(os.fsencode(tmp_path / "in"), b"jos\xe9.ipynb")
    with open(path, "wb") as file:
        file.write(A)
    unmarked = patched(tmp_path / "in.zip", {"zoX/x.ipynb": B, "b/x.ipynb": C}, latin1_name)
    document = collect(NAME, [tmp_path / "in", unmarked], course=course)
    assert students(document) == ["b", "jos_", "zoδ"]
    assert json.dumps(document, ensure_ascii=False).encode().decode().isprintable()


def test_what_is_no_notebook_is_refused(course: Course, tmp_path: Path):
    tree = {"alice/report.pdf": b"%PDF", "bob.pdf": b"%PDF", "carol.tar.gz": b"", "dave.ipynb": A}
    document = collect(NAME, [folder(tmp_path / "in", tree)], course=course)
    assert students(document) == ["dave"]
    assert reasons(document) == {
        "report.pdf": "optimizers.ipynb is not among what this student handed in (report.pdf).",
        "bob.pdf": "it is no notebook (.ipynb).",
        "carol.tar.gz": "only zip files are opened. Unpack it, or have it handed in as a zip file.",
    }


def test_an_unreadable_resubmission_leaves_the_readable_one(course: Course, tmp_path: Path):
    old = folder(tmp_path / "in", {"bob.ipynb": A})
    new = zip_file(tmp_path / "in.zip", {"bob/optimizers.ipynb": B * 50}, NOON.replace(hour=14))
    data = bytearray(new.read_bytes())
    break_data_of_first(data)
    new.write_bytes(data)
    document = collect(NAME, [old, new], course=course)
    assert submitted(course) == {f"bob/{NAME}/optimizers.ipynb": A}
    assert list(reasons(document)) == ["optimizers.ipynb"]


def test_a_source_that_does_not_exist_is_an_error_before_anything_is_done(course: Course, tmp_path: Path):
    source = folder(tmp_path / "in", {"alice.ipynb": A})
    with pytest.raises(CourseError, match=r"There is no .*nowhere"):
        collect(NAME, [source, tmp_path / "nowhere"], course=course)
    assert submitted(course) == {}


def test_the_document(course: Course, tmp_path: Path):
    document = collect(NAME, [folder(tmp_path / "in", {"alice.ipynb": A, "x.txt": b""})], course=course)
    assert document == {
        "schema_version": 1,
        "assignment": NAME,
        "taken": [
            {
                "student": "alice",
                "from": f"{tmp_path}/in/alice.ipynb",
                "to": str(course.root / "submitted" / "alice" / NAME),
                "timestamp": "2026-02-01T12:00:00+00:00",
                "notes": [],
            }
        ],
        "refused": [{"from": f"{tmp_path}/in/x.txt", "reason": "it is no notebook (.ipynb)."}],
    }
