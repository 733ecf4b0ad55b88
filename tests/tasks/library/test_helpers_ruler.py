"""RULER: documents of a length, whatever counts the tokens, and the same as those of the reference harness."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.current_run import CurrentRun, during
from lm_eval.errors import ConfigError, DatasetError
from lm_eval.evaluator import simple_evaluate
from lm_eval.reports.table import make_table
from lm_eval.tasks.ruler import common_utils, documents, sizing

WORDS = re.compile(r"\w{1,4}|[^\w\s]")

REFERENCE = {
    "niah_multikey_1": "76c4d64f087746dc",
    "niah_multikey_2": "54065270116a4456",
    "niah_multikey_3": "217bc67e87c7d00c",
    "niah_multiquery": "56d32c6ad03e7dfb",
    "niah_multivalue": "b97a559c456b45db",
    "niah_single_1": "57662507d5e0d320",
    "niah_single_2": "f98f83128362abc2",
    "niah_single_3": "d1d16e886bfac0e7",
    "ruler_vt": "f6930a8aff48b7a2",
    "ruler_cwe": "f238e329013d9b7d",
    "ruler_fwe": "c5080adf31fd1859",
    "ruler_qa_squad": "29e9eaddbc9290f0",
    "ruler_qa_hotpot": "c366de37e8490d20",
}
"""The start of a digest of the first 40 documents that the reference harness 0.4.13 makes at 4,096 tokens, counted by
``Counter``, from the texts of this file."""


class Counter:
    """Counts pieces of words and punctuation marks."""

    identity = "pieces of words"
    is_free = True

    def __init__(self, is_free: bool = True) -> None:
        self.is_free = is_free
        self.asked = 0

    def count(self, texts: Sequence[str]) -> list[int]:
        self.asked += len(texts)
        return [1 + len(WORDS.findall(text)) for text in texts]


def dataset(name: str, **metadata: Any) -> list[dict[str, Any]]:
    if name.startswith("niah") or name == "ruler_cwe":
        pytest.importorskip("wonderwords")
    module, function = {
        "ruler_vt": ("vt_utils", "get_vt_dataset"),
        "ruler_cwe": ("cwe_utils", "get_cw_dataset"),
        "ruler_fwe": ("fwe_utils", "fwe_download"),
        "ruler_qa_squad": ("qa_utils", "get_squad"),
        "ruler_qa_hotpot": ("qa_utils", "get_hotpotqa"),
    }.get(name, ("niah_utils", name))
    made = getattr(importlib.import_module(f"lm_eval.tasks.ruler.{module}"), function)(**metadata)
    return list(made["test"])


SAMPLES = 48


@pytest.fixture(autouse=True)
def few_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing.SyntheticTask, "samples", SAMPLES)


@pytest.fixture(autouse=True)
def cache(own_cache: Path) -> Path:
    return own_cache / "ruler"


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    found = Counter()
    monkeypatch.setattr(documents, "token_counter", lambda metadata: found)
    return found


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Essays, SQuAD and HotpotQA in a data folder, of words and numbers."""
    vocabulary = (
        "river stone glass lamp quiet garden letter winter market silver window bridge story copper meadow paper"
    )
    words = [*vocabulary.split(), "signal", "harbor", "orange", "violet"]
    essays = random.Random(7)

    def sentences(count: int) -> list[str]:
        return [" ".join(essays.choices(words, k=essays.randint(4, 12))) for _ in range(count)]

    folder = tmp_path / "data" / "baber" / "paul_graham_essays"
    folder.mkdir(parents=True)
    lines = [json.dumps({"text": " ".join(f"{text.capitalize()}." for text in sentences(700))}) for _ in range(4)]
    (folder / "train.jsonl").write_text("\n".join(lines))
    numbers = random.Random(3)

    def passage(count: int) -> str:
        return " ".join(f"w{numbers.randint(0, 999)}" for _ in range(count))

    def questions(of: str) -> list[dict[str, Any]]:
        answers = [[{"text": f"a{i}"}, {"text": "b"}] for i in range(3)]
        return [{"question": f"q{of}-{i}?", "answers": answers[i], "is_impossible": i == 2} for i in range(3)]

    squad = {
        "data": [
            {
                "paragraphs": [
                    {"context": f"c{article}-{place} {passage(60)}", "qas": questions(f"{article}-{place}")}
                    for place in range(6)
                ]
            }
            for article in range(50)
        ]
    }
    hotpot = [
        {
            "question": f"hq{i}",
            "answer": f"ha{i}",
            "context": [[f"t{i}-{j}", [passage(10), passage(12)]] for j in range(10)],
        }
        for i in range(510)
    ]
    (tmp_path / "data" / "ruler").mkdir()
    (tmp_path / "data" / "ruler" / "dev-v2.0.json").write_text(json.dumps(squad))
    (tmp_path / "data" / "ruler" / "hotpot_dev_distractor_v1.json").write_text(json.dumps(hotpot))
    essay_code = importlib.import_module("lm_eval.tasks.ruler.essays")
    monkeypatch.setattr(essay_code.nltk, "sent_tokenize", lambda text: re.split(r"(?<=[.!?])\s+", text))
    for cached in (essay_code.haystack_words, essay_code.sentences):
        cached.cache_clear()
    with during(CurrentRun(data_dir=tmp_path / "data")):
        yield tmp_path / "data"
    for cached in (essay_code.haystack_words, essay_code.sentences):
        cached.cache_clear()


@pytest.mark.parametrize("name", REFERENCE)
def test_documents_are_those_of_the_reference_harness(name: str, texts: Path, counter: Counter) -> None:
    docs = dataset(name, max_seq_lengths=[4096])
    digest = hashlib.sha256(json.dumps(docs[:40], sort_keys=True).encode()).hexdigest()
    assert (len(docs), digest[:16]) == (SAMPLES, REFERENCE[name])
    # The search counts a few sizes; then each document is counted once.
    assert counter.asked < SAMPLES + 15


@pytest.mark.parametrize("name", REFERENCE)
def test_short_documents_fill_their_length(name: str, texts: Path, counter: Counter) -> None:
    docs = dataset(name, max_seq_lengths=1024)
    rooms = {"ruler_vt": 30, "ruler_cwe": 120, "ruler_fwe": 50, "ruler_qa_squad": 32, "ruler_qa_hotpot": 32}
    tokens = [count + rooms.get(name, 128) for count in counter.count([sizing.whole(doc) for doc in docs])]
    assert 0.9 * 1024 < min(tokens) <= max(tokens) <= 1024
    assert [doc["length"] for doc in docs] == tokens
    hidden = [text for doc in docs for text in (doc["outputs"] if name.startswith("niah") else [])]
    assert all(any(text in doc["input"] for doc in docs) for text in hidden[:20])


def test_documents_are_kept_by_tokenizer_length_and_seed(counter: Counter, cache: Path) -> None:
    first = dataset("niah_single_1", max_seq_lengths=[1024])
    asked = counter.asked
    assert dataset("niah_single_1", max_seq_lengths=[1024]) == first
    assert (counter.asked, len(list(cache.iterdir()))) == (asked, 1)
    with during(CurrentRun(random_seed=1)):
        assert dataset("niah_single_1", max_seq_lengths=[1024]) != first
    dataset("niah_single_1", max_seq_lengths=[1100])
    counter.identity = "another"
    dataset("niah_single_1", max_seq_lengths=[1024])
    assert len(list(cache.iterdir())) == 4


def test_a_damaged_file_is_made_anew(counter: Counter, cache: Path) -> None:
    first = dataset("niah_single_1", max_seq_lengths=[1024])
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert dataset("niah_single_1", max_seq_lengths=[1024]) == first


@pytest.mark.parametrize("name", ["niah_single_1", "ruler_vt", "ruler_cwe"])
def test_counts_that_cost_are_computed_from_three_and_the_longest_is_measured(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter(is_free=False)
    monkeypatch.setattr(documents, "token_counter", lambda metadata: counter)
    docs = dataset(name, max_seq_lengths=[1024])
    assert counter.asked <= 3 + 4
    tokens = counter.count([sizing.whole(doc) for doc in docs])
    room = {"niah_single_1": 128, "ruler_vt": 30, "ruler_cwe": 120}[name]
    assert min(tokens) + room > 0.85 * 1024
    assert max(tokens) + room <= 1024 * 1.02


def test_a_length_without_room_is_one_line(counter: Counter) -> None:
    with pytest.raises(DatasetError, match="niah_single_1: no document fits 60 tokens; give larger max_seq_lengths"):
        dataset("niah_single_1", max_seq_lengths=[60])
    with pytest.raises(ConfigError, match=r"max_seq_lengths is a list of numbers of tokens, such as \[4096, 8192\]"):
        dataset("niah_single_1", max_seq_lengths="long")


def test_a_file_that_cannot_be_had_is_one_line(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def download(self: object, url: str) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets.DownloadManager, "download", download)
    importlib.import_module("lm_eval.tasks.ruler.qa_utils")._file.cache_clear()
    with pytest.raises(DatasetError, match=r"dev-v2.0.json could not be read .*Put a copy at DIR/ruler/dev-v2.0.json"):
        dataset("ruler_qa_squad", max_seq_lengths=[4096])


def test_a_task_has_500_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert sizing.SyntheticTask.samples == 500


def test_pairs_are_the_sorted_distinct_texts() -> None:
    pytest.importorskip("wonderwords")
    pairs = importlib.import_module("lm_eval.tasks.ruler.words").PairSequence
    firsts, seconds = ["well", "well-known", "a", "ab", "a b"], ["x", "known-x", "z", "x"]
    found = pairs(firsts, seconds)
    assert list(found) == sorted({f"{first}-{second}" for first in firsts for second in seconds})
    assert (found[-1], found[1:3]) == (list(found)[-1], list(found)[1:3])


def test_scores() -> None:
    doc = {"outputs": ["12", "Ab"], "max_length": 8192}
    assert common_utils.process_results(doc, ["ab 7"]) == {"4096": -1.0, "8192": 0.5}
    assert common_utils.process_results_part(doc, ["ab 12"]) == {"4096": -1.0, "8192": 1.0}
    assert common_utils.aggregate_metrics([0.5, -1.0, 1.0]) == 0.75


def test_a_ratio_is_in_the_version(caplog: pytest.LogCaptureFixture) -> None:
    from lm_eval.task_files.manager import TaskManager
    from tests.fakes import FakeLM

    results = simple_evaluate(
        FakeLM(lambda *_: "none"),
        tasks=["ruler_vt"],
        task_manager=TaskManager(metadata={"max_seq_lengths": [1024]}),
        limit=2,
        bootstrap_iters=0,
    )
    assert results["versions"]["ruler_vt"] == "1.0-ratio3"
    assert results["configs"]["ruler_vt"]["metadata"]["token_counter"] == "3 characters per token"
    assert results["results"]["ruler_vt"]["1024,none"] == 0
    assert results["results"]["ruler_vt"]["4096,none"] == "N/A"
    assert "sized by 3 characters" in caplog.text
    assert "1.0-ratio3" in make_table(results)
