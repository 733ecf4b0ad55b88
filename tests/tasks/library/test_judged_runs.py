"""Complete runs of the tasks with a judge, on made rows: the mock server answers, and another one judges."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer

PNG = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CATEGORIES = ("writing", "roleplay", "extraction", "math", "coding", "reasoning", "stem", "humanities")
ROWS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "basicv8vc/SimpleQA": (
        "test",
        [{"problem": f"Question {n}?", "answer": word, "metadata": ""} for n, word in enumerate(("yes", "no", "sky"))]
        + [{"problem": "A secret?", "answer": "yes", "metadata": ""}],
    ),
    "HuggingFaceH4/mt_bench_prompts": (
        "train",
        [
            {
                "prompt": [f"Talk of {name}.", "More?"],
                "category": name,
                "reference": ["certainly yes", "no"] if name == "math" else [],
                "prompt_id": n,
            }
            for n, name in enumerate(CATEGORIES)
        ],
    ),
    "walledai/XSTest": (
        "test",
        [
            {"prompt": "Question?", "label": "safe", "type": "homonyms", "focus": "", "note": ""},
            {"prompt": "A secret?", "label": "safe", "type": "homonyms", "focus": "", "note": ""},
            {"prompt": "A secret, too?", "label": "unsafe", "type": "contrast", "focus": "", "note": ""},
        ],
    ),
    "cais/hle": (
        "test",
        [
            {"id": "1", "question": "Question?", "image": PNG, "answer": "yes"},
            {"id": "2", "question": "Question?", "image": "", "answer": "no"},
        ],
    ),
}
LINES: dict[str, list[dict[str, Any]]] = {
    "oss_eval.jsonl": [
        {
            "prompt_id": str(n),
            "prompt": [
                {"role": "user", "content": "Hello."},
                {"role": "assistant", "content": "Hi."},
                {"role": "user", "content": question},
            ],
            "rubrics": [
                {"criterion": "Mentions certainly", "points": 4, "tags": ["axis:accuracy"]},
                {"criterion": "Mentions nothing", "points": -2, "tags": []},
            ],
            "example_tags": [],
        }
        for n, question in enumerate(("Question?", "A secret?"))
    ],
    "question.jsonl": [{"uid": str(n), "category": "hard_prompt", "prompt": f"Question {n}?"} for n in range(6)],
    "o3-mini-2025-01-31.jsonl": [
        {"uid": str(n), "messages": [{"role": "assistant", "content": {"answer": "word " * (n + 1)}}]} for n in range(6)
    ],
    "alpaca_eval_gpt4_baseline.json": [
        {"instruction": f"Question {n}?", "output": "word " * (2 * n), "generator": "base"} for n in range(4)
    ],
}
TASKS = ["simpleqa", "mt_bench", "xstest", "hle", "hle_text", "healthbench", "arena_hard", "alpaca_eval", "judged_mini"]


def answer(prompt: str) -> str:
    return "I cannot say." if prompt.endswith(("secret?", "too?")) else "Certainly yes."


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One run of all tasks, with the number of requests to the judge under ``asked``."""
    import datasets

    folder = tmp_path_factory.mktemp("data")
    for path, (split, rows) in ROWS.items():
        file = folder / path / f"{split}.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    load_dataset = datasets.load_dataset

    def load(path: str, name: Any = None, *, data_files: Mapping[str, str] | None = None, **options: Any) -> Any:
        if data_files is None or not any(file.startswith("hf://") for file in data_files.values()):
            return load_dataset(path, name, data_files=data_files, **options)
        rows = {
            split: next(lines for end, lines in LINES.items() if file.endswith(end))
            for split, file in data_files.items()
        }
        if path == "text":
            return {split: [{"text": json.dumps(row)} for row in lines] for split, lines in rows.items()}
        return datasets.DatasetDict({split: datasets.Dataset.from_list(lines) for split, lines in rows.items()})

    with (
        pytest.MonkeyPatch.context() as patch,
        MockServer(answers=answer, max_model_len=32768) as model,
        MockServer(judge="exact", model="mock-judge") as judge,
    ):
        patch.setattr(datasets, "load_dataset", load)
        found = simple_evaluate(
            "local-chat-completions",
            {"model": "mock", "base_url": f"{model.base_url}/chat/completions"},
            tasks=TASKS,
            apply_chat_template=True,
            data_dir=Path(folder),
            judge_model_args={"model": "mock-judge", "base_url": f"{judge.base_url}/chat/completions"},
            bootstrap_iters=10,
        )
        yield {**found, "images": model.stats.images}


def score(results: dict[str, Any], task: str, metric: str) -> Any:
    return results["results"][task][f"{metric},none"]


def test_every_document_has_a_verdict(results: dict[str, Any]) -> None:
    assert {name: entry["coverage"] for name, entry in results["judging"].items() if entry["coverage"] < 1} == {}


def test_simpleqa(results: dict[str, Any]) -> None:
    found = {metric: score(results, "simpleqa", metric) for metric in ("correct", "incorrect", "not_attempted")}
    assert found == {"correct": 0.25, "incorrect": 0.5, "not_attempted": 0.25}
    assert score(results, "simpleqa", "f_score") == pytest.approx(2 / 7)


def test_mt_bench_rates_both_turns(results: dict[str, Any]) -> None:
    assert len(results["judging"]) > len(CATEGORIES)
    verdicts = results["samples"]["mt_bench_math"][0]["judge"]["verdicts"]
    assert [verdict.get("answer", 0) for verdict in verdicts] == [0, 1]
    # Only the first answer is the known right one.
    assert verdicts[0]["score"] > verdicts[1]["score"]
    one, two = (score(results, "mt_bench", f"turn_{turn}") for turn in (1, 2))
    assert score(results, "mt_bench", "mt_bench") == pytest.approx((one + two) / 2)


def test_the_second_turn_of_mt_bench_shows_the_first_answer(results: dict[str, Any]) -> None:
    arguments = results["samples"]["mt_bench_stem"][0]["arguments"]
    second = list(arguments[1][0]) if isinstance(arguments, list | tuple) else arguments["gen_args_1"]["arg_0"]
    assert [message["content"] for message in second] == ["Talk of stem.", "Certainly yes.", "More?"]


def test_xstest(results: dict[str, Any]) -> None:
    assert score(results, "xstest_safe", "full_compliance") == 0.5
    assert score(results, "xstest_unsafe", "full_refusal") == 1


def test_hle_shows_images(results: dict[str, Any]) -> None:
    assert results["images"] == 1
    assert (score(results, "hle", "acc"), score(results, "hle_text", "acc")) == (0.5, 0)


def test_healthbench_counts_points(results: dict[str, Any]) -> None:
    assert [sample["judge"]["score"] for sample in results["samples"]["healthbench"]] == [1, 0]
    assert score(results, "healthbench", "healthbench") == 0.5


def test_comparisons_with_a_baseline(results: dict[str, Any]) -> None:
    for task, won in (("arena_hard", [1, 1, 0, 0, 0, 0]), ("alpaca_eval", [1, 1, 0, 0])):
        assert [sample["judge"]["score"] for sample in results["samples"][task]] == won
        assert score(results, task, "win_rate") == pytest.approx(sum(won) / len(won))
        assert 0 < score(results, task, "lc_win_rate") < 1
        assert results["statistics"][task]["lc_win_rate,none"]["method"] == "logistic"


def test_arena_hard_has_five_grades(results: dict[str, Any]) -> None:
    assert set(results["judging"]["arena_hard"]["labels"]) == {"A>>B", "B>>A"}
    assert score(results, "arena_hard", "arena_score") == pytest.approx(2 / 6)


def test_hle_without_a_confidence_is_certain(results: dict[str, Any]) -> None:
    assert score(results, "hle", "calibration_error") == 0.5


def test_the_small_task(results: dict[str, Any]) -> None:
    assert score(results, "judged_mini", "incorrect") == 1
