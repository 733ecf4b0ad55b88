"""The probe of one process serves all processes of a run."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lm_eval.api.model import RunContext
from lm_eval.mock_server import MockServer
from lm_eval.models.http.recorded import Recorded
from lm_eval.models.openai_completions import LocalCompletionsAPI

KINDS = frozenset({"loglikelihood", "generate_until"})


def probed(url: str, recorded: Recorded, folder: Path) -> dict[str, object]:
    """Probe a server, and return what was found."""
    lm = LocalCompletionsAPI(model="mock", base_url=url)
    lm.harness_prepare(RunContext(KINDS, journal=folder / "x.sqlite", generation=[{"until": ["."]}], recorded=recorded))
    found = lm.harness_describe()
    del found["run"]
    return found


@pytest.mark.parametrize("profile", ["default", "vllm", "llamacpp", "sglang"])
def test_what_one_process_found_another_finds_without_a_request(profile: str, tmp_path: Path) -> None:
    recorded = Recorded()
    with MockServer(profile=profile) as server:
        first = probed(server.base_url, recorded, tmp_path)
        asked = server.stats.total
        copied: Recorded = pickle.loads(pickle.dumps(recorded))
        assert probed(server.base_url, copied, tmp_path) == first
        assert server.stats.total == asked > 0
