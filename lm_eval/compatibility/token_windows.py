"""Windows over the tokens of a long text, for models that score ``loglikelihood_rolling`` with tokens of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["get_rolling_token_windows", "make_disjoint_window"]


def get_rolling_token_windows(
    token_list: Sequence[int], prefix_token: int, max_seq_len: int, context_len: int
) -> Iterator[tuple[list[int], list[int]]]:
    """Cut a text into windows that together predict each token once.

    Args:
        token_list: The tokens to predict.
        prefix_token: Stands before the first token, so that it has a context.
        max_seq_len: The maximum number of tokens in a window's input.
        context_len: The minimum number of input tokens before the second of the predicted tokens; from 1 to
            ``max_seq_len``. 1 gives windows with as little overlap as possible.

    Yields:
        The input of a window and the tokens it predicts: the last ones, each one place after the input.

    Raises:
        AssertionError: ``context_len`` is out of its range.
    """
    assert 1 <= context_len <= max_seq_len, f"context_len is {context_len}; it is between 1 and {max_seq_len}."
    tokens = list(token_list)
    stop = min(max_seq_len, len(tokens))
    if tokens:
        yield [prefix_token, *tokens[: stop - 1]], tokens[:stop]
    step = max_seq_len - context_len + 1
    while stop < len(tokens):
        start, stop = stop, min(stop + step, len(tokens))
        yield tokens[stop - 1 - max_seq_len : stop - 1], tokens[start:stop]


def make_disjoint_window(pair: tuple[list[int], list[int]]) -> tuple[list[int], list[int]]:
    """Split a window into a context and the tokens after it, which then share no token.

    Args:
        pair: A window of ``get_rolling_token_windows``.

    Returns:
        The context and the predicted tokens.
    """
    given, predicted = pair
    return given[: len(given) - len(predicted) + 1], predicted
