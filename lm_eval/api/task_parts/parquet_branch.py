"""Datasets that a script of their repository makes, read from the files that the Hub has made of them.

``datasets`` 4 and newer run no scripts. For most such datasets the Hub keeps all rows as parquet files in the branch
``refs/convert/parquet``, one folder per config with one folder per split.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lm_eval.errors import DatasetError

if TYPE_CHECKING:
    from lm_eval.api.instance import Doc

__all__ = ["load_parquet_branch", "needs_script"]

eval_logger = logging.getLogger("lm_eval")

_REFUSED = "Dataset scripts are no longer supported"
_BRANCH = "refs/convert/parquet"
_PARTIAL = "partial-"
"""Start of a split's folder, where the Hub stopped because the split is large."""
_OF_THE_REPOSITORY = ("data_dir", "data_files", "name", "revision", "trust_remote_code")


def needs_script(error: BaseException) -> bool:
    """Whether ``datasets`` refused a dataset because a script makes it.

    Args:
        error: What ``datasets.load_dataset`` raised.
    """
    return _REFUSED in str(error)


def load_parquet_branch(path: str, name: str | None, arguments: Mapping[str, Any]) -> Mapping[str, list[Doc]]:
    """Load the splits of a dataset from the parquet files that the Hub made of it.

    Args:
        path: The id of the dataset on the Hub.
        name: The config; None takes the config ``default``, or the only one.
        arguments: Further arguments of ``datasets.load_dataset``.

    Returns:
        A mapping from the name of each split that is complete to its rows.

    Raises:
        DatasetError: The config is not among the files.
    """
    import datasets
    from huggingface_hub import HfApi

    token = arguments.get("token")
    files = HfApi().list_repo_files(path, repo_type="dataset", revision=_BRANCH, token=token)
    configs = _by_config_and_split(files)
    config = _config(name, configs)
    complete = {split: names for split, names in configs[config].items() if not split.startswith(_PARTIAL)}
    for partial in sorted(configs[config].keys() - complete.keys()):
        eval_logger.warning(
            "Dataset %s: only a part of the split %s is on the Hub as parquet files, so it is left out",
            path,
            partial.removeprefix(_PARTIAL),
        )
    data_files = {
        split: [f"hf://datasets/{path}@{_BRANCH.replace('/', '%2F')}/{file}" for file in sorted(of_split)]
        for split, of_split in complete.items()
    }
    kept = {key: value for key, value in arguments.items() if key not in _OF_THE_REPOSITORY}
    splits: Mapping[str, list[Doc]] = datasets.load_dataset("parquet", data_files=data_files, **kept)
    return splits


def _by_config_and_split(files: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        config, _, rest = file.partition("/")
        split, _, last = rest.partition("/")
        if last.endswith(".parquet"):
            found[config][split].append(file)
    return found


def _config(name: str | None, configs: Mapping[str, object]) -> str:
    if name is None:
        name = "default" if "default" in configs or len(configs) != 1 else next(iter(configs))
    if name not in configs:
        known = ", ".join(sorted(configs)[:10]) or "none"
        raise DatasetError(f"the Hub made no parquet files of the config {name!r}; it has {known}")
    return name
