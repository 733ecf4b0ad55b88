"""A simulation of a server's prefix cache: which part of a prompt has been computed before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

__all__ = ["PrefixCache"]


class PrefixCache:
    """Blocks of tokens, each known by all that stands before it; the least recently used go first."""

    def __init__(self, max_blocks: int = 4096, block_size: int = 16) -> None:
        """Make an empty cache.

        Args:
            max_blocks: How many blocks are kept; 0 turns the cache off.
            block_size: Tokens a block; only whole blocks are found again.
        """
        self.max_blocks, self.block_size = max_blocks, block_size
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], int] = OrderedDict()
        self._next = 1

    def look_up(self, ids: Sequence[int]) -> int:
        """Find how much of a prompt is cached, and cache all of it.

        Args:
            ids: The prompt's tokens.

        Returns:
            The number of tokens found; always less than the whole prompt, whose last token has to be computed.
        """
        if not self.max_blocks:
            return 0
        blocks, size = self._blocks, self.block_size
        parent, found, unbroken = 0, 0, True
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
                    found = start + size
            parent = known
        while len(blocks) > self.max_blocks:
            blocks.popitem(last=False)
        return found
