from __future__ import annotations

from lm_eval.mock_server.prefix_cache import PrefixCache


def test_a_repeated_prompt_is_cached_except_for_its_last_block() -> None:
    cache = PrefixCache(block_size=4)
    assert cache.look_up(range(16)) == 0
    assert cache.look_up(range(16)) == 12
    assert cache.look_up(range(17)) == 16


def test_only_a_shared_beginning_counts() -> None:
    cache = PrefixCache(block_size=4)
    cache.look_up([1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert cache.look_up([1, 2, 3, 4, 0, 0, 0, 0, 9]) == 4
    assert cache.look_up([0, 0, 0, 0, 5, 6, 7, 8, 9]) == 0


def test_the_least_recently_used_block_is_dropped_first() -> None:
    cache = PrefixCache(max_blocks=2, block_size=2)
    for start in (10, 20, 10, 30):
        cache.look_up([start, start, start])
    assert cache.look_up([10, 10, 10]) == 2
    assert cache.look_up([20, 20, 20]) == 0


def test_it_can_be_turned_off() -> None:
    cache = PrefixCache(max_blocks=0)
    assert [cache.look_up(range(64)) for _ in range(2)] == [0, 0]
