"""Write a run in shards as jobs of a scheduler, Slurm or Kubernetes, and submit them if told to."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.cli import run as run_command
from lm_eval.text import visible

__all__ = ["add_arguments", "run"]

_OWN = ("scheduler", "jobs", "at_once", "retries", "name", "memory", "cpus", "folder", "submit")
_OF = {"slurm": ("sbatch", "setup"), "kubernetes": ("image", "claim")}
_PROGRAMS = {"slurm": "sbatch", "kubernetes": "kubectl"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the jobs, and those of ``lm_eval run``.

    Args:
        parser: Gets the options.
    """
    run_command.add_arguments(parser)
    parser.usage = "lm_eval launch slurm|kubernetes --jobs N --output_path DIR [options of run] [--submit]"
    parser.add_argument("scheduler", choices=("slurm", "kubernetes"), help="Who runs the jobs.")
    group = parser.add_argument_group("the jobs")
    group.add_argument("--jobs", metavar="N", type=int, default=8, help="Number of shards, each a job. Default: 8.")
    what = "Maximum number of jobs at the same time. Rates in model_args are divided by it. Default: all."
    group.add_argument("--at_once", metavar="N", type=int, help=what)
    what = "How often a job is tried again; exit code 2, a mistake, is not. Default: 3."
    group.add_argument("--retries", metavar="N", type=int, default=3, help=what)
    group.add_argument("--name", default="lm-eval", help="Name of the jobs. Default: lm-eval.")
    group.add_argument("--memory", metavar="SIZE", default="2G", help="Memory of a job, such as 512M. Default: 2G.")
    group.add_argument("--cpus", metavar="N", type=int, default=1, help="CPUs of a job. Default: 1.")
    group.add_argument("--folder", metavar="DIR", default="launch", help="Where the files go. Default: launch.")
    group.add_argument("--submit", action="store_true", help="Submit the jobs, too.")
    group = parser.add_argument_group("Slurm")
    what = "More options of sbatch: --sbatch=--time=02:00:00; may be given several times."
    group.add_argument("--sbatch", metavar="OPTION", action="append", default=[], help=what)
    what = "A line of shell before the commands, such as 'source venv/bin/activate'; may be given several times."
    group.add_argument("--setup", metavar="LINE", action="append", default=[], help=what)
    group = parser.add_argument_group("Kubernetes")
    group.add_argument("--image", help="Image with lm_eval and a shell.")
    what = "PersistentVolumeClaim for the results, which all pods can write. Default: lm-eval."
    group.add_argument("--claim", metavar="NAME", help=what)


def run(namespace: argparse.Namespace) -> int:
    """Write the files, and submit them if told to.

    Args:
        namespace: The parsed options.

    Returns:
        0, or the exit code of what submits the jobs.
    """
    from lm_eval.errors import ConfigError
    from lm_eval.launch.jobs import Jobs
    from lm_eval.launch.kubernetes import write_kubernetes
    from lm_eval.launch.slurm import write_slurm

    given = dict(vars(namespace))
    own = {name: given.pop(name) for name in (*_OWN, *(name for names in _OF.values() for name in names))}
    scheduler = own["scheduler"]
    _check(scheduler, own)
    jobs = Jobs(own["name"], own["jobs"], own["at_once"], own["retries"], own["memory"], own["cpus"])
    settings, folder = run_command.read_settings(given), Path(own["folder"])
    if scheduler == "slurm":
        files = write_slurm(settings, jobs, folder, own["sbatch"], own["setup"])
    elif own["image"]:
        files = write_kubernetes(settings, jobs, folder, own["image"], own["claim"] or "lm-eval")
    else:
        raise ConfigError("launch kubernetes needs --image: an image with lm_eval and a shell.")
    for path in files.paths:
        print(visible(str(path)))
    for note in files.notes:
        print(visible(note), file=sys.stderr)
    if not own["submit"]:
        print(f"To submit them: {visible(' && '.join(shlex.join(words) for words in files.submit))}", file=sys.stderr)
        return exit_codes.OK
    return _submit(files.submit)


def _check(scheduler: str, own: Mapping[str, object]) -> None:
    from lm_eval.errors import ConfigError

    for other, names in _OF.items():
        unused = next((name for name in names if own[name] and other != scheduler), None)
        if unused is not None:
            raise ConfigError(f"--{unused} is an option of launch {other}; launch {scheduler} has no use for it.")
    program = _PROGRAMS[scheduler]
    if own["submit"] and shutil.which(program) is None:
        raise ConfigError(
            f"--submit needs {program}, which is not installed here. Without --submit, launch writes files."
        )


def _submit(commands: tuple[tuple[str, ...], ...]) -> int:
    import subprocess

    from lm_eval.errors import ConfigError

    for words in commands:
        try:
            done = subprocess.run(words, check=False)
        except OSError as error:
            raise ConfigError(
                f"{words[0]} cannot be started: {error.strerror}. Without --submit, nothing is."
            ) from None
        if done.returncode:
            return exit_codes.MISTAKE
    return exit_codes.OK
