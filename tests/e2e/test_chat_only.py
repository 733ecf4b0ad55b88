"""An endpoint that only chats runs known benchmarks, each by the command that the refusal of its plain name prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import UserError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer

MADE = {
    ("Idavidrein/gpqa", "gpqa_main", "train"): {
        "Question": "Q?",
        "Correct Answer": "a",
        **{f"Incorrect Answer {n}": f"w{n}" for n in (1, 2, 3)},
    },
    ("TAUR-Lab/MuSR", "default", "murder_mysteries"): {
        "narrative": "A story.",
        "question": "Who?",
        "choices": "['Ann', 'Bob']",
        "answer_index": 0,
        "answer_choice": "Ann",
    },
}
"""Path, config and split of data sets that the shared folder lacks: a row with their columns."""
ASKED = {
    "arc_easy": "arc_easy@generate",
    "hellaswag": "hellaswag@generate",
    "mmlu_anatomy": "mmlu_anatomy@generate",
    "truthfulqa": "truthfulqa@generate",
    "leaderboard_mmlu_pro": "leaderboard_mmlu_pro@generate",
    "leaderboard_bbh_snarks": "leaderboard_bbh_snarks@generate",
    "leaderboard_gpqa_main": "leaderboard_gpqa_main@generate",
    "leaderboard_musr_murder_mysteries": "leaderboard_musr_murder_mysteries@generate",
    "gsm8k": "gsm8k",
    "ifeval": "ifeval",
    "humaneval": "humaneval",
}
_PRINTED = re.compile(r"--tasks '?([^'\s]+)'?")
_FLAG = "--confirm_run_unsafe_code"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(profile="openai", max_model_len=100_000) as started:
        yield started


@pytest.fixture(scope="module")
def data(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real data where it is there, and made rows for the others."""
    folder = tmp_path_factory.mktemp("data")
    for owner in (shared_dir / "data").iterdir():
        if owner.is_dir():
            (folder / owner.name).symlink_to(owner)
    for name, row in MADE.items():
        path, config, split = name
        (folder / path).mkdir(parents=True)
        (folder / path / "rows.jsonl").write_text(json.dumps(row) + "\n")
        files = {"config_name": config, "data_files": [{"split": split, "path": "rows.jsonl"}]}
        (folder / path / "README.md").write_text(f"---\n{json.dumps({'configs': [files]})}\n---\n")
    return folder


def ask(server: MockServer, tasks: str, data: Path | None = None, **more: Any) -> dict[str, Any]:
    return simple_evaluate(
        "local-chat-completions",
        {"model": "mock", "base_url": server.base_url, "num_concurrent": 4},
        tasks=tasks.split(","),
        apply_chat_template=True,
        gen_kwargs={"max_gen_toks": 8},
        data_dir=None if data is None else str(data),
        limit=1,
        bootstrap_iters=0,
        progress=False,
        **more,
    )


@pytest.mark.parametrize("name", ASKED)
def test_a_benchmark_runs_by_the_command_that_its_refusal_prints(name: str, server: MockServer, data: Path) -> None:
    tasks: str = name
    more: dict[str, bool] = {}
    for _ in range(3):
        try:
            results = ask(server, tasks, data, **more)
        except UserError as error:
            printed = _PRINTED.search(str(error))
            more = {"confirm_run_unsafe_code": True} if _FLAG in str(error) else more
            assert printed or more, str(error)
            tasks = printed[1] if printed else tasks
            continue
        if not results.get("refused"):
            break
        (tasks,) = {_PRINTED.search(reason)[1] for reason in results["refused"].values()}  # type: ignore[index]
    assert tasks == ASKED[name]
    assert results["errors"]["lost"] == 0
    assert not results.get("refused")


@pytest.mark.parametrize("name", ["wikitext", "lambada_openai", "blimp_adjunct_island"])
def test_what_cannot_be_written_gets_no_advice_that_cannot_work(name: str, server: MockServer) -> None:
    with pytest.raises(UserError, match="/v1/completions") as caught:
        ask(server, name)
    assert "chat_first_token" not in str(caught.value)
    assert "--tasks" not in str(caught.value)


def test_choices_of_one_letter_are_told_how_they_can_be_scored(server: MockServer) -> None:
    with pytest.raises(UserError, match=r"letter.*chat_first_token.*--tasks mmlu_anatomy@generate"):
        ask(server, "mmlu_anatomy")
    with pytest.raises(UserError) as caught:
        ask(server, "arc_easy")
    assert "chat_first_token" not in str(caught.value)
