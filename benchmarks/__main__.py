"""``python -m benchmarks [NAME …]``: measure, and print one Markdown table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import BenchmarkError
from benchmarks.reference import VERSION, default_cache, find_extra, find_reference
from benchmarks.rows import MEASUREMENTS
from benchmarks.setting import Bench
from benchmarks.table import Row, render

_QUIET_LOAD = 1.5


def main(words: list[str] | None = None) -> int:
    """Run the measurements that the command line names.

    Args:
        words: The command line without the program; None for the one of this process.

    Returns:
        0, or 1 if something could not be measured. A missed target is not an error; the table shows it.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"One of {', '.join(MEASUREMENTS)}; all by default.")
    parser.add_argument("--quick", action="store_true", help="5 %% of the sizes, one round.")
    parser.add_argument("--scale", type=float, help="Factor of all sizes; 1 by default.")
    parser.add_argument("--rounds", type=int, help="Number of rounds of short measurements; 5 by default.")
    parser.add_argument("--no-reference", action="store_true", help="Measure without the reference harness.")
    parser.add_argument("--reference", metavar="PYTHON", help=f"An interpreter with lm_eval[api]=={VERSION}.")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="Folder where the reference and the extra are installed."
    )
    parser.add_argument("--data", type=Path, help="Folder with the datasets of real tasks, as --data_dir of lm_eval.")
    options = parser.parse_args(words)
    unknown = [name for name in options.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(MEASUREMENTS)}")
    reference = None if options.no_reference else options.reference or find_reference(options.cache)
    speed = None if options.no_reference else find_extra(options.cache)
    scale = options.scale or (0.05 if options.quick else 1.0)
    rounds = options.rounds or (1 if options.quick else 5)
    rows: list[Row] = []
    failed = 0
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="lm_eval-benchmarks-") as folder:
        data = options.data.resolve() if options.data else None
        bench = Bench.open(Path(folder).resolve(), reference, scale, rounds, speed, data)
        for name in options.names or MEASUREMENTS:
            try:
                for row in MEASUREMENTS[name](bench):
                    rows.append(row)
                    print(f"{row.what}: {row.figure}", file=sys.stderr, flush=True)
            except BenchmarkError as error:
                failed = 1
                print(f"{name}: {error}", file=sys.stderr)
                rows.append(Row(name, "not measured", note=str(error).splitlines()[0][:200]))
    print(render(rows))
    print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, sizes x {scale:g}, {rounds} rounds; "
        f"load before {before:.1f}" + (": not a quiet machine." if before > _QUIET_LOAD else ".")
    )
    return failed


if __name__ == "__main__":
    sys.exit(main())
