from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError, RunStopped
from lm_eval.models.http.journal import Journal, answer_key


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


def test_a_key_depends_on_endpoint_path_payload_and_repeat() -> None:
    keys = {
        answer_key(identity, path, body, repeat)
        for identity in ("http://a", "http://b")
        for path in ("/completions", "/chat/completions")
        for body in (b"1", b"2")
        for repeat in (0, 1)
    }
    assert len(keys) == 16


def test_an_answer_is_found_before_and_after_the_commit(journal: Journal) -> None:
    text = '{"text": "naïve \\u0000 \\"日本語\\" 🙂\\n"}'.encode()
    journal.put(key("a"), text)
    assert journal.get(key("a")) == text
    journal.commit()
    assert journal.get(key("a")) == text
    assert journal.get(key("b")) is None


def test_long_answers_are_compressed(path: Path, journal: Journal) -> None:
    text = '{"tokens": ["naïve", "日本語"]}'.encode() * 10_000
    journal.put(key("a"), text)
    journal.commit()
    with sqlite3.connect(path) as connection:
        (stored,) = connection.execute("SELECT length(bodies) FROM answers").fetchone()
    connection.close()
    assert stored < 10_000
    assert journal.get(key("a")) == text


def test_short_and_long_answers_are_stored_together(path: Path, journal: Journal) -> None:
    texts = {key(str(size)): b"x" * size for size in (1, 8_000, 9_000, 3_000_000)}
    for one, text in texts.items():
        journal.put(one, text)
    journal.commit()
    other = Journal(path)
    assert [other.get(name) for name in texts] == list(texts.values())
    other.close()


def test_replies_that_come_faster_than_they_are_written_do_not_pile_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lm_eval.models.http.journal._COMMIT_SECONDS", 3600.0)
    monkeypatch.setattr("lm_eval.models.http.journal._MAX_PENDING_BYTES", 1000)
    with contextlib.closing(Journal(path)) as journal:
        for number in range(25):
            journal.put(key(str(number)), b"x" * 100)
            assert len(journal._pending) <= 10
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM answers").fetchone()[0] == 2
        connection.close()


def test_answers_outlive_the_process_that_got_them(path: Path) -> None:
    first = Journal(path)
    first.put(key("a"), b"1")
    first.close()
    second = Journal(path)
    assert (second.resumed, second.get(key("a"))) == (1, b"1")
    second.close()


def test_fresh_deletes_all_answers(path: Path) -> None:
    first = Journal(path)
    first.put(key("a"), b"1")
    first.close()
    second = Journal(path, fresh=True)
    assert (second.resumed, second.get(key("a"))) == (0, None)
    second.close()


def test_forget_removes_committed_and_pending_answers(journal: Journal) -> None:
    journal.put(key("a"), b"1")
    journal.commit()
    journal.put(key("b"), b"2")
    journal.forget([key("a"), key("b"), key("never")])
    assert journal.get(key("a")) is None
    assert journal.get(key("b")) is None


def test_a_removed_answer_stays_removed_and_can_be_stored_again(path: Path) -> None:
    first = Journal(path)
    first.put(key("a"), b"wrong")
    first.put(key("b"), b"right")
    first.forget([key("a"), key("b")])
    first.put(key("b"), b"right again")
    first.close()
    second = Journal(path)
    assert (second.resumed, second.get(key("a")), second.get(key("b"))) == (1, None, b"right again")
    second.close()


def test_answers_of_many_commits_are_found_in_any_order(path: Path) -> None:
    first = Journal(path)
    numbers = list(range(60))
    for number in numbers:
        first.put(key(str(number)), str(number).encode())
        if number % 5 == 4:
            first.commit()
    first.close()
    second = Journal(path)
    assert [second.get(key(str(number))) for number in reversed(numbers)] == [b"%d" % n for n in reversed(numbers)]
    second.close()


def test_a_row_another_process_removed_is_not_there(path: Path, journal: Journal) -> None:
    journal.put(key("a"), b"1")
    journal.commit()
    Journal(path, fresh=True).close()
    assert journal.get(key("a")) is None


def test_answers_of_a_new_journal_of_another_process_are_not_used(path: Path, journal: Journal) -> None:
    for name in "ab":
        journal.put(key(name), name.encode())
    journal.commit()
    other = Journal(path, fresh=True)
    other.put(key("x"), b"of x")
    other.close()
    assert [journal.get(key(name)) for name in "ab"] == [None, None]


def test_a_file_that_is_restarted_always_has_its_table(
    path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = Journal._connect
    seen: list[list[tuple[str]]] = []

    def look(statement: str) -> None:
        if statement.startswith("CREATE TABLE"):
            with contextlib.closing(sqlite3.connect(path)) as other:
                seen.append(other.execute("SELECT name FROM sqlite_master WHERE name = 'answers'").fetchall())

    def watched(self: Journal) -> sqlite3.Connection:
        connection = connect(self)
        connection.set_trace_callback(look)
        return connection

    monkeypatch.setattr(Journal, "_connect", watched)
    Journal(path, fresh=True).close()
    assert seen == [[("answers",)]]


def test_a_file_of_another_version_is_refused_or_restarted(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, body TEXT NOT NULL)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(ConfigError, match="another version"):
        Journal(path)
    begun = Journal(path, fresh=True)
    begun.put(key("a"), b"1")
    begun.close()


def test_two_processes_use_one_file(path: Path, journal: Journal) -> None:
    other = Journal(path)
    for number in range(50):
        journal.put(key(f"a{number}"), b"a")
        other.put(key(f"b{number}"), b"b")
    journal.commit()
    other.close()
    third = Journal(path)
    assert third.resumed == 100
    third.close()


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.raises(ConfigError, match="cannot be used as a file of answers: it is damaged, or no such file"):
        Journal(path)


def test_a_kill_loses_nothing_older_than_a_second(path: Path) -> None:
    program = """
        import os, sys, time
        from pathlib import Path
        from lm_eval.models.http.journal import Journal

        journal = Journal(Path(sys.argv[1]))
        for number in range(500):
            journal.put(number.to_bytes(16, "big"), b"x" * 100)
        time.sleep(1.0)
        print("old", flush=True)
        for number in range(500, 600):
            journal.put(number.to_bytes(16, "big"), b"x" * 100)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], timeout=30, capture_output=True)
    assert done.stdout == b"old\n"
    journal = Journal(path)
    assert journal.resumed >= 500
    assert all(journal.get(number.to_bytes(16, "big")) for number in range(500))
    journal.close()


COUNT = 400


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[bytes, bytes]]:
    """The bytes of a file of answers in several rows, some of them long, and the answers."""
    path = tmp_path_factory.mktemp("sound") / "journal.sqlite"
    journal = Journal(path)
    answers = {key(str(number)): b'{"number": %d}' % number * (number % 40 + 1) for number in range(COUNT)}
    answers[key("long")] = random.Random(0).randbytes(300_000)
    for number, (name, text) in enumerate(answers.items()):
        journal.put(name, text)
        if number % 40 == 0:
            journal.commit()
    journal.put(key("forgotten"), b"wrong")
    journal.forget([key("forgotten")])
    journal.close()
    return path.read_bytes(), answers


def damaged(content: bytes, seed: int) -> bytes:
    """Damage a file: change bytes, write zeros or noise over a part, move a part, or cut the file."""
    draw = random.Random(seed)
    changed = bytearray(content)
    start = draw.randrange(len(changed)) if seed % 3 else draw.randrange(200)
    size = draw.choice([1, 1, 4, 100, 5_000, 70_000])
    kind = draw.randrange(5)
    if kind == 0:
        changed[start] ^= 1 << draw.randrange(8)
    elif kind == 1:
        changed[start : start + size] = bytes(len(changed[start : start + size]))
    elif kind == 2:
        changed[start : start + size] = draw.randbytes(len(changed[start : start + size]))
    elif kind == 3:
        del changed[start:]
    else:
        del changed[start : start + size]
    return bytes(changed)


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_a_damaged_answer_is_not_there_and_can_be_stored_again(
    tmp_path: Path, sound: tuple[bytes, dict[bytes, bytes]], first: int
) -> None:
    content, answers = sound
    for seed in range(first, first + 25):
        path = tmp_path / f"{seed}.sqlite"
        path.write_bytes(damaged(content, seed))
        journal = Journal(path, own=True)
        missing = {name: text for name, text in answers.items() if journal.get(name) is None}
        assert all(journal.get(name) in (text, None) for name, text in answers.items()), seed
        assert journal.get(key("forgotten")) is None
        for name, text in missing.items():
            journal.put(name, text)
        journal.close()
        again = Journal(path, own=True)
        assert all(again.get(name) == text for name, text in answers.items()), seed
        again.close()


def test_a_damaged_answer_is_counted(
    path: Path, sound: tuple[bytes, dict[bytes, bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    content, answers = sound
    path.parent.mkdir()
    place = content.index(answers[key("3")])
    path.write_bytes(content[:place] + b"!" + content[place + 1 :])
    journal = Journal(path)
    found = [journal.get(name) == text for name, text in answers.items()]
    journal.close()
    assert (journal.damaged, found.count(False)) == (1, 1)
    assert "1 answers in" in caplog.text


def test_a_file_of_a_run_that_is_no_database_is_replaced(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(b"noise" * 5000)
    journal = Journal(path, own=True)
    journal.put(key("a"), b"1")
    journal.close()
    again = Journal(path, own=True)
    assert (again.resumed, again.get(key("a"))) == (1, b"1")
    again.close()
    assert "is damaged" in caplog.text
    assert sorted(path.parent.iterdir()) == [path, path.with_name(f"{path.name}-lock")]


def test_a_damaged_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.executemany("INSERT INTO theirs VALUES (?)", [("x" * 100,)] * 1000)
        connection.commit()
    before = path.read_bytes()[:8192] + b"\xff" * 4096 + path.read_bytes()[12288:]
    path.write_bytes(before)
    with pytest.raises(ConfigError, match="damaged, or no such file"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_full_disk_while_a_file_is_repaired_keeps_it(
    path: Path, sound: tuple[bytes, dict[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content, _ = sound
    path.parent.mkdir()
    path.write_bytes(content[:-100_000])

    def full(_: object) -> Iterator[tuple[int, bytes, bytes]]:
        raise sqlite3.OperationalError("database or disk is full")
        yield

    monkeypatch.setattr("lm_eval.models.http.journal_file._readable_rows", full)
    with pytest.raises(ConfigError, match="disk is full"):
        Journal(path, own=True)
    assert path.read_bytes() == content[:-100_000]


def test_a_second_process_of_the_same_run_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken:
        def __init__(self, path: Path, *, seconds: float) -> None:
            raise BlockingIOError

    monkeypatch.setattr("lm_eval.models.http.journal.FileLock", Taken)
    with pytest.raises(RunStopped, match="another process does the same run"):
        Journal(path, own=True)
    Journal(path).close()  # a file of several runs
