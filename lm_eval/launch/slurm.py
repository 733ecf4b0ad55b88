"""A run as a Slurm array: one task per shard, and a job that merges them afterwards."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, SavingError
from lm_eval.launch.jobs import CONFIG, ENDED_WELL, NO_RETRY, Files, Jobs, check_tasks, write_config, write_file

__all__ = ["write_slurm"]

_SHARDS = """#!/bin/bash
# One task of this array does one shard of the run; the merge follows in {merge}.
# The variables of sbatch reach the tasks, OPENAI_API_KEY among them: it is in no file.
# A task that is killed or pre-empted resumes from its journal and loses at most a second of answers.
#SBATCH --job-name={name}
#SBATCH --array=0-{last}%{at_once}
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={memory}
#SBATCH --output={shard_log}
#SBATCH --open-mode=append
#SBATCH --requeue
{more}
cd {here} || exit
{setup}lm_eval run --config {config} --shard auto
code=$?
case $code in
    {well})  # Lost documents are counted by the merge.
        exit 0 ;;
    {no_retry})  # A mistake: another attempt would end in the same way.
        exit {no_retry} ;;
esac
if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {retries} ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit $code
"""
_MERGE = """#!/bin/bash
# Joins the shards of {shards} when they have ended; it says which are missing.
#SBATCH --job-name={name}-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem={memory}
#SBATCH --output={merge_log}
#SBATCH --open-mode=append
{more}
cd {here} || exit
{setup}lm_eval merge {output}
"""
_SUBMIT = """#!/bin/bash
# Submits the shards, and the merge after them; prints the number of the array.
set -eu
array=$(sbatch --parsable {shards})
sbatch --parsable --dependency="afterany:${{array%%;*}}" {merge} > /dev/null
echo "$array"
"""
_MEMORY = re.compile(r"\d+[KMGT]?", re.IGNORECASE)
_OWN = {
    "array": "--jobs and --at_once",
    "job-name": "--name",
    "cpus-per-task": "--cpus",
    "mem": "--memory",
    "mem-per-cpu": "--memory",
    "mem-per-gpu": "--memory",
    "output": "--folder",
    "open-mode": "",
    "requeue": "--retries",
    "no-requeue": "--retries",
    "dependency": "",
    "parsable": "",
    "wrap": "--setup",
}
"""Options of sbatch that launch sets, or that undo what it sets, to its own options that change them."""
_SHORT = {"a": "array", "J": "job-name", "c": "cpus-per-task", "o": "output", "d": "dependency"}


def write_slurm(
    settings: RunSettings, jobs: Jobs, folder: Path, directives: Sequence[str] = (), setup: Sequence[str] = ()
) -> Files:
    """Write the batch files of a run.

    Args:
        settings: The settings of the run; its ``output_path`` is on storage that all nodes share.
        jobs: How the run is cut.
        folder: Where the files go.
        directives: More options of ``sbatch``, such as ``--time=02:00:00``.
        setup: Lines of shell before the commands, such as ``source venv/bin/activate``.

    Returns:
        The files: settings, shards, merge, and what submits them.

    Raises:
        ConfigError: The settings do not make a run, or a file cannot be written.
    """
    if not _MEMORY.fullmatch(jobs.memory):
        raise ConfigError(f"--memory takes a size as sbatch does, such as 2G or 512M, not {jobs.memory!r}.")
    for directive in directives:
        _check_directive(directive)
    check_tasks(settings)
    folder = folder.expanduser().absolute()
    output = str(Path(str(settings.output_path)).expanduser().absolute()) if settings.output_path else None
    notes = write_config(settings, jobs, folder, {"output_path": output})
    logs = folder / "logs"
    try:
        logs.mkdir(exist_ok=True)
    except OSError as error:
        raise SavingError(f"--folder: {logs} cannot be made: {error.strerror or error}.") from None
    # In the name of a log, Slurm replaces %a and the like.
    log_folder = str(logs).replace("%", "%%")
    shards, merge, submit = (folder / name for name in ("shards.sbatch", "merge.sbatch", "submit.sh"))
    values = {
        "name": jobs.name,
        "last": jobs.shards - 1,
        "at_once": jobs.running,
        "cpus": jobs.cpus,
        "memory": jobs.memory,
        "retries": jobs.retries,
        "shard_log": shlex.quote(f"{log_folder}/shard-%a.log"),
        "merge_log": shlex.quote(f"{log_folder}/merge.log"),
        "more": "".join(f"#SBATCH {line}\n" for line in directives),
        "setup": "".join(f"{line}\n" for line in setup),
        "here": shlex.quote(str(Path.cwd())),
        "config": shlex.quote(str(folder / CONFIG)),
        "output": shlex.quote(str(output)),
        "well": "|".join(map(str, ENDED_WELL)),
        "no_retry": NO_RETRY,
    }
    write_file(shards, _SHARDS.format(merge=merge.name, **values))
    write_file(merge, _MERGE.format(shards=shards.name, **values))
    quoted = {"shards": shlex.quote(str(shards)), "merge": shlex.quote(str(merge))}
    write_file(submit, _SUBMIT.format(**quoted))
    return Files((folder / CONFIG, shards, merge, submit), (("bash", str(submit)),), notes)


def _check_directive(directive: str) -> None:
    """Refuse what is no option of sbatch, or sets what launch sets; sbatch takes several options on a line."""
    try:
        words = shlex.split(directive)
    except ValueError:
        raise ConfigError(f"--sbatch={directive}: a quotation mark is not closed.") from None
    if not words or not words[0].startswith("-") or "\n" in directive:
        raise ConfigError(
            f"--sbatch takes an option with its dashes, such as --sbatch=--time=02:00:00, not {directive!r}."
        )
    for word in words:
        if word.startswith("--"):
            given = word[2:].partition("=")[0]
            # sbatch takes the start of an option for the option.
            found = given if given in _OWN else next((name for name in _OWN if given and name.startswith(given)), "")
        else:
            found = _SHORT.get(word[1:2], "") if word.startswith("-") else ""
        if found:
            flags = f"; change it by {_OWN[found]}" if _OWN[found] else ""
            raise ConfigError(f"--sbatch={directive}: launch sets --{found} itself{flags}.")
