from __future__ import annotations

from lm_eval.api.verdicts import Judgement, Verdict


def test_a_record_leaves_out_what_is_empty() -> None:
    judgement = Judgement("judged", 1.0, "C", {"judge_score": 1.0}, [Verdict("m", label="C", score=1.0, text="C")])
    assert judgement.record() == {
        "status": "judged",
        "score": 1.0,
        "label": "C",
        "verdicts": [{"juror": "m", "repeat": 0, "status": "ok", "label": "C", "score": 1.0, "text": "C"}],
    }


def test_an_unjudged_record_says_so_with_null() -> None:
    record = Judgement("unjudged", reason="why").record()
    assert (record["score"], record["reason"]) == (None, "why")


def test_a_record_gives_the_judgement_back() -> None:
    verdicts = [Verdict("m", 1, "unreadable", attempts=2, error="No verdict."), Verdict("n", first="baseline")]
    judgement = Judgement("judged", 0.5, None, {"x": 0.5}, verdicts, flips=1, pairs=1)
    assert Judgement.of_record(judgement.record(), {"x": 0.5}) == judgement
