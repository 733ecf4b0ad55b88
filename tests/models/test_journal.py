from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.journal import Journal, answer_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path)
    yield opened
    opened.close()


def key(text: str) -> bytes:
    return answer_key("http://h", "/completions", text.encode(), 0)


def test_a_key_tells_endpoint_path_payload_and_repeat_apart() -> None:
    keys = {
        answer_key(identity, path, body, repeat)
        for identity in ("http://a", "http://b")
        for path in ("/completions", "/chat/completions")
        for body in (b"1", b"2")
        for repeat in (0, 1)
    }
    assert len(keys) == 16


def test_an_answer_is_there_before_and_after_the_commit(journal: Journal) -> None:
    text = '{"text": "naïve \\u0000 \\"日本語\\" 🙂\\n"}'
    journal.put(key("a"), text)
    assert journal.get(key("a")) == text
    journal.commit()
    assert journal.get(key("a")) == text
    assert journal.get(key("b")) is None


def test_long_answers_are_compressed(path: Path, journal: Journal) -> None:
    journal.put(key("a"), '{"tokens": ["naïve", "日本語"]}' * 10_000)
    journal.commit()
    with sqlite3.connect(path) as connection:
        (stored,) = connection.execute("SELECT length(body) FROM answers").fetchone()
    connection.close()
    assert stored < 10_000
    assert journal.get(key("a")) == '{"tokens": ["naïve", "日本語"]}' * 10_000


def test_short_and_long_answers_are_kept_together(path: Path, journal: Journal) -> None:
    texts = {key(str(size)): "x" * size for size in (1, 8_000, 9_000, 3_000_000)}
    for one, text in texts.items():
        journal.put(one, text)
    journal.commit()
    other = Journal(path)
    assert [other.get(one) for one in texts] == list(texts.values())
    other.close()


def test_answers_outlive_the_process_that_got_them(path: Path) -> None:
    first = Journal(path)
    first.put(key("a"), "1")
    first.close()
    second = Journal(path)
    assert (second.resumed, second.get(key("a"))) == (1, "1")
    second.close()


def test_fresh_forgets(path: Path) -> None:
    first = Journal(path)
    first.put(key("a"), "1")
    first.close()
    second = Journal(path, fresh=True)
    assert (second.resumed, second.get(key("a"))) == (0, None)
    second.close()


def test_forget_removes_what_is_committed_and_what_is_not(journal: Journal) -> None:
    journal.put(key("a"), "1")
    journal.commit()
    journal.put(key("b"), "2")
    journal.forget([key("a"), key("b"), key("never")])
    assert journal.get(key("a")) is None
    assert journal.get(key("b")) is None


def test_two_use_one_file(path: Path, journal: Journal) -> None:
    other = Journal(path)
    for number in range(50):
        journal.put(key(f"a{number}"), "a")
        other.put(key(f"b{number}"), "b")
    journal.commit()
    other.close()
    count = sqlite3.connect(path)
    assert count.execute("SELECT count(*) FROM answers").fetchone() == (100,)
    count.close()


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.raises(ConfigError, match="cannot be used as a file of answers"):
        Journal(path)


def test_a_kill_loses_nothing_older_than_a_second(path: Path) -> None:
    program = """
        import os, sys, time
        from pathlib import Path
        from lm_eval.models.journal import Journal

        journal = Journal(Path(sys.argv[1]))
        for number in range(500):
            journal.put(number.to_bytes(16, "big"), "x" * 100)
        time.sleep(1.0)
        print("old", flush=True)
        for number in range(500, 600):
            journal.put(number.to_bytes(16, "big"), "x" * 100)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], timeout=30, capture_output=True)
    assert done.stdout == b"old\n"
    journal = Journal(path)
    assert journal.resumed >= 500
    assert all(journal.get(number.to_bytes(16, "big")) for number in range(500))
    journal.close()
