"""Setting up: what is installed is pinned, the targets exist, and a system that lacks something is told what to do."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PINNED = dict(
    re.findall(r"^([\w.-]+)==([\w.]+)$", (REPOSITORY / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
)
OURS = {"autograder", "chainrule", "benchmarks"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned_once() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]
    assert len(requirements) == len({normalised(name) for name in PINNED})


def test_pytorch_is_the_version_that_the_course_is_written_for() -> None:
    assert PINNED["torch"] == "2.13.0"


@pytest.mark.parametrize("file", ["pyproject.toml", "lib/pyproject.toml"])
def test_what_the_packages_need_is_pinned(file: str) -> None:
    project = tomllib.loads((REPOSITORY / file).read_text(encoding="utf-8"))["project"]
    needed = {normalised(re.split(r"[^\w.-]", name)[0]) for name in project["dependencies"]} - {"chainrule"}
    assert needed <= {normalised(name) for name in PINNED}


@pytest.mark.parametrize("package", ["autograder", "lib/chainrule", "benchmarks"])
def test_whatever_is_imported_is_pinned(package: str) -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (REPOSITORY / package).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    others = {name.split(".")[0] for name in imported} - sys.stdlib_module_names - OURS
    distributions = packages_distributions()
    pinned = {normalised(name) for name in PINNED}
    assert [name for name in sorted(others) if not {normalised(d) for d in distributions.get(name, [])} & pinned] == []


def test_help_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert targets
    assert {line.split()[1] for line in shown.splitlines()} == set(targets[1].split())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in DOCS.glob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    path = REPOSITORY / page
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


# scripts/system, on machines that are made up of a few stand-ins for commands


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class Machine:
    """A PATH with nothing on it but what a test puts there, and kernel settings of its own."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.settings, self.log = folder / "bin", folder / "sys", folder / "log"
        self.bin.mkdir()
        for tool in ("bash", "cat", "sed", "env"):
            self.has(tool, f'PATH=/usr/bin:/bin exec {tool} "$@"')

    def has(self, command: str, script: str = "exit 0") -> None:
        path = self.bin / command
        path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def set(self, name: str, value: str) -> None:
        path = self.settings / name.replace(".", "/")
        path.parent.mkdir(parents=True)
        path.write_text(value, encoding="utf-8")

    def run(self, part: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "SYSCTL_ROOT": str(self.settings), "LOG": str(self.log)}
        return subprocess.run(
            ["/bin/bash", REPOSITORY / "scripts" / "system", part], env=environment, capture_output=True, text=True
        )


APT_THAT_INSTALLS = r"""
echo "$@" >> "$LOG"
if [ "$1" = install ]; then
    for package; do :; done
    command=${package/bubblewrap/bwrap}
    printf '#!/bin/bash\nexit 0\n' > "${0%/*}/$command"
    /bin/chmod +x "${0%/*}/$command"
fi
"""


@pytest.mark.parametrize(("part", "package"), [("grading", "bubblewrap"), ("browser", "chromium")])
def test_root_with_apt_gets_it_installed(machine: Machine, part: str, package: str) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", APT_THAT_INSTALLS)
    done = machine.run(part)
    assert done.returncode == 0, done.stderr
    update, install = machine.log.read_text(encoding="utf-8").splitlines()
    assert update.startswith("update")
    assert install.startswith("install") and install.endswith(package)


@pytest.mark.parametrize(
    ("part", "manager", "command"),
    [
        ("grading", "apt-get", "sudo apt-get update && sudo apt-get install -y bubblewrap"),
        ("browser", "apt-get", "sudo apt-get update && sudo apt-get install -y chromium"),
        ("grading", "dnf", "sudo dnf install -y bubblewrap"),
        ("grading", "pacman", "sudo pacman -S --noconfirm bubblewrap"),
        ("grading", "zypper", "sudo zypper install -y bubblewrap"),
        ("grading", "nothing-known", "install bubblewrap"),
    ],
)
def test_others_are_told_the_one_command(machine: Machine, part: str, manager: str, command: str) -> None:
    machine.has("id", "echo 1000")
    machine.has(manager, 'echo "$@" >> "$LOG"')
    done = machine.run(part)
    assert done.returncode == 1
    assert command in done.stderr
    assert not machine.log.exists()


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("kernel.apparmor_restrict_unprivileged_userns", "1\n", "/etc/apparmor.d/bwrap"),
        ("kernel.unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1"),
        ("user.max_user_namespaces", "0\n", "user.max_user_namespaces=10000"),
        ("kernel.ostype", "Linux\n", "container"),
    ],
)
def test_forbidden_namespaces_are_explained(machine: Machine, setting: str, value: str, advice: str) -> None:
    machine.has("bwrap", 'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1')
    machine.set(setting, value)
    done = machine.run("grading")
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert advice in done.stderr


def test_nothing_is_done_where_nothing_is_missing(machine: Machine) -> None:
    machine.has("bwrap")
    machine.has("chromium")
    for part in ("grading", "browser"):
        done = machine.run(part)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ci_runs_what_a_user_runs() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert script[-1] == "exec make test"
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
