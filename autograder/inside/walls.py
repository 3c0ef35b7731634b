"""The inner wall: what stands between two submissions that share one warm zygote.

`enter` is called in a fresh fork. It moves the process into namespaces of its own (processes, mounts, System V IPC,
network), gives it an empty scratch folder, takes every privilege away and returns only in the process that is to run
the submission. Process 1 of the new namespace runs no student code: it waits for the grader to hang up and then ends,
and with it everything that the submission ever started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

from autograder.inside.seccomp import refuse_system_calls

SCRATCH = "/scratch"
FILES = "/files"
"""Where the notebook's side files lie inside, read-only."""

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWPID, _CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
_MS_PRIVATE_RECURSIVE = 0x00044000
_MS_NOSUID_NODEV = 0x6
_MS_RDONLY = 0x1
_MS_BIND, _MS_REMOUNT_BIND_RDONLY = 0x1000, 0x1021
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 4, 24, 38
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Once, in the warm process: what holds for every submission that is forked from it.

    No user namespaces, which would give capabilities back. Where the grader was started by root, "root" in the
    sandbox owns the machine's own device nodes: on a read-only mount they can be used, and no longer be changed.
    Terminals are one set for all submissions, so there are none.
    """
    _check(_libc.unshare(_CLONE_NEWNS), "unshare")
    _mount(None, "/", None, _MS_PRIVATE_RECURSIVE)
    _mount("proc", "/proc", "proc")  # the one that bubblewrap mounted has a read-only /proc/sys
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    for device in ("null", "zero", "full", "random", "urandom", "tty"):
        _read_only(f"/dev/{device}")
    _mount("tmpfs", "/dev/pts", "tmpfs", _MS_RDONLY | _MS_NOSUID_NODEV, "size=4k")


def fork_process_one() -> int:
    """os.fork; the child is process 1 of a process namespace of its own. OSError in the parent where that fails."""
    here = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        _check(_libc.unshare(_CLONE_NEWPID), "unshare")  # for children only
        pid = os.fork()
        if pid:
            _check(_libc.setns(here, _CLONE_NEWPID), "setns")
        return pid
    finally:
        os.close(here)


def enter(life: int, control: int, memory_mb: int, *, namespaces: bool = True, scratch_mb: int = 64) -> None:
    """Wall this fork in, which `fork_process_one` made; return in the process that runs the submission.

    life: a descriptor whose other end the grader holds; when it closes, the submission is over.
    control: the one other descriptor that survives; 0, 1 and 2 become /dev/null.
    namespaces: False leaves the wall out, knowingly. What the submission starts in a session of its own then survives.
    """
    if namespaces:
        _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWNET), "unshare")
    os.setsid()  # kill(0) reaches a process group beyond the namespace
    if namespaces:
        _mount(None, "/", None, _MS_PRIVATE_RECURSIVE)
        for target, size in ((SCRATCH, scratch_mb), ("/tmp", scratch_mb), ("/dev/shm", 16)):
            _mount("tmpfs", target, "tmpfs", _MS_NOSUID_NODEV, f"size={size}m,nr_inodes=10000")
        _mount_proc()
        _drop_privileges()
        refuse_system_calls()
    only_descriptors(life, control)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody inside can look into the first process, or hold it
    link_files()
    runner = os.fork()
    if runner:
        os.close(control)
        _keep(life, runner, namespaces)
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.close(life)
    os.setsid()
    if os.path.isdir(SCRATCH):
        os.chdir(SCRATCH)
    limit_resources(memory_mb)


def _keep(life: int, runner: int, namespaces: bool) -> None:
    """The submission's first process, which runs no student code: kill what the grader names; end when it hangs up.

    In a namespace it is process 1, and all that the submission ever started ends with it.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    while command := os.read(life, 4):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int.from_bytes(command, "little"), signal.SIGKILL)
    if not namespaces:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(runner, signal.SIGKILL)
    os._exit(0)


def link_files() -> None:
    """Show the side files in the scratch folder, where the notebook looks for them."""
    for folder, _, names in os.walk(FILES):
        place = os.path.join(SCRATCH, os.path.relpath(folder, FILES))
        os.makedirs(place, exist_ok=True)
        for name in names:
            os.symlink(os.path.join(folder, name), os.path.join(place, name))


def only_descriptors(*keep: int) -> None:
    """Close every descriptor but these; standard input, output and error are /dev/null."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in keep:
            with contextlib.suppress(OSError):  # the descriptor of the listing itself
                os.close(fd)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)


def limit_resources(memory_mb: int, processes: int = 256) -> None:
    """Limits of one process; wall-clock time is the grader's business. RLIMIT_NPROC does not bind root.

    Where the machine's memory runs out all the same, the kernel ends a submission before the grader.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    for what, limit in (
        (resource.RLIMIT_AS, memory_mb << 20),
        (resource.RLIMIT_FSIZE, 32 << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))


def _drop_privileges() -> None:
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    for capability in range(_LAST_CAPABILITY + 1):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # beyond the kernel's last one: EINVAL
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def _mount(source: str | None, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {target}")


def _mount_proc() -> None:
    """Processes and nothing else: "root" in the sandbox may own the files of the kernel's settings."""
    try:
        _mount("proc", "/proc", "proc", 0, "subset=pid")
    except OSError:  # a kernel before 5.8
        _mount("proc", "/proc", "proc")
        for settings in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"):
            _read_only(settings)


def _read_only(path: str) -> None:
    if os.path.exists(path):
        _mount(path, path, None, _MS_BIND)
        _mount(None, path, None, _MS_REMOUNT_BIND_RDONLY)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
