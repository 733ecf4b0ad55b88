"""A run as a Slurm array: one task per shard, and a job that merges them afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from lm_eval.config.run import RunSettings
from lm_eval.launch.jobs import CONFIG, ENDED_WELL, NO_RETRY, Files, Jobs, write_config

__all__ = ["write_slurm"]

_SHARDS = """#!/bin/bash
# One task of this array does one shard of the run; the merge follows in {merge}.
# The variables of sbatch reach the tasks, OPENAI_API_KEY among them: it is in no file.
# A task that is killed or pre-empted resumes from its journal and loses at most a second of answers.
#SBATCH --job-name={name}
#SBATCH --array=0-{last}%{at_once}
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={memory}
#SBATCH --output={logs}/shard-%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
{more}
cd {here}
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
#SBATCH --output={logs}/merge.log
#SBATCH --open-mode=append
{more}
cd {here}
{setup}lm_eval merge {output}
"""
_SUBMIT = """#!/bin/bash
# Submits the shards, and the merge after them; prints the number of the array.
set -eu
array=$(sbatch --parsable {shards})
sbatch --parsable --dependency="afterany:${{array%%;*}}" {merge} > /dev/null
echo "$array"
"""


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
    folder = folder.expanduser().absolute()
    output = str(Path(str(settings.output_path)).expanduser().absolute()) if settings.output_path else None
    notes = write_config(settings, jobs, folder, {"output_path": output})
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    shards, merge, submit = (folder / name for name in ("shards.sbatch", "merge.sbatch", "submit.sh"))
    values = {
        "name": jobs.name,
        "last": jobs.shards - 1,
        "at_once": jobs.running,
        "cpus": jobs.cpus,
        "memory": jobs.memory,
        "retries": jobs.retries,
        "logs": logs,
        "more": "".join(f"#SBATCH {line}\n" for line in directives),
        "setup": "".join(f"{line}\n" for line in setup),
        "here": shlex.quote(str(Path.cwd())),
        "config": shlex.quote(str(folder / CONFIG)),
        "output": shlex.quote(str(output)),
        "well": "|".join(map(str, ENDED_WELL)),
        "no_retry": NO_RETRY,
    }
    shards.write_text(_SHARDS.format(merge=merge.name, **values), encoding="utf-8")
    merge.write_text(_MERGE.format(shards=shards.name, **values), encoding="utf-8")
    quoted = {"shards": shlex.quote(str(shards)), "merge": shlex.quote(str(merge))}
    submit.write_text(_SUBMIT.format(**quoted), encoding="utf-8")
    return Files((folder / CONFIG, shards, merge, submit), (("bash", str(submit)),), notes)
