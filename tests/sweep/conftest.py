from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a sweep of two models, which a test changes; return its path."""

    def write(**changes: object) -> Path:
        model = {"model": "local-completions", "model_args": {"model": "m", "base_url": "http://127.0.0.1:1/v1"}}
        other = {"model": "local-completions", "model_args": "model=m,base_url=http://127.0.0.1:2/v1"}
        given: dict[str, object] = {
            "output_path": str(tmp_path / "out"),
            "models": {"one": model, "two": other},
            "tasks": ["gsm8k", "arc_easy"],
            "settings": {"num_fewshot": [0, 5]},
        }
        kept = {name: value for name, value in {**given, **changes}.items() if value is not None}
        path = tmp_path / "sweep.yaml"
        path.write_text(yaml.safe_dump(kept))
        return path

    return write
