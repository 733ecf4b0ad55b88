"""Which documents belong to which shard: the same in every process, balanced by estimated tokens."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance
from lm_eval.config.shard import Shard
from lm_eval.launch.estimates import some_of

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["Division"]

_JSON = json.JSONEncoder(default=lambda value: type(value).__name__, skipkeys=True)
_LONG = 200
"""Characters of a text that documents share, such as a passage, from which on they are kept together."""
_MAX_TOGETHER = 64
"""Documents with a common text that always stay together; more do while they are at most the n-th part of a task."""


class Division:
    """Deals the documents of a run to shards, in their order: each group to the shard with the fewest tokens so far.

    A group is a cluster (``cluster_key``), documents that share a long text such as a passage, or one document. Every
    shard sees all documents, so all shards come to the same division. A task gets a fresh look at groups, but the
    tokens count on, so that the tasks with few documents fill up the shards.

    Attributes:
        shard: The shard whose documents are kept.
        tokens: The estimated tokens of each shard so far.
    """

    def __init__(self, shard: Shard) -> None:
        """Start without documents.

        Args:
            shard: The shard whose documents are kept.
        """
        self.shard = shard
        self.tokens = [0] * shard.count
        self._task: Task | None = None
        self._digest = hashlib.sha256()
        self._seen = 0

    def begin(self, task: Task) -> None:
        """Begin with the documents of a task.

        Args:
            task: The task.
        """
        self._task = task
        self._digest = hashlib.sha256()
        self._seen = 0
        self._owners: dict[str, int] = {}
        self._texts = _Texts(task, self.shard.count)

    def keeps(self, doc_id: int, doc: Doc, tokens: int, instances: Sequence[Instance] = ()) -> bool:
        """Deal the next document of the task.

        Args:
            doc_id: Its index in the split.
            doc: The document.
            tokens: An estimate of its tokens, the same in every shard.
            instances: What is asked about it, where every shard has built that.

        Returns:
            Whether it belongs to the shard.
        """
        assert self._task is not None
        self._seen += 1
        self._digest.update(_text(doc_id, doc, instances))
        cluster = self._task.doc_to_cluster(doc)
        group = self._texts.group(doc) if cluster is None else f"cluster {cluster}"
        owner = None if group is None else self._owners.get(group)
        if owner is None:
            owner = self.tokens.index(min(self.tokens))
            if group is not None:
                self._owners[group] = owner
        self.tokens[owner] += tokens
        return owner == self.shard.index

    def finish(self, pool: Sequence[Any] = ()) -> tuple[int, str]:
        """Say what the task asks in the whole run.

        Args:
            pool: Some documents that few-shot examples are drawn from.

        Returns:
            The number of its documents, and a SHA-256 of these documents and of what the shards have to agree on.
        """
        for shot in pool:
            self._digest.update(_text(-1, shot, ()))
        return self._seen, self._digest.hexdigest()


def _text(doc_id: int, doc: Doc, instances: Sequence[Instance]) -> bytes:
    """Write a document and what is asked about it; of media only the type."""
    asked = [[instance.args[:2], instance.repeats] for instance in instances]
    return _JSON.encode([doc_id, doc, asked]).encode()


class _Texts:
    """Finds documents that share a long text with the one before, or that have the same long text."""

    def __init__(self, task: Task, shards: int) -> None:
        docs = task.scored_docs
        size = len(docs) if hasattr(docs, "__len__") else 0
        rows = [row for row in some_of(docs) if isinstance(row, Mapping)]
        columns = {key for row in rows for key, value in row.items() if isinstance(value, str)}
        # A start that all documents share, such as an instruction, does not make them one group.
        self._common = {
            key: _common_start([row[key] for row in rows if isinstance(row.get(key), str)])
            for key in sorted(columns)
            if len(rows) > 1
        }
        self._most = max(_MAX_TOGETHER, math.ceil(size / shards))
        self._names: dict[tuple[str, bytes], str] = {}
        self._sizes: Counter[str] = Counter()
        self._before: dict[str, str] = {}
        self._last = ""

    def group(self, doc: Doc) -> str | None:
        """Name the group of the next document; None if no other can belong to it."""
        texts = {key: doc[key] for key in self._common if isinstance(doc.get(key), str)}
        long = {key: text for key, text in texts.items() if len(text) - self._common[key] >= _LONG}
        keys = [_key(key, text) for key, text in long.items()]
        name = next((self._names[key] for key in keys if key in self._names), None)
        if name is None and any(self._follows(key, text) for key, text in long.items()):
            name = self._last
        if name is None or self._sizes[name] >= self._most:
            name = f"text {len(self._sizes)}"
        self._before, self._last = long, name
        if not long:
            return None
        self._sizes[name] += 1
        self._names.update(dict.fromkeys(keys, name))
        return name

    def _follows(self, key: str, text: str) -> bool:
        """Whether a text begins like that of the document before, by at least half of what all do not share."""
        before, start = self._before.get(key), self._common[key]
        shared = max(_LONG, (len(text) - start) // 2)
        return before is not None and before[start : start + shared] == text[start : start + shared]


def _common_start(texts: Sequence[str]) -> int:
    """Return the number of characters at the start that all texts share."""
    first, last = min(texts), max(texts)
    return next((place for place, char in enumerate(first) if char != last[place]), len(first))


def _key(column: str, text: str) -> tuple[str, bytes]:
    return column, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
