"""Answer runs with spoiled JSON, and compare every document with a run whose answers were good.

``python -m tests.e2e.fuzzing --answers 200000 --seed 0`` prints the figures. Checked for every strategy, for
generation, the probe and the journal: no exception but those of this package, no document without a response or an
error, and no other response for a document whose answers were good.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import random
import re
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest import mock
from urllib.parse import urlsplit

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.redact import shown_url
from lm_eval.errors import LMEvalError
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.http.endpoints import EndpointSet
from lm_eval.models.http.engine import Engine
from lm_eval.models.http.replies import error_for_status
from lm_eval.models.http.timing import Arrivals
from lm_eval.models.http.transport import Transport
from lm_eval.models.messages import ChatPrompt
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.e2e.mutations import mutate
from tests.models.in_process import InProcess

_MARK = re.compile(r"Doc\d{3}")
_TOPICS = ("river", "bridge", "naïve café", "日本", "market 🙂", "garden")
KINDS = {"run": 12, "probe": 2, "journal": 2, "kept": 1}
"""What is spoiled, and how often: answers of a run, of the probe, of a run with a journal; or the journal's bytes."""
_EVERY = frozenset({"every document"})


@dataclass(frozen=True)
class Case:
    """A kind of run.

    Attributes:
        name: Its name in the figures.
        profile: The kind of server.
        request_type: What is asked.
        chat: Whether the endpoint is a chat endpoint.
        arguments: Arguments of the model.
    """

    name: str
    profile: str
    request_type: Literal["loglikelihood", "loglikelihood_rolling", "generate_until"] = "loglikelihood"
    chat: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


def _cases() -> list[Case]:
    scored = {
        "vllm": "echo_offsets echo_tokens echo_context token_ids prompt_logprobs first_token",
        "openai": "echo_offsets echo_tokens echo_context first_token",
        "sglang": "echo_tokens token_ids",
        "llamacpp": "forced_token first_token",
        "llamacpp-python": "echo_tokens echo_context",
        "default": "echo_offsets token_ids",
    }
    cases = [
        Case(f"{profile} {name}", profile, arguments={"scoring": name})
        for profile, names in scored.items()
        for name in names.split()
    ]
    for profile in ("vllm", "openai"):
        cases.append(Case(f"{profile} echo of 4", profile, arguments={"batch_size": 4}))
    for profile, name in (("vllm", "echo_offsets"), ("vllm", "token_ids"), ("vllm", "prompt_logprobs"),
                          ("llamacpp", "forced_token")):  # fmt: skip
        arguments = {"scoring": name, "max_length": 24}
        cases.append(Case(f"{profile} {name} of texts", profile, "loglikelihood_rolling", arguments=arguments))
    cases.append(Case("chat_first_token", "vllm", chat=True, arguments={"scoring": "chat_first_token"}))
    generate: Literal["generate_until"] = "generate_until"
    cases.append(Case("completions", "vllm", generate))
    cases.append(Case("completions of 4", "openai", generate, arguments={"batch_size": 4}))
    cases.append(Case("completions with reasoning", "llamacpp", generate, arguments={"think_end_token": " the"}))
    cases.append(Case("chat", "vllm", generate, chat=True))
    cases.append(Case("chat of llama.cpp", "llamacpp", generate, chat=True))
    return cases


CASES = {case.name: case for case in _cases()}


def _instances(case: Case, count: int) -> list[Instance]:
    """Write the requests: each has the mark of its document in every sentence."""
    found = []
    for number in range(count):
        topic, mark = _TOPICS[number % len(_TOPICS)], f"Doc{number:03d}"
        if case.request_type == "loglikelihood_rolling":
            texts: list[tuple[Any, ...]] = [(" ".join(f"{mark} is a {topic} here." for _ in range(1 + number % 4)),)]
        elif case.request_type == "generate_until":
            prompt: Any = f"{mark}: describe the {topic}. {mark}"
            prompt = ChatPrompt([{"role": "user", "content": prompt}]) if case.chat else prompt
            texts = [(prompt, {"until": ["\n\n"], "max_gen_toks": 12})]
        else:
            prompt = f"Question: the {topic}?\nA. one\nB. two\nAnswer-{mark}:"
            choices = [" A", " B", f" the {topic}"][: 2 if "first" in case.name else 3]
            if case.chat:
                prompt = ChatPrompt([{"role": "user", "content": prompt}])
                choices = ["I", "A"]
            texts = [(prompt, choice) for choice in choices]
        found += [Instance(case.request_type, {}, text, place, ("task", number, 1)) for place, text in enumerate(texts)]
    return found


@dataclass
class Figures:
    """What was seen.

    Attributes:
        answers: The number of spoiled answers.
        rounds: The number of runs with spoiled answers.
        same: Requests that a spoiled answer touched and whose response is that of the good run.
        lost: Those that are an error.
        other: Those with another response: the answer was spoiled in a way that nothing contradicts.
        untouched: Requests that no spoiled answer touched; all have the response of the good run.
        refused: Runs that a spoiled answer of the probe ended with an error of this package.
        faults: Descriptions of what must not happen.
        by_case: ``other`` per case.
    """

    answers: int = 0
    rounds: int = 0
    same: int = 0
    lost: int = 0
    other: int = 0
    untouched: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    by_case: Counter[str] = field(default_factory=Counter)


class Spoiler:
    """Decides which answers are spoiled, and records whose they are.

    Attributes:
        rate: The part of answers that is spoiled.
        touched: The marks of the documents that a spoiled answer touched.
        answers: The number of spoiled answers.
        last: The last spoiled answers, for reports.
    """

    def __init__(self, server: InProcess, rng: random.Random) -> None:
        self.server, self._rng = server, rng
        self.rate = 0.0
        self.touched: set[str] = set()
        self.answers = 0
        self.last: dict[str, str] = {}

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        status, raw = self.server.raw(path, body)
        if not self.rate or self._rng.random() >= self.rate:
            return status, raw
        self.answers += 1
        spoiled = mutate(status, raw, self._rng)
        marks = self._marks(body)
        self.touched |= marks
        for mark in marks:
            self.last[mark] = f"{path} {body[:300]!r} -> {spoiled[0]} {spoiled[1][:1500]!r}"
        return spoiled

    def _marks(self, body: bytes) -> set[str] | frozenset[str]:
        """Find the documents that a request is about; token ids are decoded."""
        fields = json.loads(body) if body else {}
        prompt = fields.get("prompt", fields.get("tokens"))
        text = json.dumps(fields, ensure_ascii=False)
        if isinstance(prompt, list) and prompt and not isinstance(prompt[0], str):
            rows = prompt if isinstance(prompt[0], list) else [prompt]
            text = " ".join(self.server.decode(row) for row in rows)
        return set(_MARK.findall(text)) or _EVERY


class _InProcessTransport(Transport):
    """Gets answers from a ``Spoiler`` instead of a socket; all else is the engine's own code."""

    spoiler: Spoiler

    async def __aenter__(self) -> _InProcessTransport:
        return self

    async def __aexit__(self, *raised: object) -> None:
        return

    async def send(
        self, url: str, body: bytes, arrivals: Arrivals | None = None
    ) -> tuple[object, bytes, Mapping[str, str]]:
        status, raw = self.spoiler.answer(urlsplit(url).path, body)
        if status >= 300:
            raise error_for_status(status, {}, raw, shown_url(url), self._redact)
        return self._parse(url, status, raw), raw, {}


@contextmanager
def _in_process() -> Iterator[None]:
    """Replace the transport, and skip all waits."""

    async def no_sleep(engine: Engine, seconds: float) -> None:
        return

    with (
        mock.patch("lm_eval.models.http.transport.Transport", _InProcessTransport),
        mock.patch.object(Engine, "_sleep", no_sleep),
        mock.patch.object(EndpointSet, "wait", lambda endpoints, endpoint: 0.0),
    ):
        yield


def _model(case: Case) -> TemplateAPI:
    kind = LocalChatCompletion if case.chat else LocalCompletionsAPI
    more = {"eos_string": "</s>"} if case.profile in ("openai", "llamacpp") and not case.chat else {}
    return kind(model="mock", base_url="http://mock/v1", num_concurrent=4, **more, **case.arguments)


_Response = tuple[str, Any]


def _responses(instances: Sequence[Instance]) -> list[_Response]:
    """Return the response of each Instance, or its error."""
    found: list[_Response] = []
    for instance in instances:
        if instance.error is not None:
            found.append(("error", instance.error.kind))
        elif len(instance.resps) != 1:
            found.append(("fault", f"{len(instance.resps)} responses and no error"))
        else:
            found.append(("value", instance.resps[0]))
    return found


def _impossible(response: Any) -> bool:
    """Say whether a value can be no log-likelihood."""
    value = response[0] if isinstance(response, tuple) else response
    return isinstance(value, float) and not -math.inf < value <= 0.01


class Fuzzer:
    """Runs cases until enough answers have been spoiled.

    Attributes:
        figures: What was seen.
    """

    def __init__(self, seed: int, folder: Path, kinds: Sequence[str] = (), documents: int = 12) -> None:
        """Start the servers.

        Args:
            seed: Decides all mutations.
            folder: For journals.
            kinds: Some of ``KINDS``; all if empty.
            documents: The number of documents in a run.
        """
        self.figures = Figures()
        self._seed, self._folder, self._documents = seed, folder, documents
        self._kinds = tuple(kinds) or tuple(KINDS)
        self._servers: dict[str, InProcess] = {}
        self._good: dict[str, list[_Response]] = {}

    def run(self, answers: int, cases: Sequence[str] = (), first: int = 0) -> Figures:
        """Spoil a number of answers.

        Args:
            answers: The number.
            cases: The names of cases; all if empty.
            first: The number of the first round, to see one again.
        """
        chosen = [CASES[name] for name in cases or CASES]
        with _in_process():
            for number in itertools.count(first):
                if self.figures.answers >= answers:
                    return self.figures
                self.round(chosen[number % len(chosen)], number)
        raise AssertionError

    def round(self, case: Case, number: int) -> None:
        """Run a case once with spoiled answers: of the run, of the probe, or in the journal."""
        self.figures.rounds += 1
        rng = random.Random(f"{self._seed}/{number}")
        server = self._servers.setdefault(case.profile, InProcess(case.profile))
        good = self._good.get(case.name)
        spoiler = Spoiler(server, rng)
        if good is None:
            good = self._good[case.name] = self._answers(case, spoiler, _model(case), None, 0.0)
            bad = [response for response in good if response[0] != "value"]
            assert not bad, f"{case.name}: the good run has {bad}"
        kind = rng.choices(self._kinds, [KINDS[name] for name in self._kinds])[0]
        where = f"{case.name}, {kind}, --seed {self._seed} round {number}"
        lm, journal = _model(case), None
        if kind in ("journal", "kept"):
            journal = self._folder / f"{number}.sqlite"
        try:
            found = self._answers(case, spoiler, lm, journal, 0.5 if kind == "run" else 0.3, probe=kind == "probe",
                                  clean=kind == "kept")  # fmt: skip
            if kind == "kept":
                assert journal is not None
                _damage(journal, rng)
                self.figures.answers += 1
                self._same(where, case, good, self._answers(case, spoiler, _model(case), journal, 0.0))
            else:
                self._compare(where, case, spoiler, good, found)
            if kind == "journal":
                # An error is asked again; what was answered, well or not, is in the journal.
                again = self._answers(case, spoiler, _model(case), journal, 0.0)
                for before, after, wanted in zip(found, again, good, strict=True):
                    if after not in (before, wanted) or after[0] != "value":
                        self.figures.faults.append(f"{where}: resumed {after} after {before}, not {wanted}")
        except LMEvalError:
            self.figures.refused += 1
            if kind != "probe":
                self.figures.faults.append(f"{where}: the run ended\n{traceback.format_exc()}")
        except Exception:
            self.figures.faults.append(f"{where}: {traceback.format_exc()}")
        finally:
            self.figures.answers += spoiler.answers
            for file in self._folder.glob(f"{number}.sqlite*"):
                file.unlink()

    def _answers(
        self, case: Case, spoiler: Spoiler, lm: TemplateAPI, journal: Path | None, rate: float, *,
        probe: bool = False, clean: bool = False,
    ) -> list[_Response]:  # fmt: skip
        """Answer the requests of a case; with ``probe`` only the answers to the probe are spoiled."""
        _InProcessTransport.spoiler = spoiler
        instances = _instances(case, self._documents)
        spoiler.rate = rate if probe else 0.0
        lm.harness_prepare(RunContext(frozenset({case.request_type}), chat=case.chat, journal=journal, progress=False))
        spoiler.rate = 0.0 if probe or clean else rate
        lm.harness_respond(instances)
        spoiler.rate = 0.0
        return _responses(instances)

    def _compare(
        self, where: str, case: Case, spoiler: Spoiler, good: Sequence[_Response], found: Sequence[_Response]
    ) -> None:
        figures = self.figures
        per_document = len(good) // self._documents
        for place, (wanted, got) in enumerate(zip(good, found, strict=True)):
            mark = f"Doc{place // per_document:03d}"
            touched = mark in spoiler.touched or "every document" in spoiler.touched
            fault = ""
            if got[0] == "fault":
                fault = got[1]
            elif got[0] == "value" and _impossible(got[1]):
                fault = f"the impossible value {got[1]}"
            elif not touched and got != wanted:
                fault = f"{got} and not {wanted}, without a spoiled answer"
            elif got == wanted:
                figures.same += touched
                figures.untouched += not touched
            elif got[0] == "error":
                figures.lost += 1
            else:
                figures.other += 1
                figures.by_case[case.name] += 1
                if case.request_type != "generate_until":
                    self.undetected(where, mark, spoiler, wanted, got)
            if fault:
                last = spoiler.last.get(mark) or spoiler.last.get("every document")
                figures.faults.append(f"{where}: {mark} has {fault}\n  {last}")

    def undetected(self, where: str, mark: str, spoiler: Spoiler, wanted: _Response, got: _Response) -> None:
        """Receives each other value of a document that was touched; for a look by hand."""

    def _same(self, where: str, case: Case, good: Sequence[_Response], found: Sequence[_Response]) -> None:
        for place, (wanted, got) in enumerate(zip(good, found, strict=True)):
            if got != wanted:
                self.figures.faults.append(f"{where}: request {place} has {got} and not {wanted}")
            else:
                self.figures.same += 1


def _damage(journal: Path, rng: random.Random) -> None:
    """Damage the bytes of one row in a journal."""
    with sqlite3.connect(journal) as connection:
        rows = connection.execute("SELECT row, keys, bodies FROM answers").fetchall()
        if not rows:
            return
        row, keys, bodies = rng.choice(rows)
        column = rng.choice(("keys", "bodies"))
        raw = bytearray(keys if column == "keys" else bodies)
        if not raw:
            return
        at = rng.randrange(len(raw))
        kind = rng.randrange(4)
        if kind == 0:
            raw[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del raw[at:]
        elif kind == 2:
            raw[at:at] = rng.randbytes(rng.randrange(1, 40))
        else:
            raw[at : at + 20] = rng.randbytes(20)
        connection.execute(f"UPDATE answers SET {column} = ? WHERE row = ?", (bytes(raw), row))
    connection.close()


def fuzz(answers: int, seed: int, cases: Sequence[str] = (), kinds: Sequence[str] = (), first: int = 0) -> Figures:
    """Spoil a number of answers and return what was seen.

    Args:
        answers: The number of spoiled answers.
        seed: Decides all mutations.
        cases: The names of cases; all if empty.
        kinds: Some of ``KINDS``; all if empty.
        first: The number of the first round.
    """
    logging.getLogger("lm_eval").setLevel(logging.CRITICAL)
    try:
        # Journals are written with full synchronisation, which is slow on disks.
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            return Fuzzer(seed, Path(folder), kinds).run(answers, cases, first)
    finally:
        logging.getLogger("lm_eval").setLevel(logging.NOTSET)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", nargs="*", default=(), choices=list(CASES), help="Default: all.")
    parser.add_argument("--kinds", nargs="*", default=(), choices=list(KINDS), help="Default: all.")
    parser.add_argument("--round", type=int, default=0, help="Begin with this round, to see it again.")
    options = parser.parse_args()
    began = time.monotonic()
    figures = fuzz(options.answers, options.seed, options.cases, options.kinds, options.round)
    for fault in figures.faults[:20]:
        print(fault, end="\n\n")
    print(f"{figures.answers} spoiled answers in {figures.rounds} runs, {time.monotonic() - began:.0f} s")
    print(f"requests that they did not touch: {figures.untouched}, all as in the good run")
    print(
        f"requests that they touched: {figures.same} as in the good run, {figures.lost} errors, {figures.other} other"
    )
    print(f"other responses by case: {dict(figures.by_case.most_common())}")
    print(f"runs refused because of the probe: {figures.refused}")
    print(f"faults: {len(figures.faults)}")
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
