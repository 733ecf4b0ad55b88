from __future__ import annotations

from lm_eval import utils


def test_lines_after_the_first_are_indented() -> None:
    text = utils.wrap_text(
        """
        one two three
        four-five
        """,
        width=12,
    )
    assert text == "one two\n        three\n        four-five"


def test_arrows_and_spaces() -> None:
    assert (utils.HIGHER_IS_BETTER_SYMBOLS, len(utils.SPACING)) == ({True: "↑", False: "↓"}, 47)
