"""The same documents in two runs: which of their samples belong together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

__all__ = ["Pairing", "Sample", "pair_samples", "value_of"]

Sample = Mapping[str, Any]
"""A line of a samples file."""


@dataclass
class Pairing:
    """The samples of a task and filter, put side by side.

    Attributes:
        pairs: A's and B's sample of each doc that was answered in both, in A's order.
        matched: How many they are, also after ``pairs`` was emptied to make room.
        only_a: Docs of A that B does not have.
        only_b: Docs of B that A does not have.
        changed: Docs of the same id whose content differs: they are not the same docs.
        repeated: Ids that occur more than once in a run; none of their samples is used.
        errors_a: Docs both have and A lost to an error.
        errors_b: Docs both have and B lost to an error.
        prompts: Pairs whose prompts differ.
        targets: Pairs whose targets differ.
    """

    pairs: list[tuple[Sample, Sample]] = field(default_factory=list)
    matched: int = 0
    only_a: int = 0
    only_b: int = 0
    changed: int = 0
    repeated: int = 0
    errors_a: int = 0
    errors_b: int = 0
    prompts: int = 0
    targets: int = 0


def pair_samples(samples_a: Sequence[Sample], samples_b: Sequence[Sample]) -> dict[str, Pairing]:
    """Match the samples of a task by filter and ``doc_id``, where ``doc_hash`` agrees.

    Hashes that differ only because docs were written differently (the order of keys, numbers as text) do not keep
    docs apart: then the content decides.

    Args:
        samples_a: A run's samples of the task.
        samples_b: Another run's.

    Returns:
        Filter pipeline to what was matched, for the pipelines both have, in A's order.
    """
    by_filter_a, by_filter_b = _by_filter(samples_a), _by_filter(samples_b)
    return {name: _pair(group, by_filter_b[name]) for name, group in by_filter_a.items() if name in by_filter_b}


def value_of(sample: Sample, metric: str) -> float | None:
    """Read a doc's value of a metric.

    Args:
        sample: The sample.
        metric: The metric's name.

    Returns:
        The number; None when there is no finite one, or something else, such as the parts of a corpus score.
    """
    value = sample.get(metric)
    if isinstance(value, bool | int | float) and isfinite(value):
        return float(value)
    return None


def _by_filter(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(str(sample.get("filter", "none")), []).append(sample)
    return groups


def _pair(samples_a: Sequence[Sample], samples_b: Sequence[Sample]) -> Pairing:
    ids_a, ids_b = (Counter(sample.get("doc_id") for sample in samples) for samples in (samples_a, samples_b))
    twice = {doc for ids in (ids_a, ids_b) for doc, count in ids.items() if count > 1}
    found = Pairing(only_a=len(ids_a.keys() - ids_b), only_b=len(ids_b.keys() - ids_a), repeated=len(twice))
    partners = {sample.get("doc_id"): sample for sample in samples_b}
    for a in samples_a:
        b = partners.get(a.get("doc_id"))
        if b is None or a.get("doc_id") in twice:
            continue
        if not _same(a, b, "doc_hash", "doc"):
            found.changed += 1
            continue
        lost_a, lost_b = "error" in a, "error" in b
        found.errors_a += lost_a
        found.errors_b += lost_b
        if lost_a or lost_b:
            continue
        found.pairs.append((a, b))
        found.matched += 1
        found.prompts += not _same_requests(a, b)
        found.targets += not _same(a, b, "target_hash", "target")
    return found


def _same(a: Sample, b: Sample, hash_key: str, key: str) -> bool:
    """Compare by hash and, where hashes are missing or differ, by content."""
    if a.get(hash_key) is not None and a[hash_key] == b.get(hash_key):
        return True
    return key in a and key in b and _equal(a[key], b[key])


def _same_requests(a: Sample, b: Sample) -> bool:
    """Compare the first prompt by hash or content, and what hashes leave out: further prompts and continuations."""
    requests_a, requests_b = _requests(a), _requests(b)
    hashed = a.get("prompt_hash") is not None and a["prompt_hash"] == b.get("prompt_hash")
    if not requests_a or not requests_b:
        return hashed
    if len(requests_a) != len(requests_b):
        return False
    if not hashed and not _equal(requests_a[0][0], requests_b[0][0]):
        return False
    texts_a, texts_b = ([part for request in group for part in request] for group in (requests_a, requests_b))
    return all(x == y for x, y in zip(texts_a, texts_b, strict=True) if _is_text(x) and _is_text(y))


def _requests(sample: Sample) -> list[tuple[Any, Any]]:
    """Return prompt and continuation of each request; None for generation settings, which may differ."""
    arguments = sample.get("arguments") or ()
    found = []
    for request in arguments.values() if isinstance(arguments, Mapping) else arguments:
        parts = (
            list(request.values()) if isinstance(request, Mapping) else [request] if _is_text(request) else [*request]
        )
        found.append((parts[0] if parts else None, parts[1] if len(parts) > 1 and _is_text(parts[1]) else None))
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b) or _canonical(a) == _canonical(b)


def _canonical(value: Any) -> str:
    """Write a value so that the order of keys, and numbers or text that is a number, make no difference."""
    return json.dumps(_as_text(value), sort_keys=True, ensure_ascii=False)


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_text(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_text(entry) for entry in value]
    return str(value)
