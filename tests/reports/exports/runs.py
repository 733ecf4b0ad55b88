"""A saved run with what formats may stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval.results import Run, load
from tests.reports.html.runs import chat, choice, generation, save

__all__ = ["saved"]


def saved(folder: Path, **more: Any) -> Run:
    """Save two numbers under two filters with a lost document, two colours in a group, a chat and a perplexity."""
    lost = {"kind": "timeout", "message": "No answer. Bearer sk-abcdefghijklmnopqrstuvwx", "attempts": 3}
    numbers = generation(0, "It is 3.", 1.0, pipelines=("strict", "loose"), filtered="3")
    numbers += generation(1, "It is \ud800 4.", 0.0, pipelines=("strict", "loose"), filtered="4")
    for sample in generation(2, "", 0.0, pipelines=("strict", "loose")):
        del sample["exact_match"]
        numbers.append({**sample, "metrics": [], "resps": [[]], "filtered_resps": [None], "error": lost})
    thought = {"response_info": [{"outcome": "length", "finish_reason": "length", "reasoning": "Let me think."}]}
    turns = [("system", "Be brief."), ("user", "Hello?")]
    text = {
        "doc_id": 0,
        "doc": {"page": "Once."},
        "target": "Once.",
        "arguments": {"gen_args_0": {"arg_0": "Once."}},
        "resps": [[-4.5]],
        "filtered_resps": [-4.5],
        "filter": "none",
        "metrics": ["word_perplexity"],
        "word_perplexity": [-4.5, 1],
    }
    tasks = {
        "numbers": numbers,
        "colours": [choice(n, f"The colour of lemon {n}?", {"yellow": -1.0, "blue": -2.0}, n) for n in range(2)],
        "talk/a b": chat(0, turns, "Bye.", 1.0, **thought),
        "prose": [text],
    }
    values = {
        "numbers": {"exact_match,strict": 0.5, "exact_match_stderr,strict": 0.25, "exact_match,loose": 0.5},
        "colours": {"acc,none": 0.5, "acc_stderr,none": 0.5, "acc_norm,none": float("nan")},
        "everything": {"acc,none": 0.5},
        "talk/a b": {"exact_match,none": 1.0},
        "prose": {"word_perplexity,none": 90.0},
    }
    hub = {"dataset_path": "openai/gsm8k", "dataset_name": "main", "test_split": "test"}
    configs = {
        "numbers": {
            "output_type": "generate_until",
            "generation_kwargs": {"temperature": 0, "max_gen_toks": 64},
            **hub,
        },
        "colours": {"output_type": "multiple_choice", "dataset_path": "json", "dataset_kwargs": {"data_files": "x"}},
        "talk/a b": {},
        "prose": {},
    }
    facts: dict[str, Any] = {
        "results": values,
        "configs": configs,
        "group_subtasks": {"everything": ["colours"]},
        "higher_is_better": {
            "numbers": {"exact_match": True},
            "colours": {"acc": True, "acc_norm": True},
            "everything": {"acc": True},
            "prose": {"word_perplexity": False},
        },
        "n-samples": {name: {"original": 3, "effective": 2} for name in tasks},
        "statistics": {"numbers": {"exact_match,strict": {"interval": [0.1, 0.9], "method": "wilson", "n": 2}}},
        "date": 1767261600.5,
        "total_evaluation_time_seconds": 12.5,
        "lm_eval_version": "0.1.0",
    }
    return load(save(folder, tasks, model="org/tiny", **{**facts, **more}))
