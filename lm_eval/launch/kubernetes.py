"""A run as a Kubernetes Indexed Job: one index per shard, and a job that merges them afterwards."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.launch.jobs import (
    CONFIG,
    ENDED_WELL,
    KEYS,
    NO_RETRY,
    Files,
    Jobs,
    check_tasks,
    references,
    write_config,
    write_file,
)

__all__ = ["RESULTS", "write_kubernetes"]

RESULTS = "/results"
"""Where the volume of the results is in the containers."""
_SETTINGS = "/config"
_MEMORY = re.compile(r"(\d+(?:\.\d+)?[KMGT])i?")
_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_WAITING = {"cpu": "100m", "memory": "256Mi"}
"""What the merge requests: little, because it waits for most of its time. Without limits, it may use more."""
_MERGE_SECONDS = 7 * 24 * 3600
"""Maximum seconds of the merge, waiting included: a shard that fails for good would keep it waiting for ever."""
_HEAD = """# Does a run in {count} shards. Before it there must be a volume claim {claim!r} that all pods may write,
# and for keys a secret: kubectl create secret generic {name} --from-literal=OPENAI_API_KEY=...
# The pods take these variables from it, as far as it has them: {variables}.
# A pod that is evicted is replaced and resumes from its journal; exit code {no_retry} (a mistake) is not tried again.
# Remove it: kubectl delete -f {file}
"""
_WAIT = """# Waits for all shards, at most seven days, then joins them; the results are in {output} on the volume.
# Where a shard has failed for good, delete this job, and merge what is there: lm_eval merge {output} --allow_missing
"""


def write_kubernetes(settings: RunSettings, jobs: Jobs, folder: Path, image: str, claim: str) -> Files:
    """Write the manifests of a run.

    Args:
        settings: The settings of the run; the last part of its ``output_path`` names the folder on the volume.
        jobs: How the run is cut.
        folder: Where the files go.
        image: An image with ``lm_eval`` and a shell.
        claim: The name of a PersistentVolumeClaim that all pods can write.

    Returns:
        The files: settings, shards and merge.

    Raises:
        ConfigError: The settings do not make a run, or a file cannot be written.
    """
    if not _MEMORY.fullmatch(jobs.memory):
        raise ConfigError(f"--memory takes a size such as 2Gi or 512Mi, not {jobs.memory!r}.")
    if not _CLAIM.fullmatch(claim):
        raise ConfigError(f"--claim takes small letters, digits, '-' and '.', not {claim!r}.")
    # Paths are those of the image, and may not exist here.
    if not settings.include_path and not any("/" in str(task) for task in settings.tasks):
        check_tasks(settings)
    folder = folder.expanduser().absolute()
    output = f"{RESULTS}/{Path(str(settings.output_path or '')).name or jobs.name}"
    notes = write_config(settings, jobs, folder, {"output_path": output})
    local = [name for name in ("include_path", "data_dir") if getattr(settings, name)]
    notes = (*notes, *(f"{name} is a path in the image or on the volume ({RESULTS})." for name in local))
    settings_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": jobs.name},
        "data": {CONFIG: (folder / CONFIG).read_text(encoding="utf-8")},
    }
    shards, merge = folder / "shards.yaml", folder / "merge.yaml"
    variables = list(dict.fromkeys((*KEYS, *references([settings.model_args, *settings.judge_model_args]))))
    values = {"count": jobs.shards, "claim": claim, "name": jobs.name, "no_retry": NO_RETRY, "file": shards.name}
    head = _HEAD.format(**values, variables=", ".join(variables))
    _write(shards, head, settings_map, _shards(jobs, image, claim, variables))
    _write(merge, _WAIT.format(output=output), _merge(jobs, image, claim, output))
    apply = tuple(("kubectl", "apply", "-f", str(path)) for path in (shards, merge))
    return Files((folder / CONFIG, shards, merge), apply, notes)


def _shards(jobs: Jobs, image: str, claim: str, variables: Iterable[str]) -> dict[str, Any]:
    memory = _MEMORY.sub(r"\1i", jobs.memory)
    command = _ends_well(f"lm_eval run --config {_SETTINGS}/{CONFIG} --shard auto")
    container = _container(image, command, {"cpu": str(jobs.cpus), "memory": memory})
    keys = [{"secretKeyRef": {"name": jobs.name, "key": name, "optional": True}} for name in variables]
    container["env"] = [{"name": key["secretKeyRef"]["key"], "valueFrom": key} for key in keys]
    container["env"].append({"name": "LM_EVAL_SHARDS", "value": str(jobs.shards)})
    return _job(
        jobs.name,
        {
            "completions": jobs.shards,
            "parallelism": jobs.running,
            "completionMode": "Indexed",
            "backoffLimitPerIndex": jobs.retries,
            "maxFailedIndexes": jobs.shards,
            "podFailurePolicy": _policy("FailIndex"),
        },
        container,
        claim,
        jobs.name,
    )


def _merge(jobs: Jobs, image: str, claim: str, output: str) -> dict[str, Any]:
    place = shlex.quote(output)
    there = f"$(ls {place}/shards/*-of-{jobs.shards:04}/manifest.json 2>/dev/null | wc -l)"
    wait = f'until [ "{there}" -ge {jobs.shards} ]; do sleep 30; done'
    limits = {
        "backoffLimit": jobs.retries,
        "activeDeadlineSeconds": _MERGE_SECONDS,
        "podFailurePolicy": _policy("FailJob"),
    }
    container = _container(image, f"{wait}; {_ends_well(f'lm_eval merge {place}')}", _WAITING)
    return _job(f"{jobs.name}-merge", limits, container, claim, jobs.name)


def _ends_well(command: str) -> str:
    """Let a command end with 0 where its work is done; Kubernetes knows one exit code of success."""
    well = " || ".join(f"[ $code = {code} ]" for code in ENDED_WELL)
    return f"{command}; code=$?; {well} && exit 0; exit $code"


def _policy(action: str) -> dict[str, Any]:
    """Do not try a mistake again, and do not count evictions."""
    mistake = {"containerName": "lm-eval", "operator": "In", "values": [NO_RETRY]}
    return {
        "rules": [
            {"action": action, "onExitCodes": mistake},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
        ]
    }


def _container(image: str, command: str, requests: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "lm-eval",
        "image": image,
        "command": ["sh", "-c", command],
        "resources": {"requests": requests},
        "volumeMounts": [{"name": "results", "mountPath": RESULTS}, {"name": "config", "mountPath": _SETTINGS}],
    }


def _job(name: str, spec: dict[str, Any], container: dict[str, Any], claim: str, config: str) -> dict[str, Any]:
    volumes = [
        {"name": "results", "persistentVolumeClaim": {"claimName": claim}},
        {"name": "config", "configMap": {"name": config}},
    ]
    pod = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {**spec, "template": {"spec": pod}},
    }


def _write(path: Path, head: str, *objects: dict[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True, width=1000)
    write_file(path, head + text)
