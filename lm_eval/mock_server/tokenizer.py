"""A byte-level BPE tokenizer: any text round-trips, and some tokens hold only part of a character.

The order of ids: special tokens, then one token per byte, then the merges in the order in which they were learnt.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "BOS",
    "EOS",
    "FIRST_MERGE_ID",
    "MERGES_FILE",
    "SPECIAL_TOKENS",
    "Tokenizer",
    "default_tokenizer",
    "pre_tokens_as_bytes",
    "read_merges",
]

BOS, EOS = "<s>", "</s>"
SPECIAL_TOKENS = (BOS, EOS, "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<think>", "</think>")
FIRST_BYTE_ID = len(SPECIAL_TOKENS)
FIRST_MERGE_ID = FIRST_BYTE_ID + 256
MERGES_FILE = Path(__file__).with_name("merges.txt")

# A word, a number of up to three digits or a run of signs, each with the space before it; else white space, except for
# its last space, which belongs to the following word.
_PRE_TOKEN = re.compile(r" ?(?:[^\W\d_]+|\d{1,3}|(?:[^\w\s]|_)+)|\s+?(?= ?\S)|\s+|.", re.DOTALL)
_SPECIAL = re.compile("(" + "|".join(re.escape(token) for token in SPECIAL_TOKENS) + ")")
_CACHED_WORDS = 50_000


def pre_tokens_as_bytes(text: str) -> Iterable[tuple[int, ...]]:
    """Split a text into pre-tokens of byte ids, from which merges are learnt; special tokens are left out.

    Args:
        text: Any text.

    Yields:
        The ids of the bytes of one pre-token.
    """
    for part in _SPECIAL.split(text):
        if part not in SPECIAL_TOKENS:
            for word in _PRE_TOKEN.findall(part):
                yield _byte_ids(word)


def _byte_ids(word: str) -> tuple[int, ...]:
    return tuple(FIRST_BYTE_ID + byte for byte in word.encode("utf-8", "surrogatepass"))


class Tokenizer:
    """Turns text into token ids and back.

    Attributes:
        vocab_size: The number of tokens.
        bos_id: The id of ``<s>``.
        eos_id: The id of ``</s>``.
        special_ids: The ids of all special tokens, by their text.
        token_bytes: The bytes of every token, by id; for a special token, the bytes of its name.
        token_text: The text of every token, by id; None if the bytes are not complete characters.
    """

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        """Build the vocabulary.

        Args:
            merges: Pairs of ids; pair ``i`` becomes the token ``FIRST_MERGE_ID + i``.
        """
        self.special_ids = {token: index for index, token in enumerate(SPECIAL_TOKENS)}
        self.bos_id, self.eos_id = self.special_ids[BOS], self.special_ids[EOS]
        self.token_bytes = [token.encode() for token in SPECIAL_TOKENS]
        self.token_bytes += [bytes([value]) for value in range(256)]
        for left, right in merges:
            self.token_bytes.append(self.token_bytes[left] + self.token_bytes[right])
        self.vocab_size = len(self.token_bytes)
        self.token_text = [_text_or_none(piece) for piece in self.token_bytes]
        self._rank = {pair: FIRST_MERGE_ID + index for index, pair in enumerate(merges)}
        self._words: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str, *, add_bos: bool = False, parse_special: bool = True) -> list[int]:
        """Turn a text into token ids.

        Args:
            text: Any text.
            add_bos: Put ``<s>`` in front.
            parse_special: Read the names of special tokens in the text as those tokens.

        Returns:
            The ids.
        """
        ids = [self.bos_id] if add_bos else []
        if parse_special and "<" in text:
            for part in _SPECIAL.split(text):
                special = self.special_ids.get(part)
                if special is None:
                    self._encode_plain(part, ids)
                else:
                    ids.append(special)
        else:
            self._encode_plain(text, ids)
        return ids

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> str:
        """Turn token ids into text; bytes that form no character become U+FFFD.

        Args:
            ids: Token ids.
            skip_special: Leave special tokens out.

        Returns:
            The text.
        """
        pieces = (self.token_bytes[token] for token in ids if not (skip_special and token < FIRST_BYTE_ID))
        return b"".join(pieces).decode("utf-8", "replace")

    def is_special(self, token: int) -> bool:
        """Check whether a token is a special one.

        Args:
            token: A token id.

        Returns:
            True for ``<s>``, ``</s>`` and the like.
        """
        return token < FIRST_BYTE_ID

    def vocabulary_piece(self, token: int) -> str:
        """Write a token as byte-level vocabularies list it: each byte as one visible character.

        Args:
            token: A token id.

        Returns:
            For example ``"Ġcat"`` for a space and "cat".
        """
        if self.is_special(token):
            return SPECIAL_TOKENS[token]
        return "".join(_VISIBLE[byte] for byte in self.token_bytes[token])

    def _encode_plain(self, text: str, ids: list[int]) -> None:
        words = self._words
        for word in _PRE_TOKEN.findall(text):
            known = words.get(word)
            if known is None:
                known = self._merge(word)
                if len(words) >= _CACHED_WORDS:
                    words.clear()
                words[word] = known
            ids += known

    def _merge(self, word: str) -> tuple[int, ...]:
        """Apply the merges to one pre-token, in the order in which they were learnt."""
        ids = list(_byte_ids(word))
        while len(ids) > 1:
            candidates = [
                (rank, start)
                for start, pair in enumerate(itertools.pairwise(ids))
                if (rank := self._rank.get(pair)) is not None
            ]
            if not candidates:
                break
            rank, start = min(candidates)
            ids[start : start + 2] = [rank]
        return tuple(ids)


def _text_or_none(piece: bytes) -> str | None:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _visible_bytes() -> list[str]:
    """List a printable character for each byte: the Latin-1 character if it is printable, else the next from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + index) for index, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]


_VISIBLE = _visible_bytes()


def read_merges(path: Path = MERGES_FILE) -> list[tuple[int, int]]:
    """Read a merges file: one merge per line, as two ids.

    Args:
        path: The file.

    Returns:
        The merges, in order.
    """
    pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return [(int(left), int(right)) for left, right in pairs]


@functools.lru_cache(maxsize=1)
def default_tokenizer() -> Tokenizer:
    """Build the tokenizer from the merges that come with the package; the result is cached.

    Returns:
        The tokenizer that all mock servers share.
    """
    return Tokenizer(read_merges())
