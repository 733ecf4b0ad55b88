"""Copy result files to the Hugging Face Hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lm_eval.loggers._hub_card import card
from lm_eval.loggers.guard import Guarded

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["HubTarget"]

_MODEL_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")


class _HubCheck(Guarded):
    """The calls to the Hub before a run."""

    service: ClassVar[str] = "Hugging Face Hub"


class HubTarget(Guarded):
    """The dataset repositories of results and of samples on the Hub, which may be one repository.

    Files are collected and sent in one commit per repository, because the Hub limits commits. Failures are logged and
    not raised, because the files are saved locally.
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
        """Choose where files go; nothing is sent.

        Args:
            organisation: The organisation or user; empty means the token's user.
            results_repo: The repository of result files; ``-private`` is added to the name of a private repository,
                as in the reference harness.
            samples_repo: The repository of samples files, named in the same way.
            results: Whether result files are pushed.
            samples: Whether samples files are pushed.
            private: Whether the repositories are private.
            gated: Whether people must log in to read the samples.
            token: A token; empty means the token of the machine's login.
            notes: ``leaderboard_url`` and ``point_of_contact``, for the cards.
        """
        super().__init__()
        self.results, self.samples, self.private, self.gated = results, samples, private, gated
        ending = "-private" if private else ""
        self._repo_of = {"results": results_repo + ending, "samples": samples_repo + ending}
        self._organisation, self._token, self._notes = organisation, token, dict(notes or {})
        self._waiting: dict[str, list[tuple[str, Path]]] = {}
        self._created: set[str] = set()
        self._api: HfApi | None = None

    def __repr__(self) -> str:
        return f"HubTarget(organisation={self._organisation!r}, results={self.results}, samples={self.samples})"

    def check(self) -> None:
        """Create the repositories before the evaluation, so that a wrong token or name shows at once."""
        # A failure here does not stop the upload after the run, so it is counted by another object.
        check = _HubCheck()
        for repo in dict.fromkeys(self._repo_of[kind] for kind in ("results", "samples") if getattr(self, kind)):
            check.guard(f"creating {repo}", partial(self._create, repo), starting=True)

    def add(self, path: Path, *, kind: str, model: str = "", folder: str = "") -> bool:
        """Add a file to the next commit.

        Args:
            path: The file.
            kind: ``results`` or ``samples``.
            model: The model's name; results go to a folder of that name.
            folder: The model's name as the name of a folder; samples go there.

        Returns:
            Whether files of this kind are pushed.
        """
        if not getattr(self, kind):
            return False
        if kind == "results" and _MODEL_NAME.fullmatch(model):
            folder = model
        self._waiting.setdefault(self._repo_of[kind], []).append((f"{folder}/{path.name}".lstrip("/"), path))
        return True

    def push(self) -> None:
        """Send what was added, with a card for each repository."""
        waiting, self._waiting = self._waiting, {}
        for repo, files in waiting.items():
            self.guard(f"pushing to {repo}", partial(self._commit, repo, files))

    def _client(self) -> HfApi:
        if self._api is None:
            from huggingface_hub import HfApi

            self._api = HfApi(token=self._token or None)
        return self._api

    def _create(self, repo: str) -> str:
        """Create a repository unless it exists; set gating while the repository is empty."""
        api = self._client()
        if not self._organisation:
            self._organisation = str(api.whoami()["name"])
        name = f"{self._organisation}/{repo}"
        if name not in self._created:
            api.create_repo(repo_id=name, repo_type="dataset", private=self.private, exist_ok=True)
            if self.gated and self.samples and repo == self._repo_of["samples"]:
                api.update_repo_settings(repo_id=name, repo_type="dataset", gated="auto")
            self._created.add(name)
        return name

    def _commit(self, repo: str, files: list[tuple[str, Path]]) -> None:
        from huggingface_hub import CommitOperationAdd

        name, api = self._create(repo), self._client()
        existing = api.list_repo_files(repo_id=name, repo_type="dataset")
        text = card(name, {*existing, *(in_repo for in_repo, _ in files)}, self._notes)
        added = [CommitOperationAdd(path_in_repo=in_repo, path_or_fileobj=str(path)) for in_repo, path in files]
        api.create_commit(
            repo_id=name,
            repo_type="dataset",
            operations=[*added, CommitOperationAdd(path_in_repo="README.md", path_or_fileobj=text.encode())],
            commit_message=f"Add results of {files[0][0].rpartition('/')[0] or 'a run'}",
        )

    def safe(self, text: str) -> str:
        """Mask the token and other secrets in a message.

        Args:
            text: The client's message.

        Returns:
            The message with ``***`` for each secret.
        """
        return super().safe(text.replace(self._token, "***") if self._token else text)
