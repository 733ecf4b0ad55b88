"""Find the samples of two runs that are about the same document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lm_eval.results import Request, Sample

__all__ = ["Pairing", "of_filter", "pair_samples"]


@dataclass
class Pairing:
    """The samples of a task and filter, side by side.

    Attributes:
        pairs: A's and B's sample of each document that both runs answered, in A's order.
        matched: Number of pairs, also where ``pairs`` was emptied to free memory.
        only_a: Number of documents that only A has.
        only_b: Number of documents that only B has.
        changed: Number of documents with the same id but different content: they are not the same documents.
        repeated: Number of ids that occur more than once in a run; none of their samples is used.
        errors_a: Number of documents in both runs that A lost to an error.
        errors_b: Number of documents in both runs that B lost to an error.
        prompts: Number of pairs whose prompts differ.
        targets: Number of pairs whose targets differ.
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

    Where hashes differ the content decides: the two harnesses write the same document with another order of keys, or
    with numbers as text. A document with more keys, which ``process_docs`` added, is the same document when the
    other keys agree and the hashes of prompt and target are equal.

    Args:
        samples_a: A run's samples of the task.
        samples_b: Another run's samples of the task.

    Returns:
        Filter pipeline to its pairing, for the pipelines that both runs have, in A's order.
    """
    names_b = {sample.filter for sample in samples_b}
    names = [name for name in dict.fromkeys(sample.filter for sample in samples_a) if name in names_b]
    return {name: _pair(of_filter(samples_a, name), of_filter(samples_b, name)) for name in names}


def of_filter(samples: Sequence[Sample], name: str) -> list[Sample]:
    """Return the samples of one filter pipeline.

    Args:
        samples: A task's samples.
        name: The pipeline's name.

    Returns:
        Its samples, in order.
    """
    return [sample for sample in samples if sample.filter == name]


def _pair(samples_a: Sequence[Sample], samples_b: Sequence[Sample]) -> Pairing:
    ids_a, ids_b = (Counter(sample.doc_id for sample in samples) for samples in (samples_a, samples_b))
    twice = {doc for ids in (ids_a, ids_b) for doc, count in ids.items() if count > 1}
    found = Pairing(only_a=len(ids_a.keys() - ids_b), only_b=len(ids_b.keys() - ids_a), repeated=len(twice))
    partners = {sample.doc_id: sample for sample in samples_b}
    for a in samples_a:
        b = partners.get(a.doc_id)
        if b is None or a.doc_id in twice:
            continue
        if not _same_document(a, b):
            found.changed += 1
            continue
        found.errors_a += a.is_lost
        found.errors_b += b.is_lost
        if a.is_lost or b.is_lost:
            continue
        found.pairs.append((a, b))
        found.matched += 1
        found.prompts += not _same_requests(a, b)
        found.targets += not _same(a.target_hash, b.target_hash, a.target, b.target)
    return found


def _same_document(a: Sample, b: Sample) -> bool:
    if _same(a.doc_hash, b.doc_hash, a.doc, b.doc):
        return True
    return (
        None not in (a.prompt_hash, a.target_hash)
        and (a.prompt_hash, a.target_hash) == (b.prompt_hash, b.target_hash)
        and _agree(a.doc, b.doc)
    )


def _agree(a: object, b: object) -> bool:
    """Whether two documents have keys in common, and the same value under each of these keys."""
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return False
    common = [key for key in a if key in b]
    return bool(common) and all(_equal(a[key], b[key]) for key in common)


def _same(hash_a: str | None, hash_b: str | None, a: object, b: object) -> bool:
    """Compare by hash and, where hashes are missing or differ, by content."""
    if hash_a is not None and hash_a == hash_b:
        return True
    return a is not None and b is not None and _equal(a, b)


def _same_requests(a: Sample, b: Sample) -> bool:
    """Compare the first prompt by hash or content, then the texts that the hash leaves out.

    These are further prompts and continuations. Generation settings may differ.
    """
    requests_a, requests_b = a.all_requests, b.all_requests
    hashed = a.prompt_hash is not None and a.prompt_hash == b.prompt_hash
    if not _asked(requests_a) or not _asked(requests_b):
        return hashed
    if len(requests_a) != len(requests_b):
        return False
    if not hashed and not _equal(requests_a[0].prompt, requests_b[0].prompt):
        return False
    return all(
        x == y
        for request_a, request_b in zip(requests_a, requests_b, strict=True)
        for x, y in ((request_a.prompt, request_b.prompt), (request_a.continuation, request_b.continuation))
        if isinstance(x, str) and isinstance(y, str)
    )


def _asked(requests: Sequence[Request]) -> bool:
    """Whether the sample says what was asked."""
    return any(request.arguments for request in requests)


def _equal(a: object, b: object) -> bool:
    return a == b or _canonical(a) == _canonical(b)


def _canonical(value: object) -> str:
    """Write a value so that neither the order of keys nor numbers written as text make a difference."""
    return json.dumps(_as_text(value), sort_keys=True, ensure_ascii=False)


def _as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _as_text(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_text(entry) for entry in value]
    return str(value)
