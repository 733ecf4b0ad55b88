"""Programs that set out to break the sandbox reach nothing, whichever of the kernel's layers are there."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pytest

from lm_eval.errors import ConfigError
from lm_eval.sandbox.code_execution import ProgramLimits, run_program, use_sandbox

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the kernel's layers are Linux's"
)

LIMITS = ProgramLimits(seconds=5, memory_mb=300, file_mb=4, processes=8, open_files=32)
BARE = ProgramLimits(seconds=5, memory_mb=300, file_mb=4, processes=8, open_files=32, refuse_in_python=False)
DENIED = Path(__file__).with_name("denied.py")
UNSHARE, MOUNT, LANDLOCK = (272, 165, 444) if platform.machine() == "x86_64" else (97, 40, 444)
SYSTEMS = {
    "complete": (),
    "no namespaces": (UNSHARE,),
    "no mounts": (MOUNT,),
    "no Landlock": (LANDLOCK,),
}

# The C library, as a program finds it behind the audit hook.
LIBC = """
import gc, ctypes
libc = next(o for o in gc.get_objects() if isinstance(o, ctypes.CDLL))
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused by the kernel")
"""
FORK_EXEC = """
import _posixsubprocess, os, sys
import importlib.util
argv = [sys.executable.encode(), b"-c", {code!r}.encode()]
# The module as it is on the disk, if an empty one has its name.
sys.modules.pop("_posixsubprocess")
spec = importlib.util.find_spec("_posixsubprocess")
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
ends = os.pipe()
arguments = [argv, (argv[0],), True, (ends[1],), None, None, *(-1,) * 6, *ends, False, False]
arguments += [0] if sys.version_info >= (3, 11) else []
arguments += [None, None, None, -1, None]
arguments += [False] if sys.version_info >= (3, 11) else []
pid = real.fork_exec(*arguments)
status = os.waitpid(pid, 0)[1]
if status:
    raise OSError("the process could do nothing")
"""


class Place(NamedTuple):
    """What a hostile program aims at."""

    secret: Path
    stream: Path
    datagrams: Path
    udp: int
    victim: int


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A file, a stream and a datagram socket, a UDP port and a process of this user."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o005)
    tmp_path.chmod(0o777)
    secret = tmp_path / "secret"
    secret.write_text("token")
    secret.chmod(0o666)
    stream, datagrams, udp = (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    )
    stream.bind(str(tmp_path / "stream"))
    stream.listen()
    datagrams.bind(str(tmp_path / "datagrams"))
    udp.bind(("127.0.0.1", 0))
    for name in ("stream", "datagrams"):
        (tmp_path / name).chmod(0o777)
    victim = subprocess.Popen(["sleep", "60"])
    for end in (stream, datagrams, udp):
        end.setblocking(False)
    try:
        yield Place(secret, tmp_path / "stream", tmp_path / "datagrams", udp.getsockname()[1], victim.pid)
        assert secret.read_text() == "token"
        assert secret.stat().st_mode & 0o777 == 0o666
        assert secret.stat().st_mtime > 1_000_000_000
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["datagrams", "secret", "stream"]
        for receive in (stream.accept, lambda: datagrams.recv(10), lambda: udp.recv(10)):
            with pytest.raises(BlockingIOError):
                receive()
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
        for end in (stream, datagrams, udp):
            end.close()


def attacks(place: Place) -> dict[str, str]:
    secret, path = str(place.secret), os.fsencode(place.secret)
    touch = f"open({str(place.secret.with_name('created'))!r}, 'w')"
    machine = platform.machine()
    numbers = {"io_uring_setup": 425, "pidfd_open": 434}
    numbers |= (
        {"memfd_create": 319, "ptrace": 101, "process_vm_readv": 310, "shmget": 29, "unshare": 272, "mount": 165}
        if machine == "x86_64"
        else {"memfd_create": 279, "ptrace": 117, "process_vm_readv": 270, "shmget": 194, "unshare": 97, "mount": 40}
    )
    return {
        "read a file": f"open({secret!r}).read()",
        "list a folder": f"import os\nassert not os.listdir({str(place.secret.parent)!r})",
        "read passwords": "open('/etc/shadow').read()",
        "read accounts": "open('/etc/passwd').read()",
        "read command lines": f"open('/proc/{place.victim}/cmdline').read()",
        "read the environment of the parent": "import os\nopen(f'/proc/{os.getppid() or 1}/environ').read()",
        "write a file": f"open({secret!r}, 'w').write('x')",
        "cut a file": f"import os\nos.open({secret!r}, os.O_RDONLY | os.O_TRUNC)",
        "cut a file by its name": f"import os\nos.truncate({secret!r}, 0)",
        "remove a file": f"import os\nos.remove({secret!r})",
        "rename a file": f"import os\nos.rename({secret!r}, {secret + '2'!r})",
        "change a mode": f"import os\nos.chmod({secret!r}, 0)",
        "change times": f"import os\nos.utime({secret!r}, (0, 0))",
        "remove a file in C": f"{LIBC}\nif libc.unlink({path!r}): raise OSError('refused')",
        "change a mode in C": f"{LIBC}\nif libc.chmod({path!r}, 0): raise OSError('refused')",
        "start a process in C": FORK_EXEC.format(code=touch),
        "connect to a Unix socket": f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(place.stream)!r})",
        "send to a Unix socket": "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"a.sendto(b'x', {str(place.datagrams)!r})",
        "send from a stream": f"import socket\na, b = socket.socketpair()\na.sendto(b'x', {str(place.datagrams)!r})",
        "send UDP": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', "
        f"('127.0.0.1', {place.udp}))",
        "kill a process": f"import os\nos.kill({place.victim}, 9)",
        "kill a process in C": f"{LIBC}\nif libc.kill({place.victim}, 9): raise OSError('refused')",
        "kill all processes in C": f"{LIBC}\nlibc.kill(-1, 9)\nraise OSError('only its own')",
        "own a file's signals": "import fcntl, os, socket\na, b = socket.socketpair()\n"
        f"fcntl.fcntl(a, fcntl.F_SETOWN, {place.victim})\nfcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\nb.send(b'x')",
        "change limits of a process": f"import resource\nresource.prlimit({place.victim}, resource.RLIMIT_CPU, (0, 0))",
        "become the superuser": "import os\nos.setuid(0)\nos.setgid(0)\nopen('/etc/shadow').read()",
        **{f"call {name}": f"{LIBC}\ncall({number}, 0, 0, 0, 0, 0, 0)" for name, number in numbers.items()},
    }


def outcomes(
    denied: tuple[int, ...], programs: list[str], limits: ProgramLimits, sandbox: str = "strict"
) -> list[dict[str, str]]:
    request = json.dumps({"programs": programs, "limits": asdict(limits), "sandbox": sandbox})
    command = [sys.executable, str(DENIED), *map(str, denied)]
    found = subprocess.run(command, input=request, capture_output=True, text=True, timeout=120, check=True)
    listed: list[dict[str, str]] = json.loads(found.stdout)
    return listed


@pytest.mark.parametrize("limits", [LIMITS, BARE], ids=["with hook", "kernel only"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_no_attack_gets_out(system: str, limits: ProgramLimits, place: Place) -> None:
    programs = attacks(place)
    for name, found in zip(programs, outcomes(SYSTEMS[system], list(programs.values()), limits), strict=True):
        # A process of its own is allowed where the program sees no other, if Python does not refuse it.
        if (name, limits, found["status"]) == ("start a process in C", BARE, "passed"):
            assert "processes" in found["layers"]
            continue
        assert found["status"] == "failed", (name, found)


def test_ordinary_programs_pass_on_every_system() -> None:
    programs = [
        "import asyncio, ctypes, decimal, json, random, sqlite3, ssl, subprocess, threading, zoneinfo",
        "import os\nassert os.cpu_count() and os.getpid() and os.getcwd()\nopen('a', 'w').write('x')\nos.listdir('.')",
        "import tempfile, shutil, os\nd = tempfile.mkdtemp()\nopen(d + '/a', 'w').close()\nshutil.rmtree(d)",
        "import asyncio\nasync def main():\n    await asyncio.sleep(0.01)\nasyncio.run(main())",
        "import threading\nt = [threading.Thread(target=sum, args=([1],)) for _ in range(4)]\n[x.start() for x in t]",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 0)\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\n"
        "signal.pause()",
        "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: 0)\nsignal.raise_signal(signal.SIGUSR1)",
        "import time, datetime, random, uuid, hashlib, math, re, statistics\ntime.sleep(0.01)\nuuid.uuid4()",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as p:\n    list(p.map(abs, [1]))",
    ]
    for denied in SYSTEMS.values():
        for program, found in zip(programs, outcomes(denied, programs, ProgramLimits(seconds=20)), strict=True):
            assert found["status"] == "passed", (denied, program, found)


def test_the_script_is_not_the_main_module_of_the_program() -> None:
    assert "has no attribute '_libc'" in run_program("import __main__\n__main__._libc.getpid()", LIMITS).detail


@pytest.mark.parametrize("kind", ["", "none", "docker:", "strict:x", "lxc"])
def test_unknown_sandboxes_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match="sandbox takes strict, available, docker, podman"):
        use_sandbox(kind)


@pytest.mark.parametrize("limits", [LIMITS, BARE], ids=["with hook", "kernel only"])
def test_memory_is_bounded_for_all_processes_together(limits: ProgramLimits) -> None:
    program = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        held = bytearray(150 << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(20)
"""
    started = time.monotonic()
    outcome = run_program(program, limits)
    assert outcome.status == "failed"
    assert re.search("refused: os.fork|more than 300 MB of memory", outcome.detail)
    assert time.monotonic() - started < 5


def test_a_program_that_writes_all_the_time_is_watched_too() -> None:
    program = """
import os
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(120 << 20)
        while True:
            pass
while True:
    for number in range(3, 20):
        try:
            os.write(number, b"x" * 4096)
        except OSError:
            pass
"""
    outcome = run_program(program, BARE)
    assert (outcome.status, outcome.detail) == ("failed", "more than 300 MB of memory together")


def test_files_are_bounded_together_without_a_file_system_of_their_own() -> None:
    program = "import time\nfor n in range(8):\n    open(f'{n}', 'wb').write(b'x' * (1 << 20))\ntime.sleep(4)"
    (found,) = outcomes((UNSHARE,), [program], LIMITS)
    assert (found["status"], found["detail"]) == ("failed", "more than 4 MB of files together")


def test_kernel_refuses_writes_elsewhere_where_files_are_visible(place: Place) -> None:
    program = f"open({str(place.secret.with_name('here'))!r}, 'w')"
    (found,) = outcomes((UNSHARE,), [program], BARE)
    assert "PermissionError: [Errno 13]" in found["detail"]


def test_no_program_runs_without_protection_unless_it_is_allowed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    program = f"open({str(tmp_path / 'here')!r}, 'w').close()"
    denied = (UNSHARE, LANDLOCK)
    (found,) = outcomes(denied, [program], BARE)
    assert found["status"] == "refused"
    assert "cannot keep generated code from: reading files, changing files" in found["detail"]
    assert "--sandbox available" in found["detail"]
    assert "--sandbox docker" in found["detail"]
    assert list(tmp_path.iterdir()) == []
    (found,) = outcomes(denied, ["assert 1"], LIMITS, "available")
    assert found["status"] == "passed"


def descendants(first: int) -> set[int]:
    """Return the processes that run and descend from one, from its children on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found: set[int] = set()
    while more := {number for number, parent in parents.items() if parent in {first, *found}} - found:
        found |= more
    return found


def running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("denied", [(), (UNSHARE,)], ids=["complete", "no namespaces"])
def test_a_program_dies_with_its_evaluation(denied: tuple[int, ...]) -> None:
    program = "import os, time\ntry:\n    os.setsid()\nexcept OSError:\n    pass\ntime.sleep(60)"
    request = {"programs": [program], "limits": asdict(ProgramLimits(seconds=60)), "sandbox": "strict"}
    command = [sys.executable, str(DENIED), *map(str, denied)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as evaluation:
        assert evaluation.stdin
        evaluation.stdin.write(json.dumps(request))
        evaluation.stdin.close()
        deadline = time.monotonic() + 20
        while not (started := descendants(evaluation.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        # Long enough to get from its start to its sleep.
        time.sleep(1)
        started = descendants(evaluation.pid)
        evaluation.kill()
    assert started
    deadline = time.monotonic() + 10
    while any(map(running, started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, started))
