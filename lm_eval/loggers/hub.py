"""A copy of the result files on the Hugging Face Hub."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from lm_eval.errors import ConfigError
from lm_eval.loggers._clients import check_arguments
from lm_eval.loggers._guard import Guarded
from lm_eval.loggers._hub_card import card

__all__ = ["HubTarget", "check_hub_arguments"]

_PLAIN_MODEL = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")


class _Before(Guarded):
    """What is asked of the Hub before a run."""

    service: ClassVar[str] = "Hugging Face Hub"


class HubTarget(Guarded):
    """Where on the Hub files go: dataset repositories of results and of samples, which may be one.

    Files are collected and sent in one commit a repository, because the Hub limits commits. Failures are logged: the
    local files are what counts.
    """

    service: ClassVar[str] = "Hugging Face Hub"

    def __init__(
        self,
        *,
        organisation: str = "",
        results_repo: str = "lm-eval-results",
        samples_repo: str = "lm-eval-results",
        results: bool = False,
        samples: bool = False,
        private: bool = True,
        gated: bool = False,
        token: str = "",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Note where files go; nothing is sent.

        Args:
            organisation: The organisation or user; empty means the token's user.
            results_repo: The repository of result files; ``-private`` is added to the name of a private one, as the
                reference harness does.
            samples_repo: The repository of samples files, likewise.
            results: Whether result files are pushed.
            samples: Whether samples files are pushed.
            private: Whether the repositories are private.
            gated: Whether people must log in to read the samples.
            token: A token; empty means the one the machine is logged in with.
            notes: ``leaderboard_url`` and ``point_of_contact``, for the cards.
        """
        super().__init__()
        self.results, self.samples, self.private, self.gated = results, samples, private, gated
        ending = "-private" if private else ""
        self._repo_of = {"results": results_repo + ending, "samples": samples_repo + ending}
        self._organisation, self._token, self._notes = organisation, token, dict(notes or {})
        self._waiting: dict[str, list[tuple[str, Path]]] = {}
        self._made: set[str] = set()
        self._api: Any = None

    def __repr__(self) -> str:
        return f"HubTarget(organisation={self._organisation!r}, results={self.results}, samples={self.samples})"

    def check(self) -> None:
        """Make the repositories, before the evaluation, so that a wrong token or name shows at once."""
        # Apart from what is sent at the end, which is tried whatever comes of this.
        before = _Before()
        for repo in dict.fromkeys(self._repo_of[kind] for kind in ("results", "samples") if getattr(self, kind)):
            before.guard(f"making {repo}", partial(self._make, repo), starting=True)

    def add(self, path: Path, *, kind: str, model: str = "", folder: str = "") -> bool:
        """Take a file along.

        Args:
            path: The file.
            kind: ``results`` or ``samples``.
            model: The model's name; results go to a folder of that name.
            folder: The model's name as a folder's; samples go there.

        Returns:
            Whether files of this kind are pushed.
        """
        if not getattr(self, kind):
            return False
        if kind == "results" and _PLAIN_MODEL.fullmatch(model):
            folder = model
        self._waiting.setdefault(self._repo_of[kind], []).append((f"{folder}/{path.name}".lstrip("/"), path))
        return True

    def push(self) -> None:
        """Send what was added, with a card for each repository."""
        waiting, self._waiting = self._waiting, {}
        for repo, files in waiting.items():
            self.guard(f"pushing to {repo}", partial(self._commit, repo, files))

    def _make(self, repo: str) -> str:
        """Make a repository unless it is there; gated before anything is in it."""
        if self._api is None:
            self._api = importlib.import_module("huggingface_hub").HfApi(token=self._token or None)
        if not self._organisation:
            self._organisation = str(self._api.whoami()["name"])
        name = f"{self._organisation}/{repo}"
        if name not in self._made:
            self._api.create_repo(repo_id=name, repo_type="dataset", private=self.private, exist_ok=True)
            if self.gated and self.samples and repo == self._repo_of["samples"]:
                self._api.update_repo_settings(repo_id=name, repo_type="dataset", gated="auto")
            self._made.add(name)
        return name

    def _commit(self, repo: str, files: list[tuple[str, Path]]) -> None:
        name = self._make(repo)
        there = self._api.list_repo_files(repo_id=name, repo_type="dataset")
        text = card(name, {*there, *(in_repo for in_repo, _ in files)}, self._notes)
        add = importlib.import_module("huggingface_hub").CommitOperationAdd
        contents = [*((in_repo, str(path)) for in_repo, path in files), ("README.md", text.encode())]
        self._api.create_commit(
            repo_id=name,
            repo_type="dataset",
            operations=[add(path_in_repo=in_repo, path_or_fileobj=content) for in_repo, content in contents],
            commit_message=f"Add results of {files[0][0].rpartition('/')[0] or 'a run'}",
        )

    def safe(self, text: str) -> str:
        """Take the token, and other secrets, out of a message.

        Args:
            text: What the client said.

        Returns:
            The message without them.
        """
        return super().safe(text.replace(self._token, "***") if self._token else text)


def check_hub_arguments(given: Mapping[str, Any], output_path: str | None, logs_samples: bool) -> None:
    """Refuse what cannot work, before anything is asked of a model.

    Args:
        given: The keys of ``--hf_hub_log_args``.
        output_path: Where files are saved.
        logs_samples: Whether samples are.

    Raises:
        ConfigError: An unknown key, or nothing would be there to push.
    """
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker

    known = inspect.signature(EvaluationTracker).parameters
    check_arguments("hf_hub_log_args", given, [name for name in known if not name.startswith("output_")])
    if (given.get("push_results_to_hub") or given.get("push_samples_to_hub")) and not output_path:
        raise ConfigError("--hf_hub_log_args pushes saved files: give --output_path too.")
    if given.get("push_samples_to_hub") and not logs_samples:
        raise ConfigError("push_samples_to_hub in --hf_hub_log_args needs --log_samples.")
