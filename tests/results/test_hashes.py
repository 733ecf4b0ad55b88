from __future__ import annotations

from lm_eval.results.hashes import sha256


def test_sha256() -> None:
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_lone_surrogates_can_be_hashed() -> None:
    assert len(sha256("\ud83d")) == 64
