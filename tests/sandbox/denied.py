"""Run programs where the kernel refuses some system calls, as a container's profile does.

The arguments are numbers of system calls. Standard input is JSON: programs, the kind of sandbox, and limits. Standard
output is JSON: status, detail and layers of each program, or the error of one that was not run.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys

from lm_eval.errors import LMEvalError
from lm_eval.sandbox.code_execution import ProgramLimits, run_program, use_sandbox

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38


def deny(numbers: list[int]) -> None:
    """Refuse system calls with ENOSYS in this process and its children."""
    steps = [(0x20, 0, 0, 0)]
    for number in numbers:
        steps += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38)]
    steps.append((0x06, 0, 0, 0x7FFF0000))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, 2, struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)), 0, 0) == 0


def outcome(program: str, limits: ProgramLimits) -> dict[str, object]:
    """Run a program and describe how it ended."""
    try:
        found = run_program(program, limits)
    except LMEvalError as error:
        return {"status": "refused", "detail": str(error), "layers": []}
    return {"status": found.status, "detail": found.detail, "layers": sorted(found.layers)}


def main() -> None:
    """Run the programs."""
    request = json.load(sys.stdin)
    if len(sys.argv) > 1:
        deny([int(number) for number in sys.argv[1:]])
    use_sandbox(request["sandbox"])
    limits = ProgramLimits(**request["limits"])
    json.dump([outcome(program, limits) for program in request["programs"]], sys.stdout)


if __name__ == "__main__":
    main()
