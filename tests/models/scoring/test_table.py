"""The table of strategies and servers: value or refusal. ``LM_EVAL_WRITE_DOCS=1`` writes it into docs/scoring.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lm_eval.mock_server.profiles import PROFILES
from lm_eval.models.scoring import STRATEGIES
from tests.models.scoring.table import Cell, markdown, observe

DOCS = Path(__file__).resolve().parents[3] / "docs" / "scoring.md"
START, END = "<!-- table: start -->\n", "<!-- table: end -->"

IGNORED = "echo was ignored"
NO_FORCED = "does not come with its own value"
REFUSED = {
    ("default", "prompt_logprobs"): "no prompt_logprobs",
    ("default", "forced_token"): NO_FORCED,
    ("openai", "token_ids"): "no /tokenize",
    ("openai", "prompt_logprobs"): "no prompt_logprobs",
    ("openai", "forced_token"): "no /tokenize",
    ("vllm", "forced_token"): NO_FORCED,
    ("vllm-nobos", "forced_token"): NO_FORCED,
    ("llamacpp", "echo_offsets"): IGNORED,
    ("llamacpp", "echo_tokens"): IGNORED,
    ("llamacpp", "echo_context"): IGNORED,
    ("llamacpp", "token_ids"): IGNORED,
    ("llamacpp", "prompt_logprobs"): "no prompt_logprobs",
    ("llamacpp-python", "echo_offsets"): "text_offset does not point",
    ("llamacpp-python", "token_ids"): "does not take token ids",
    ("llamacpp-python", "prompt_logprobs"): "no prompt_logprobs",
    ("llamacpp-python", "forced_token"): NO_FORCED,
    **{("llamacpp-python-nobos", name): "23 tokens, but usage counts 24" for name in list(STRATEGIES)[:4]},
    ("llamacpp-python-nobos", "prompt_logprobs"): "no prompt_logprobs",
    ("llamacpp-python-nobos", "forced_token"): NO_FORCED,
    ("llamacpp-python-nobos", "first_token"): "without top_logprobs",
    **{("transformers", name): IGNORED for name in list(STRATEGIES)[:4]},
    ("transformers", "prompt_logprobs"): "no prompt_logprobs",
    ("transformers", "forced_token"): "no /tokenize",
    ("transformers", "first_token"): "without top_logprobs",
    ("transformers", "chat_first_token"): "without top_logprobs",
    ("sglang", "echo_offsets"): "text_offset does not point",
    ("sglang", "prompt_logprobs"): "no prompt_logprobs",
    ("sglang", "forced_token"): NO_FORCED,
    **{("tgi", name): IGNORED for name in list(STRATEGIES)[:4]},
    ("tgi", "prompt_logprobs"): "no prompt_logprobs",
    ("tgi", "forced_token"): NO_FORCED,
    ("tgi", "first_token"): "without top_logprobs",
}
"""Strategies a server cannot serve, and the reason given."""

UNSCORED_FIRST = "first token of a text no log-probability"
PARTLY = {("llamacpp-python", name): UNSCORED_FIRST for name in ("echo_tokens", "echo_context", "first_token")}
"""Strategies that leave some Instances out, and the reason given on each."""


@pytest.fixture(scope="module")
def auto() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def cells(auto: dict[str, str]) -> dict[str, dict[str, Cell]]:
    return {profile: observe(profile, auto) for profile in PROFILES}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_value_is_exact_or_the_refusal_is_right(
    cells: dict[str, dict[str, Cell]], profile: str, strategy: str
) -> None:
    cell = cells[profile][strategy]
    assert cell.wrong == ()
    assert REFUSED.get((profile, strategy), "") in cell.refusal
    assert bool(cell.refusal) == ((profile, strategy) in REFUSED)
    reasons = PARTLY.get((profile, strategy))
    assert all(reasons is not None and reasons in text for _, text in cell.refused), cell.refused
    assert bool(cell.refused) == (reasons is not None)
    assert cell.right > 0 or cell.refusal


def test_the_table_in_the_documentation_is_up_to_date(cells: dict[str, dict[str, Cell]], auto: dict[str, str]) -> None:
    page = DOCS.read_text("utf-8")
    before, start, rest = page.partition(START)
    table, end, after = rest.partition(END)
    assert start and end
    seen = markdown(cells, auto) + "\n"
    if os.environ.get("LM_EVAL_WRITE_DOCS"):
        DOCS.write_text(f"{before}{START}{seen}{END}{after}", "utf-8")
        return
    assert table == seen
