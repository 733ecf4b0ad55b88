from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from lm_eval.api.samplers import (
    SAMPLER_REGISTRY,
    BalancedSampler,
    ContextSampler,
    FirstNSampler,
    ManualSampler,
    get_sampler,
)
from lm_eval.errors import ConfigError, UnknownNameError

POOL = list("abcdefgh")


def test_draws_the_same_rows_as_python() -> None:
    sampler, rnd = ContextSampler(POOL, rnd=7), random.Random(7)
    assert [list(sampler.sample(3)) for _ in range(4)] == [rnd.sample(POOL, 3) for _ in range(4)]


def test_one_more_shot_is_drawn_if_the_pool_may_contain_the_doc() -> None:
    sampler, rnd = ContextSampler(POOL, rnd=7), random.Random(7)
    for doc in POOL:
        expected = [row for row in rnd.sample(POOL, 4) if row != doc][:3]
        assert list(sampler.sample(3, eval_doc=doc)) == expected


def test_pool_with_the_doc_many_times_still_gives_enough() -> None:
    sampler = ContextSampler(list("aaaab"), rnd=1)
    assert [sampler.sample(1, eval_doc="a") for _ in range(5)] == [["b"]] * 5
    with pytest.raises(ConfigError, match="The number of shots, 2, exceeds the 1 other doc of"):
        sampler.sample(2, eval_doc="a")


def test_default_seed_is_1234() -> None:
    assert ContextSampler(POOL).sample(4) == ContextSampler(POOL, rnd=1234).sample(4)


def test_seeding_again_starts_again() -> None:
    sampler = ContextSampler(POOL, rnd=1)
    first = sampler.sample(4)
    sampler.set_rnd(1)
    assert sampler.sample(4) == first


def test_setters_return_the_sampler() -> None:
    sampler = ContextSampler(POOL, rnd=1)
    assert sampler.set_rnd(2) is sampler
    assert sampler.replace_df(POOL[:2]) is sampler
    assert sorted(sampler.sample(2)) == sorted(POOL[:2])


@pytest.mark.parametrize("kind", [ContextSampler, FirstNSampler])
def test_none_are_drawn_on_request(kind: type[ContextSampler[str]]) -> None:
    assert list(kind(POOL).sample(0)) == []


@pytest.mark.parametrize("kind", [ContextSampler, FirstNSampler])
@pytest.mark.parametrize(("count", "doc"), [(9, None), (8, "a"), (-1, None)])
def test_impossible_numbers_are_refused(kind: type[ContextSampler[str]], count: int, doc: Any) -> None:
    with pytest.raises(ConfigError):
        kind(POOL).sample(count, eval_doc=doc)


def test_first_n_takes_the_first() -> None:
    assert list(FirstNSampler(POOL).sample(2)) == ["a", "b"]
    assert list(FirstNSampler(POOL).sample(2, eval_doc="a")) == ["b", "c"]


def test_indices_restrict_the_pool() -> None:
    sampler = FirstNSampler(POOL, fewshot_indices=[5, 2])
    assert list(sampler.sample(2)) == ["f", "c"]
    assert list(sampler.fewshot_docs()) == ["f", "c"]


def test_another_pool_replaces_the_first() -> None:
    sampler = FirstNSampler(POOL)
    assert list(sampler.sample(1, df=["z"])) == ["z"]
    assert list(sampler.sample(1)) == ["z"]


def test_sampler_without_pool_has_nothing() -> None:
    with pytest.raises(ConfigError, match="no documents available"):
        ContextSampler().sample(1)


def test_rows_equal_to_the_doc_are_left_out() -> None:
    assert ContextSampler.rm_eval_doc("a", "abaca") == ["b", "c"]
    assert ContextSampler.rm_eval_doc("a", "abaca", 1) == ["b"]


def test_only_drawn_rows_are_read() -> None:
    class Counting(Sequence[int]):
        reads = 0

        def __len__(self) -> int:
            return 1000

        def __getitem__(self, index: Any) -> Any:
            self.reads += 1
            return index

    pool = Counting()
    ContextSampler(pool).sample(5)
    assert pool.reads == 5


def test_lookup() -> None:
    assert {"default": ContextSampler, "first_n": FirstNSampler} == SAMPLER_REGISTRY
    assert get_sampler("first_n") is FirstNSampler
    assert get_sampler(FirstNSampler) is FirstNSampler
    with pytest.raises(UnknownNameError, match="Did you mean 'default'"):
        get_sampler("defualt")


@pytest.mark.parametrize("base", [BalancedSampler, ManualSampler])
def test_bases_can_be_subclassed(base: type[ContextSampler[str]]) -> None:
    class Last(base):  # type: ignore[valid-type, misc]
        def sample(self, n: int, eval_doc: Any = None, df: Any = None, **kwargs: Any) -> Any:
            return self.df[-n:]

    assert Last(POOL).sample(2) == ["g", "h"]
