"""Learn the merges of the byte-level BPE tokenizer from the training text.

Byte pair encoding (Sennrich et al., 2016): the most frequent pair of neighbouring tokens becomes one token, repeatedly.
Run ``python -m lm_eval.mock_server.bpe_training`` after a change of the text to rewrite ``merges.txt``.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from lm_eval.mock_server.corpus import documents
from lm_eval.mock_server.tokenizer import FIRST_MERGE_ID, MERGES_FILE, pre_tokens_as_bytes

__all__ = ["MERGE_LIMIT", "learn_merges"]

MERGE_LIMIT = 1400


def learn_merges(words: Iterable[Sequence[int]], first_id: int, limit: int) -> list[tuple[int, int]]:
    """Learn merges, the most frequent pair first; the pair with lower ids wins a tie, so the result is deterministic.

    Args:
        words: Pre-tokens as sequences of token ids, with repetitions.
        first_id: The id of the first merge.
        limit: The maximum number of merges; learning stops early when no pair occurs twice.

    Returns:
        The pairs of ids to merge, in order; pair ``i`` becomes token ``first_id + i``.
    """
    counts = Counter(tuple(word) for word in words)
    spelling = [list(word) for word in counts]
    weight = list(counts.values())
    frequency: Counter[tuple[int, int]] = Counter()
    words_with: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for index, word in enumerate(spelling):
        for pair in itertools.pairwise(word):
            frequency[pair] += weight[index]
            words_with[pair].add(index)
    merges: list[tuple[int, int]] = []
    while frequency and len(merges) < limit:
        best = min(frequency, key=lambda pair: (-frequency[pair], pair))
        if frequency[best] < 2:
            break
        new_id = first_id + len(merges)
        merges.append(best)
        for index in words_with.pop(best):
            old = spelling[index]
            new = _merge_pair(old, best, new_id)
            for pair in itertools.pairwise(old):
                frequency[pair] -= weight[index]
                if frequency[pair] <= 0:
                    del frequency[pair]
            for pair in itertools.pairwise(new):
                frequency[pair] += weight[index]
                words_with[pair].add(index)
            spelling[index] = new
    return merges


def _merge_pair(word: Sequence[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Replace every occurrence of a pair in a word, from left to right.

    Args:
        word: Token ids.
        pair: The two ids to join.
        new_id: The id that replaces them.

    Returns:
        The shorter word.
    """
    merged: list[int] = []
    position = 0
    while position < len(word):
        if position + 1 < len(word) and word[position] == pair[0] and word[position + 1] == pair[1]:
            merged.append(new_id)
            position += 2
        else:
            merged.append(word[position])
            position += 1
    return merged


def main() -> None:
    """Learn the merges of the training text and write them next to this module."""
    words = [word for document in documents() for word in pre_tokens_as_bytes(document)]
    merges = learn_merges(words, FIRST_MERGE_ID, MERGE_LIMIT)
    MERGES_FILE.write_text("".join(f"{left} {right}\n" for left, right in merges), encoding="utf-8")
    print(f"{len(merges)} merges written to {MERGES_FILE.name}")


if __name__ == "__main__":
    main()
