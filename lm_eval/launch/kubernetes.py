"""A run as a Kubernetes Indexed Job: one index per shard, and a job that merges them afterwards."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.launch.jobs import CONFIG, ENDED_WELL, NO_RETRY, Files, Jobs, write_config

__all__ = ["RESULTS", "write_kubernetes"]

RESULTS = "/results"
"""Where the volume of the results is in the containers."""
_SETTINGS = "/config"
_HEAD = """# Does a run in {count} shards. Before it there must be a volume claim {claim!r} that all pods may write,
# and for an endpoint with a key a secret: kubectl create secret generic {name} --from-literal=OPENAI_API_KEY=...
# A pod that is evicted is replaced and resumes from its journal; exit code {no_retry} (a mistake) is not tried again.
# Remove it: kubectl delete -f {file}
"""
_WAIT = """# Waits until all shards are there, then joins them; the results are in {output} on the volume.
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
    folder = folder.expanduser().absolute()
    if settings.output_path and settings.output_path.endswith(".json"):
        raise ConfigError("--output_path of a launch is a folder.")
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
    values = {"count": jobs.shards, "claim": claim, "name": jobs.name, "no_retry": NO_RETRY, "file": shards.name}
    _write(shards, _HEAD.format(**values), settings_map, _shards(jobs, image, claim))
    _write(merge, _WAIT.format(output=output), _merge(jobs, image, claim, output))
    apply = tuple(("kubectl", "apply", "-f", str(path)) for path in (shards, merge))
    return Files((folder / CONFIG, shards, merge), apply, notes)


def _shards(jobs: Jobs, image: str, claim: str) -> dict[str, Any]:
    well = " || ".join(f"[ $code = {code} ]" for code in ENDED_WELL)
    # Kubernetes knows one exit code of success.
    command = f"lm_eval run --config {_SETTINGS}/{CONFIG} --shard auto; code=$?; {well} && exit 0; exit $code"
    container = _container(jobs, image, command)
    container["env"].append({"name": "LM_EVAL_SHARDS", "value": str(jobs.shards)})
    return _job(
        jobs.name,
        {
            "completions": jobs.shards,
            "parallelism": jobs.running,
            "completionMode": "Indexed",
            "backoffLimitPerIndex": jobs.retries,
            "maxFailedIndexes": jobs.shards,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailIndex",
                        "onExitCodes": {"containerName": "lm-eval", "operator": "In", "values": [NO_RETRY]},
                    },
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                ]
            },
        },
        container,
        claim,
        jobs.name,
    )


def _merge(jobs: Jobs, image: str, claim: str, output: str) -> dict[str, Any]:
    place = shlex.quote(output)
    there = f"$(ls {place}/shards/*-of-{jobs.shards:04}/manifest.json 2>/dev/null | wc -l)"
    command = f'until [ "{there}" -ge {jobs.shards} ]; do sleep 30; done; lm_eval merge {place}'
    return _job(
        f"{jobs.name}-merge", {"backoffLimit": jobs.retries}, _container(jobs, image, command), claim, jobs.name
    )


def _container(jobs: Jobs, image: str, command: str) -> dict[str, Any]:
    memory = jobs.memory if jobs.memory.endswith(("i", "B")) else f"{jobs.memory}i"
    key = {"secretKeyRef": {"name": jobs.name, "key": "OPENAI_API_KEY", "optional": True}}
    return {
        "name": "lm-eval",
        "image": image,
        "command": ["sh", "-c", command],
        "env": [{"name": "OPENAI_API_KEY", "valueFrom": key}],
        "resources": {"requests": {"cpu": str(jobs.cpus), "memory": memory}},
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
    path.write_text(head + text, encoding="utf-8")
