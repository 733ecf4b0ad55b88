"""Which documents a shard gets: each exactly one, those that belong together the same one, and equal work for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from lm_eval.api.instance import Doc, Instance
from lm_eval.api.task import Task
from lm_eval.config.shard import Shard
from lm_eval.launch.division import Division
from lm_eval.launch.estimates import estimated_tokens


class Documents:
    """As much of a task as a division needs."""

    task_name = "t"

    def __init__(self, docs: Sequence[Doc], cluster: str = "") -> None:
        self.scored_docs, self._cluster = docs, cluster

    def doc_to_cluster(self, doc: Doc) -> str | None:
        return str(doc[self._cluster]) if self._cluster else None


def asked(doc: Doc) -> list[Instance]:
    return [Instance("generate_until", doc, (f"{doc.get('passage', '')}\n{doc['q']}", {"max_gen_toks": 10}), 0)]


def owners(docs: Sequence[Doc], count: int, cluster: str = "") -> list[int]:
    """Divide documents; return the shard of each."""
    found: list[list[int]] = [[] for _ in docs]
    for index in range(count):
        division = Division(Shard(index, count))
        division.begin(cast(Task, Documents(docs, cluster)))
        for place, doc in enumerate(docs):
            if division.keeps(place, doc, estimated_tokens(asked(doc))):
                found[place].append(index)
    assert all(len(shards) == 1 for shards in found)
    return [shards[0] for shards in found]


def together(docs: Sequence[Doc], shards: Sequence[int], key: str) -> bool:
    """Whether documents with the same value are in the same shard."""
    places: dict[str, set[int]] = {}
    for doc, shard in zip(docs, shards, strict=True):
        places.setdefault(str(doc[key]), set()).add(shard)
    return all(len(found) == 1 for found in places.values())


@pytest.mark.parametrize("count", [1, 3, 16])
def test_each_document_belongs_to_one_shard(count: int) -> None:
    docs = [{"q": f"What is {number}?"} for number in range(50)]
    assert set(owners(docs, count)) == set(range(count))


def test_documents_of_a_cluster_stay_together_wherever_they_are() -> None:
    docs = [{"q": f"What is {number}?", "story": number % 9} for number in range(90)]
    shards = owners(docs, 4, "story")
    assert together(docs, shards, "story")
    assert len(set(shards)) == 4


@pytest.mark.parametrize("shuffled", [False, True])
def test_questions_about_one_passage_stay_together(shuffled: bool) -> None:
    numbers = [number if not shuffled else (number * 7) % 60 for number in range(60)]
    docs = [{"q": f"Who is {n}?", "passage": f"Passage {n // 5}: " + f"text {n // 5} " * 60} for n in numbers]
    shards = owners(docs, 3)
    assert together(docs, shards, "passage")
    assert len(set(shards)) == 3


def test_texts_with_a_long_common_start_stay_together() -> None:
    docs = [{"q": f"{f'fact {n // 4}, ' * 60} question {n}?", "of": n // 4} for n in range(40)]
    assert together(docs, owners(docs, 3), "of")


def test_an_instruction_that_all_documents_share_does_not_keep_them_together() -> None:
    docs = [{"q": f"Question {n}?", "instruction": "Answer in one word. " * 30} for n in range(90)]
    sizes = [owners(docs, 3).count(index) for index in range(3)]
    assert sizes == [30, 30, 30]


def test_a_few_instructions_are_shared_out_too() -> None:
    docs = [{"q": f"Question {n}?", "instruction": f"Answer in style {n % 2}. " * 30} for n in range(400)]
    shards = owners(docs, 4)
    assert min(shards.count(index) for index in range(4)) >= 60


def test_work_is_balanced_by_tokens_and_not_by_number() -> None:
    docs = [{"q": f"{n}x" * (6_000 if n % 10 == 0 else 100)} for n in range(200)]
    shards = owners(docs, 4)
    tokens = [0] * 4
    for doc, shard in zip(docs, shards, strict=True):
        tokens[shard] += estimated_tokens(asked(doc))
    assert max(tokens) - min(tokens) <= max(estimated_tokens(asked(doc)) for doc in docs)


@pytest.mark.parametrize("docs", [[], [{"q": "One?"}], ["no mapping", "at all"]])
def test_few_documents_and_documents_of_other_types_are_no_fault(docs: list[Any]) -> None:
    division = Division(Shard(0, 2))
    division.begin(cast(Task, Documents(docs)))
    kept = [division.keeps(place, doc, 3) for place, doc in enumerate(docs)]
    assert division.finish()[0] == len(docs)
    assert kept == [True, False][: len(docs)]


def fingerprint(doc: Mapping[str, Any], prompt: str = "p", doc_id: int = 0, pool: Sequence[Doc] = ()) -> str:
    division = Division(Shard(0, 1))
    division.begin(cast(Task, Documents([dict(doc)])))
    division.keeps(doc_id, dict(doc), 1, [Instance("generate_until", dict(doc), (prompt, {}), 0)])
    return division.finish(pool)[1]


def test_the_fingerprint_covers_documents_prompts_and_examples(tmp_path: Path) -> None:
    image = {"image": tmp_path}
    assert fingerprint({"q": "a"}, pool=[{"q": "b"}]) != fingerprint({"q": "a"}, pool=[{"q": "c"}])
    assert fingerprint({"q": "a"}) == fingerprint({"q": "a"})
    assert len({fingerprint({"q": "a"}), fingerprint({"q": "b"}), fingerprint({"q": "a"}, "x")}) == 3
    assert fingerprint({"q": "a"}, doc_id=1) != fingerprint({"q": "a"})
    assert fingerprint(image) == fingerprint({"image": tmp_path / "other"})  # of media only the type
