"""A copy of the result files on the Hugging Face Hub."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["HubTarget"]

eval_logger = logging.getLogger("lm_eval")


@dataclass
class HubTarget:
    """Where on the Hub files go. Failures are logged: the local files are what counts.

    Attributes:
        organisation: The organisation or user; empty means the token's user.
        results_repo: The dataset repository of result files.
        samples_repo: The dataset repository of samples files.
        results: Whether result files are pushed.
        samples: Whether samples files are pushed.
        private: Whether new repositories are private.
        gated: Whether people must log in to read the samples.
        token: A token; empty means the one the machine is logged in with.
    """

    organisation: str = ""
    results_repo: str = "lm-eval-results"
    samples_repo: str = "lm-eval-results"
    results: bool = False
    samples: bool = False
    private: bool = True
    gated: bool = False
    token: str = ""

    def __repr__(self) -> str:
        return f"HubTarget(organisation={self.organisation!r}, results={self.results}, samples={self.samples})"

    def push(self, path: Path, *, folder: str, kind: str) -> bool:
        """Upload a file.

        Args:
            path: The file.
            folder: The folder in the repository.
            kind: ``results`` or ``samples``.

        Returns:
            Whether it was uploaded.
        """
        wanted, repo = (self.results, self.results_repo) if kind == "results" else (self.samples, self.samples_repo)
        if not wanted:
            return False
        in_repo = f"{folder}/{path.name}" if folder else path.name
        return self._try(f"upload {path.name}", repo, lambda api, name: _upload(api, name, path, in_repo))

    def write_card(self, model: str, files: Iterable[str]) -> bool:
        """Replace the card of the results repository.

        Args:
            model: The model's name.
            files: The names of the files it describes.

        Returns:
            Whether it was uploaded.
        """
        listed = "\n".join(f"- `{name}`" for name in files)
        text = f"---\ntags: [lm-eval]\n---\n# Evaluation results of {model}\n\n{listed}\n"
        return self._try(
            "write the card", self.results_repo, lambda api, name: _upload(api, name, text.encode(), "README.md")
        )

    def _try(self, what: str, repo: str, action: Any) -> bool:
        try:
            api = importlib.import_module("huggingface_hub").HfApi(token=self.token or None)
            owner = self.organisation or api.whoami()["name"]
            name = f"{owner}/{repo}"
            api.create_repo(repo_id=name, repo_type="dataset", private=self.private, exist_ok=True)
            if self.gated:
                api.update_repo_settings(repo_id=name, repo_type="dataset", gated="auto")
            action(api, name)
        except Exception as error:
            eval_logger.error("Could not %s to the Hub (the local files are kept): %s", what, self._safe(error))
            return False
        return True

    def _safe(self, error: Exception) -> str:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return text.replace(self.token, "***") if self.token else text


def _upload(api: Any, repo: str, content: Path | bytes, in_repo: str) -> None:
    source = str(content) if isinstance(content, Path) else content
    api.upload_file(repo_id=repo, repo_type="dataset", path_or_fileobj=source, path_in_repo=in_repo)
