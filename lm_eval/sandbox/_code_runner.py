"""The child process of :mod:`lm_eval.sandbox.code_execution`: gives up its rights, then runs one program.

It is started as a script, outside the package. Protections that the system does not allow are left out; the active ones
are reported to the parent. It imports very little, because imports take most of the time of a short program.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Request = dict[str, Any]  # The program, the nonce for reports, and the fields of ``ProgramLimits``.

# From <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/capability.h> and <linux/landlock.h>.
_NEW_NS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 1, 8, 38
_CAPABILITY_VERSION_3, _CAP_DAC_READ_SEARCH = 0x20080522, 1 << 2
_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT, _LANDLOCK_PATH_BENEATH = 444, 445, 446, 1
# Writing to a file, and removing or creating entries of any kind.
_FS_WRITE_FILE, _FS_CHANGES, _FS_REFER, _FS_TRUNCATE = 1 << 1, 0b1_1111_1111_0010, 1 << 13, 1 << 14
_TCP = 0b11
_NOBODY, _SIGKILL = 65534, 9

# Audit events of Python (PEP 578) that are always refused.
_REFUSED = (
    "ctypes.dlsym",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
    "socket.bind",
    "socket.connect",
    "socket.get",
    "socket.send",
    "subprocess.Popen",
)
# Audit events that change files; allowed inside the folder.
_CHANGING = frozenset(
    f"os.{name}" for name in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate")
)
_OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Read the request from standard input, and report through the pipe whose number is the first argument."""
    report = int(sys.argv[1])
    request: Request = marshal.loads(sys.stdin.buffer.read())
    nonce = request["nonce"]

    def send(*words: str) -> None:
        os.write(report, (" ".join((nonce, *words)).replace("\n", " ")[:2000] + "\n").encode("utf-8", "replace"))

    try:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        # The program must not import from the folder of this script.
        sys.path.pop(0)
        layers = list(_isolate(request, report))
    except BaseException as error:
        send("broken", _described(error))
        return
    send("ready", ",".join(layers))
    try:
        exec(compile(request["program"], "<program>", "exec", dont_inherit=True), {})
    except BaseException as error:
        send("failed", _described(error))
    else:
        send("passed")
    # Exit at once, without waiting for threads and exit handlers of the program.
    os._exit(0)


def _described(error: BaseException) -> str:
    # str(error) may run code of the program, and fail.
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:
        return type(error).__name__


def _isolate(request: Request, report: int) -> Iterator[str]:
    """Add the protections, from the outermost; yield the names of those that are active."""
    folder = os.path.realpath(os.getcwd())
    uid = os.geteuid()
    if _unshare(uid):
        yield from ("processes", "network")
        if _mount_folder(folder, request["file_mb"]):
            yield "disk"
        _become_first_process(report)
    if uid == 0:
        if _become_nobody(folder):
            yield "user"
    elif sys.platform == "linux":
        _set_capabilities(0)
    if _restrict_files(folder):
        yield "files"
    _set_limits(request)
    if request["refuse_in_python"]:
        sys.addaudithook(_refusals(folder))
        yield "python"


def _unshare(uid: int) -> bool:
    """Give this process separate namespaces for processes, network, mounts and IPC (Linux)."""
    if not hasattr(_libc, "unshare"):
        return False
    gid = os.getegid()
    if _libc.unshare(_NEW_PID | _NEW_NET | _NEW_NS | _NEW_IPC | (0 if uid == 0 else _NEW_USER)) != 0:
        return False
    if uid:
        for name, text in (("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"), ("uid_map", f"{uid} {uid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    return True


def _mount_folder(folder: str, size_mb: int) -> bool:
    """Mount a file system in memory over the folder; it limits the size of all files together."""
    if _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    options = f"size={size_mb}m,nr_inodes=4096,mode=777".encode()
    if _libc.mount(b"tmpfs", folder.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, options) != 0:
        return False
    os.chdir(folder)
    return True


def _become_first_process(report: int) -> None:
    """Continue as process 1 of the new namespace: when it ends, the kernel ends all processes in the namespace."""
    child = os.fork()
    if child:
        os.close(report)
        os.waitpid(child, 0)
        os._exit(0)
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _become_nobody(folder: str) -> bool:
    """Stop being the superuser, who is not bound by file modes or by the limit on processes."""
    readable = _readable_by_all(sys.prefix) and _readable_by_all(sys.base_prefix)
    try:
        os.chown(folder, _NOBODY, _NOBODY)
        if not readable and sys.platform == "linux":
            _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    except OSError:
        # The superuser of a container may lack these rights.
        return False
    # Without this capability, an interpreter under /root could not import its standard library.
    if not readable and sys.platform == "linux":
        _set_capabilities(_CAP_DAC_READ_SEARCH)
    return True


def _readable_by_all(path: str) -> bool:
    path = os.path.realpath(path)
    here = os.stat(path).st_mode & 0o005 == 0o005
    return here and (path == "/" or _readable_by_all(os.path.dirname(path)))


def _set_capabilities(mask: int) -> None:
    """Keep only the capabilities in a mask of the first 32."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable; then the same for capabilities above 32.
    _libc.capset(header, struct.pack("6I", mask, mask, 0, 0, 0, 0))


def _restrict_files(folder: str) -> bool:
    """Make the kernel refuse changes of files outside the folder, and TCP if it can (Landlock, Linux 5.13)."""
    if sys.platform != "linux":
        return False
    version = _libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    changes = _FS_CHANGES | (_FS_REFER if version >= 2 else 0) | (_FS_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("QQ", changes, _TCP) if version >= 4 else struct.pack("Q", changes)
    rules = _libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path, allowed in ((folder, changes), (os.devnull, changes & (_FS_WRITE_FILE | _FS_TRUNCATE))):
        entry = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
        _libc.syscall(_LANDLOCK_ADD_RULE, rules, _LANDLOCK_PATH_BENEATH, struct.pack("=Qi", allowed, entry), 0)
        os.close(entry)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    active = bool(_libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return active


def _set_limits(request: Request) -> None:
    """Set the limits of the process (``man setrlimit``)."""
    megabyte = 1 << 20
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(request["seconds"]) + 2,
        "RLIMIT_FSIZE": request["file_mb"] * megabyte,
        "RLIMIT_NOFILE": request["open_files"],
        "RLIMIT_AS": request["memory_mb"] * megabyte,
    }
    running = _threads_of_user()
    if running is not None:
        limits["RLIMIT_NPROC"] = running + request["processes"]
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (ValueError, OSError):
            # macOS has a limit on memory but refuses to set it.
            continue


def _threads_of_user() -> int | None:
    """Count the threads of this user on the machine, which is what the limit on processes counts."""
    if sys.platform != "linux":
        return None
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == os.geteuid():
                count += os.stat(f"/proc/{entry.name}/task").st_nlink - 2
        except OSError:
            # The process ended in the meantime.
            continue
    return count


def _refusals(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    """Return the audit hook that refuses processes, connections and writes outside the folder."""
    inside = folder + os.sep

    def allowed(path: str | bytes | os.PathLike[str] | int | None) -> bool:
        if path is None or isinstance(path, int):
            return True
        real = os.path.realpath(os.fsdecode(path))
        return real == folder or real.startswith(inside) or real == os.devnull

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if args[2] & _OPEN_TO_WRITE and not allowed(args[0]):
                raise PermissionError(f"refused: writing to {args[0]!r}")
        elif event in _CHANGING:
            if not all(allowed(arg) for arg in args if isinstance(arg, (str, bytes, os.PathLike))):
                raise PermissionError(f"refused: {event} outside the folder")
        elif event.startswith(_REFUSED):
            raise PermissionError(f"refused: {event}")

    return hook


if __name__ == "__main__":
    main()
