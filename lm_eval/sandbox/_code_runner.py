"""The child process of :mod:`lm_eval.sandbox.code_execution`: gives up its rights, then runs one program.

It is a module outside of any package, or a script in a container. Protections that the system does not allow are left
out; the active ones are reported to the parent. If they do not keep the program from all that the request names, the
program does not run. It imports very little, because imports take most of the time of a short program.
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
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    # The program, the nonce for reports, the fields of ``ProgramLimits``, and what ``code_execution`` adds.
    Request = dict[str, Any]
    # The place of an argument of a system call, the bits that count, and the values that are allowed.
    Condition = tuple[int, int, tuple[int, ...]]

# From <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/capability.h>, <linux/landlock.h>, <linux/seccomp.h>.
_NEW_NS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_CLONE_THREAD, _ALL_NAMESPACES = 0x00010000, 0x7E020000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 0x20, 0x1000, 0x4000, 0x40000
_MNT_DETACH, _MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 2, 442, -100, 0x8000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 8, 22, 38
_CAPABILITY_VERSION_3, _CAP_DAC_READ_SEARCH = 0x20080522, 1 << 2
_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT, _LANDLOCK_PATH_BENEATH = 444, 445, 446, 1
# Reading: execute, read a file, list a folder. Changing: write to a file, and remove or create entries of any kind.
_FS_READ, _FS_READ_DIR, _FS_WRITE_FILE, _FS_CHANGES = 0b1101, 1 << 3, 1 << 1, 0b1_1111_1111_0010
_FS_REFER, _FS_TRUNCATE, _FS_IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_TCP, _SCOPED = 0b11, 0b11
_NOBODY, _SIGKILL, _EPERM, _ENOSYS = 65534, 9, 1, 38

# BPF instructions, from <linux/bpf_common.h>, and the fields of struct seccomp_data.
_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# The first number that is the same on all machines. Libraries expect ENOSYS for calls that a kernel does not know yet.
_FIRST_COMMON_CALL = 424
# Changes of files that Landlock does not see.
_UNSEEN_CHANGES = {"chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "truncate"}
_UNSEEN_CHANGES |= {"utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr"}
_UNSEEN_CHANGES |= {"removexattr", "lremovexattr", "fremovexattr"}
# Paths that Python needs in addition to its own; those that do not exist are skipped.
_SYSTEM_PATHS = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/alternatives"),
    *("/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
)

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
    report = _report_pipe(sys.argv[1])
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
    open_doors = [
        name for name, ways in request["required"].items() if not any(set(way) <= set(layers) for way in ways)
    ]
    send("open" if open_doors else "ready", ",".join(layers), ",".join(open_doors))
    if open_doors:
        return
    code, described, leave = request["program"], _described, os._exit
    _hide_this_module(request["refuse_in_python"])
    try:
        exec(compile(code, "<program>", "exec", dont_inherit=True), {})
    except BaseException as error:
        send("failed", described(error))
    else:
        send("passed")
    # Exit at once, without waiting for threads and exit handlers of the program.
    leave(0)


def _report_pipe(argument: str) -> int:
    """Return the number of the pipe; ``stdout`` means standard output, which the program then does not get."""
    if argument != "stdout":
        return int(argument)
    report = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    return report


def _hide_this_module(refuse_in_python: bool) -> None:
    """Put an empty module under the name of this one, and one that refuses under that of C's ``fork_exec``."""
    module = type(sys)
    sys.modules.pop(__name__, None)
    sys.modules["__main__"] = module("__main__")
    if refuse_in_python:

        def fork_exec(*_: object) -> None:
            raise PermissionError("refused: fork_exec")

        vars(sys.modules.setdefault("_posixsubprocess", module("_posixsubprocess")))["fork_exec"] = fork_exec


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
    # Counted here, because the new root shows no processes.
    threads = None if request["container"] else _threads_of_user(uid or _NOBODY)
    may_fork = has_root = request["container"]
    _die_with_parent()
    if request["container"]:
        yield "container"
    elif _unshare(uid):
        yield from ("processes", "network")
        may_fork = True
        has_root = _mount_root(folder, request["file_mb"])
        if has_root:
            yield from ("root", "disk")
        elif _mount_folder(folder, request["file_mb"]):
            yield "disk"
        _become_first_process(report)
    readable = has_root or (_readable_by_all(sys.prefix) and _readable_by_all(sys.base_prefix))
    if uid == 0 and _become_nobody(folder, readable):
        yield "user"
    elif sys.platform == "linux":
        _set_capabilities(0)
    if _restrict_files(folder, ["/"] if has_root else _needed_paths()):
        yield "files"
    _set_limits(request, threads)
    # Again, because a new process and a change of the user reset it.
    _die_with_parent()
    calls = request["calls"].get(os.uname().machine)
    if calls and _restrict_calls(calls, may_fork=may_fork and not request["refuse_in_python"], has_root=has_root):
        yield "calls"
    if request["refuse_in_python"]:
        sys.addaudithook(_refusals(folder))
        yield "python"


def _die_with_parent() -> None:
    """Let the kernel kill this process when the thread ends that started it (Linux)."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _unshare(uid: int) -> bool:
    """Give this process separate namespaces for processes, network, mounts and IPC (Linux)."""
    if not hasattr(_libc, "unshare"):
        return False
    gid = os.getegid()
    if _libc.unshare(_NEW_PID | _NEW_NET | _NEW_NS | _NEW_IPC | (0 if uid == 0 else _NEW_USER)) != 0:
        return False
    if uid:
        for name, text in (("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1"), ("uid_map", f"{uid} {uid} 1")):
            try:
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
            except OSError:
                # Some distributions allow the namespace and nothing in it. The other layers do not need the names.
                break
    return True


def _needed_paths() -> list[str]:
    """Return the paths that Python reads: its libraries, those of the system, and a few devices."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    paths = [f"{prefix}/{name}" for prefix in sorted(prefixes) for name in ("lib", "lib64")]
    paths += [os.path.dirname(os.__file__), sys.executable, f"{sys.prefix}/pyvenv.cfg", *_SYSTEM_PATHS]
    paths += os.environ.get("LD_LIBRARY_PATH", "").split(":")
    if sys.base_prefix.startswith("/nix/store/"):
        paths.append("/nix/store")
    return [path for path in dict.fromkeys(paths) if path.startswith("/") and os.path.exists(path)]


def _mount_root(folder: str, size_mb: int) -> bool:
    """Replace all files by read-only mounts of what Python needs, and a folder in memory in the place of the old one.

    The new root is built over the folder. If a step fails, it is removed again.
    """
    if _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    if not _mount_memory(folder, "size=1m,nr_inodes=4096,mode=755"):
        return False
    try:
        active = _fill_root(folder, size_mb) and os.path.exists(folder + os.__file__)
        if active:
            os.chdir(folder)
            active = _libc.syscall(_PIVOT_ROOT.get(os.uname().machine, -1), b".", b".") == 0
    except OSError:
        active = False
    # After the change, "." is the old root, which covers the new one.
    left = _libc.umount2(b"." if active else folder.encode(), _MNT_DETACH) == 0
    if active and not left:
        raise OSError("the old root cannot be unmounted")
    os.chdir(folder)
    return active


def _fill_root(root: str, size_mb: int) -> bool:
    """Mount the paths that Python needs, and the folder of the program, under a new root."""
    links: list[tuple[str, str]] = []
    mounted: list[str] = []
    # A folder comes before what is in it.
    for path in sorted(_needed_paths(), key=len):
        real = os.path.realpath(path)
        if path != real:
            links.append((path, real))
        if not any(real == other or real.startswith(other + "/") for other in mounted):
            if not _mount_readable(real, root + real):
                return False
            mounted.append(real)
    os.makedirs(root + root)
    if not _mount_memory(root + root, f"size={size_mb}m,nr_inodes=4096,mode=777"):
        return False
    for path, real in links:
        parent = os.path.dirname(root + path)
        # A parent behind a link would be a folder of the old root.
        if not os.path.lexists(root + path) and os.path.realpath(parent) == parent:
            os.makedirs(parent, exist_ok=True)
            os.symlink(real, root + path)
    flags = _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    return bool(_libc.mount(None, root.encode(), None, flags, None) == 0)


def _mount_readable(path: str, target: str) -> bool:
    """Mount a file or folder, and what is mounted in it, at a second place where nothing can be changed."""
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    if _libc.mount(path.encode(), target.encode(), None, _MS_BIND | _MS_REC, None) != 0:
        return False
    # The first flags of the new interface have the same values as those of mount().
    attributes = struct.pack("QQQQ", _MS_RDONLY | _MS_NOSUID, 0, 0, 0)
    if _libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, len(attributes)) == 0:
        return True
    # Linux before 5.12. A namespace of a user must keep the flags that the mount has; statvfs gives them.
    kept = os.statvfs(target).f_flag & (_MS_NOSUID | _MS_NODEV | 0x8 | 0x400 | 0x800)
    relatime = 0x200000 if os.statvfs(target).f_flag & 0x1000 else 0
    flags = _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | kept | relatime
    return bool(_libc.mount(None, target.encode(), None, flags, None) == 0)


def _mount_memory(path: str, options: str) -> bool:
    return bool(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, options.encode()) == 0)


def _mount_folder(folder: str, size_mb: int) -> bool:
    """Mount a file system in memory over the folder; it limits the size of all files together."""
    if _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    if not _mount_memory(folder, f"size={size_mb}m,nr_inodes=4096,mode=777"):
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


def _become_nobody(folder: str, readable: bool) -> bool:
    """Stop being the superuser, who is not bound by file modes or by the limit on processes."""
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


def _restrict_files(folder: str, readable: Iterable[str]) -> bool:
    """Make the kernel refuse changes of files outside the folder, and reading other paths (Landlock, Linux 5.13)."""
    if sys.platform != "linux":
        return False
    version = _libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    changes = _FS_CHANGES | (_FS_REFER if version >= 2 else 0) | (_FS_TRUNCATE if version >= 3 else 0)
    everything = changes | _FS_READ | (_FS_IOCTL_DEV if version >= 5 else 0)
    # Files; TCP; signals and abstract Unix sockets. An older kernel takes the first ones only.
    attributes = struct.pack("QQQ", everything, _TCP, _SCOPED)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return False
    allowed = [(folder, changes | _FS_READ), (os.devnull, changes & (_FS_WRITE_FILE | _FS_TRUNCATE))]
    allowed += [(path, _FS_READ if os.path.isdir(path) else _FS_READ & ~_FS_READ_DIR) for path in readable]
    for path, rights in allowed:
        entry = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
        _libc.syscall(_LANDLOCK_ADD_RULE, rules, _LANDLOCK_PATH_BENEATH, struct.pack("=Qi", rights, entry), 0)
        os.close(entry)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    active = bool(_libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return active


def _restrict_calls(calls: dict[str, int], *, may_fork: bool, has_root: bool) -> bool:
    """Make the kernel refuse all system calls but the given ones (seccomp, which needs no privilege).

    Args:
        calls: Names and numbers of the calls that are allowed, if the conditions below hold.
        may_fork: Whether the program may start processes. It must then see no others.
        has_root: Whether the file system shows nothing that the program may not change.
    """
    conditions = _conditions(may_fork, has_root)
    refused = (set() if may_fork else {"fork", "vfork", "execve"}) | (set() if has_root else _UNSEEN_CHANGES)
    error = (_RETURN, 0, 0, _ERROR | _EPERM)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _AUDIT_ARCHITECTURES[os.uname().machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for name, number in calls.items():
        if name not in refused:
            body = [step for condition in conditions.get(name, ()) for step in _checked(*condition)]
            code += [(_IF_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]
    code += [(_IF_AT_LEAST, 0, 1, _FIRST_COMMON_CALL), (_RETURN, 0, 0, _ERROR | _ENOSYS), error]
    steps = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(steps))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(_libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0)


def _conditions(may_fork: bool, has_root: bool) -> dict[str, list[Condition]]:
    """Return what must hold of the arguments of some calls."""
    conditions: dict[str, list[Condition]] = {
        "clone": [(0, _ALL_NAMESPACES, (0,)) if may_fork else (0, _CLONE_THREAD, (_CLONE_THREAD,))],
        # Not those that change the process which gets signals about a file, or the size of a pipe.
        "fcntl": [(1, 0xFFFFFFFF, (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032))],
        # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
        "ioctl": [(1, 0xFFFFFFFF, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451))],
        # The name of a thread or of memory.
        "prctl": [(0, 0xFFFFFFFF, (15, 16, 0x53564D41))],
        "prlimit64": [(0, 0xFFFFFFFF, (0,))],
        # A pair of connected Unix sockets. One of datagrams could send to any address.
        "socketpair": [(0, 0xFFFFFFFF, (1,)), (1, 0xF, (1,))],
    }
    if not may_fork:
        for name in ("kill", "tgkill"):
            conditions[name] = [(0, 0xFFFFFFFF, (os.getpid(),))]
    if not has_root:
        # Landlock before Linux 6.2 lets a file be cut that is opened for reading.
        opening = (0x203, (0, 1, 2, 0x201, 0x202))
        conditions |= {"open": [(1, *opening)], "openat": [(2, *opening)]}
    return conditions


def _checked(argument: int, mask: int, values: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Return instructions that refuse the call unless the lower half of an argument, masked, is one of the values."""
    load = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (_AND, 0, 0, mask)]
    # Each comparison jumps over the later ones and over the error.
    compare = [(_IF_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [*load, *compare, (_RETURN, 0, 0, _ERROR | _EPERM)]


def _set_limits(request: Request, running: int | None) -> None:
    """Set the limits of the process (``man setrlimit``)."""
    megabyte = 1 << 20
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(request["seconds"]) + 2,
        "RLIMIT_FSIZE": request["file_mb"] * megabyte,
        "RLIMIT_NOFILE": request["open_files"],
        "RLIMIT_AS": request["memory_mb"] * megabyte,
    }
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


def _threads_of_user(uid: int) -> int | None:
    """Count the threads of a user on the machine, which is what the limit on processes counts."""
    if sys.platform != "linux":
        return None
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
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
