from __future__ import annotations

import pytest

from lm_eval.models.logprobs.spelling import seam_fits, spells, spells_end


@pytest.mark.parametrize(
    ("tokens", "seam", "continuation", "fits"),
    [
        (["the", " cat", " sat"], 2, " sat", True),
        (["the", " cat", " sat"], 1, " sat", False),
        (["", "", "\u65e5", ":", " the", " ", "", "", "\u672c"], 5, " \u672c", True),
        (["", "", "\u65e5", ":", " the", "", "", "\u672c"], 5, "\u672c", True),
        (["", "", "\u65e5", ":", " the", "", "", "\u672c"], 0, "\u672c", False),
        (["a", "b:", "A"], 1, "A", False),
        (["ab", ": ", "A"], 1, " A", True),
    ],
)
def test_a_seam_fits_where_the_continuation_can_start(
    tokens: list[str], seam: int, continuation: str, fits: bool
) -> None:
    assert seam_fits(tokens, seam, continuation) is fits


def test_tokens_spell_a_text_without_what_servers_drop_or_rename() -> None:
    assert spells(["The", "cat", "<0x0A>", "sat."], "The cat\nsat.")
    assert spells(["caf", "bytes:\\xc3", "bytes:\\xa9"], "caf\u00e9")
    assert spells(["fi", "ne"], "\ufb01ne")
    assert not spells(["The", "cat", "sat,"], "The cat sat.")
    assert not spells(["cat", "The"], "The cat")
    assert spells_end(["The", " cat", " sat"], "Well. The cat sat")
    assert not spells_end(["The", " cat", " sat", "."], "The cat sat")
