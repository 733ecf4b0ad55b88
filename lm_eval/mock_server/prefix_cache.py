"""Simulate the prefix cache of a server: which part of a prompt has been computed before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

__all__ = ["PrefixCache"]


class PrefixCache:
    """Blocks of tokens, each identified by its tokens and all tokens before; drops the least recently used block."""

    def __init__(self, max_blocks: int = 4096, block_size: int = 16) -> None:
        """Start with an empty cache.

        Args:
            max_blocks: The maximum number of blocks; 0 turns the cache off.
            block_size: Tokens per block; only complete blocks are cached.
        """
        self.max_blocks, self.block_size = max_blocks, block_size
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], int] = OrderedDict()
        self._next = 1

    def look_up(self, ids: Sequence[int]) -> int:
        """Count the cached tokens of a prompt, then cache the prompt.

        Args:
            ids: The prompt's tokens.

        Returns:
            The number of cached tokens: less than the length of the prompt, whose last token is always computed.
        """
        if not self.max_blocks:
            return 0
        blocks, size = self._blocks, self.block_size
        parent, cached, unbroken = 0, 0, True
        for start in range(0, len(ids) - size + 1, size):
            key = (parent, tuple(ids[start : start + size]))
            known = blocks.get(key)
            if known is None:
                unbroken = False
                known = self._next
                self._next += 1
                blocks[key] = known
            else:
                blocks.move_to_end(key)
                if unbroken and start + size < len(ids):
                    cached = start + size
            parent = known
        while len(blocks) > self.max_blocks:
            blocks.popitem(last=False)
        return cached
