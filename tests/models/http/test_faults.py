"""Faults of the connection do not change scores, or are counted exactly."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import AuthenticationError, EndpointNotFound
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.complete_runs import ALL, answers, model, work

pytestmark = [
    pytest.mark.usefixtures("http_client"),
    pytest.mark.parametrize("http_client", ["plain", "session"], indirect=True),
]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="module")
def ready() -> Iterator[LocalCompletionsAPI]:
    """A model that has probed the server without faults."""
    with MockServer() as server:
        lm = model(server.base_url)
        lm.harness_prepare(RunContext(request_types=ALL))
        yield lm


@pytest.fixture(scope="module")
def quiet(ready: LocalCompletionsAPI) -> list[Any]:
    instances = work()
    ready.harness_respond(instances)
    assert all(instance.error is None for instance in instances)
    return answers(instances)


def ask(
    ready: LocalCompletionsAPI, url: str, context: RunContext | None = None, **arguments: Any
) -> tuple[list[Instance], LocalCompletionsAPI]:
    """Ask a server without a probe, so that only requests of the run get its faults."""
    lm, instances = model(url, **{"num_concurrent": 8, **arguments}), work()
    lm.harness_pool.preflight.scorer = ready.harness_pool.preflight.scorer
    lm.harness_pool.session.begin(context or RunContext(request_types=ALL))
    lm.harness_respond(instances)
    return instances, lm


def prompts_of(instances: Sequence[Instance]) -> set[str]:
    """List the prompts of lost Instances as they were sent."""
    return {
        "".join(instance.args[:2]) if instance.request_type == "loglikelihood" else instance.args[0]
        for instance in instances
        if instance.error is not None
    }


@pytest.mark.parametrize(
    "fault",
    [
        "429:0.2", "429-retry-after=0.05:0.2", "429-retry-after-ms=20:0.2", "503-retry-after=0.05:0.2", "408:0.2",
        "500:0.1", "502:0.2", "503:0.2", "504:0.2", "reset:0.2", "close:0.2", "truncated:0.2", "html:0.2",
        "error-body:0.2", "duplicate-choice:0.2", "missing-choice:0.2", "wrong-index:0.2",
    ],
)  # fmt: skip
def test_a_temporary_fault_does_not_change_scores(fault: str, ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=[fault]) as server:
        instances, lm = ask(ready, server.base_url, max_retries=12)
        faulty = sum(server.stats.faults.values())
    assert answers(instances) == quiet
    assert faulty > 0
    assert lm.harness_describe()["run"]["retries"] == faulty


def test_a_retry_after_date_does_not_change_scores(ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=[None, "429-retry-after-date=1"]) as server:
        instances, _ = ask(ready, server.base_url)
        assert server.stats.statuses[429] == 1
    assert answers(instances) == quiet


@pytest.mark.parametrize("fault", ["drip=0.05:0.2", "slow=0.2:0.1", "reversed-choices:0.5"])
def test_an_unusual_answer_is_accepted(fault: str, ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=[fault]) as server:
        instances, lm = ask(ready, server.base_url, batch_size=3)
        assert sum(server.stats.faults.values()) > 0
    assert answers(instances) == quiet
    assert lm.harness_describe()["run"]["retries"] == 0


@pytest.mark.parametrize("fault", ["hang:0.1", "drip=3:0.05"])
def test_a_timeout_is_retried(fault: str, ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=[fault]) as server:
        instances, _ = ask(ready, server.base_url, num_concurrent=16, timeout=0.4)
        assert sum(server.stats.faults.values()) > 0
    assert answers(instances) == quiet


@pytest.mark.parametrize(
    "fault", ["duplicate-choice:0.3", "missing-choice:0.3", "wrong-index:0.3", "null-logprobs:0.2"]
)
def test_a_wrong_answer_to_a_batch_is_asked_again_one_by_one(
    fault: str, ready: LocalCompletionsAPI, quiet: list[Any]
) -> None:
    with MockServer(faults=[fault]) as server:
        instances, _ = ask(ready, server.base_url, max_retries=12, batch_size=4)
        assert sum(server.stats.faults.values()) > 0
    assert answers(instances) == quiet


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400-sticky:0.2", "rejected"), ("422-sticky:0.2", "rejected"), ("500-sticky:0.2", "server_error"),
        ("429-sticky:0.1", "rate_limited"), ("reset-sticky:0.2", "unreachable"), ("truncated-sticky:0.2", "malformed"),
        ("html-sticky:0.2", "malformed"), ("wrong-index-sticky:0.2", "malformed"),
        ("missing-choice-sticky:0.2", "malformed"), ("hang-sticky:0.1", "timeout"),
    ],
)  # fmt: skip
def test_a_permanent_fault_is_counted_exactly(
    fault: str, kind: str, ready: LocalCompletionsAPI, quiet: list[Any]
) -> None:
    with MockServer(faults=[fault]) as server:
        instances, lm = ask(
            ready, server.base_url, max_retries=2, timeout=0.2 if "hang" in fault else 30, retry_time=0.3
        )
        faulty = {str(request.body and request.body["prompt"]) for request in server.requests if request.fault}
        bodies = {request.body_hash for request in server.requests if request.fault}
    assert prompts_of(instances) == faulty
    assert lm.harness_describe()["run"]["failed_calls"] == len(bodies)
    assert {instance.error.kind for instance in instances if instance.error} == {kind}
    assert all(
        one == other for one, other in zip(answers(instances), quiet, strict=True) if one[1] is None
    )  # fmt: skip


@pytest.mark.parametrize(
    "fault", ["null-logprobs-sticky:0.3", "nan-logprobs-sticky:0.3", "positive-logprobs-sticky:0.3"]
)
def test_impossible_values_are_counted_exactly(fault: str, ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=[fault]) as server:
        instances, _ = ask(ready, server.base_url)
        scored = [request for request in server.requests if request.body and request.body.get("echo")]
        faulty = {str(request.body and request.body["prompt"]) for request in scored if request.fault}
    assert prompts_of(instances) == faulty
    assert all(one == other for one, other in zip(answers(instances), quiet, strict=True) if one[1] is None)


def test_null_instead_of_text_is_an_empty_answer_and_no_score(ready: LocalCompletionsAPI) -> None:
    with MockServer(faults=["null-content-sticky:0.3"]) as server:
        instances, _ = ask(ready, server.base_url)
        faulty = [request for request in server.requests if request.fault]
    generated = [instance for instance in instances if instance.request_type == "generate_until"]
    named = [
        info.outcome in ("empty", "length")
        for instance in generated
        for response, info in zip(instance.resps, instance.info, strict=True)
        if response == ""
    ]
    assert all(named)
    assert len(named) == sum(not (request.body or {}).get("echo") for request in faulty) > 0
    assert prompts_of(instances) == {str(r.body and r.body["prompt"]) for r in faulty if (r.body or {}).get("echo")}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("null-content:0.3", "empty"), ("empty:0.3", "empty"), ("length-cut:0.3", "length"),
        ("content-filter:0.3", "filtered"), ("refusal:0.3", "refusal"),
    ],
)  # fmt: skip
def test_unusable_chat_answers_are_counted_by_kind(fault: str, outcome: str) -> None:
    with MockServer(faults=[fault], answers=lambda prompt: "An answer.") as server:
        lm = LocalChatCompletion(model="mock", base_url=server.base_url, num_concurrent=8)
        asked = [Instance("generate_until", {}, (f"Question {n}?", {}), 0, ("t", n, 1)) for n in range(40)]
        lm.harness_respond(asked)
        faulty = sum(server.stats.faults.values())
    counts = Counter(instance.info[0].outcome for instance in asked)
    assert counts == {"ok": 40 - faulty, outcome: faulty}


def test_a_server_that_takes_no_connection_for_five_seconds(ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(refuse_for=5.0) as server:
        lm, instances = model(server.base_url, num_concurrent=8, max_retries=60), work()
        lm.harness_pool.session._policy.first_wait, lm.harness_pool.session._policy.max_wait = 0.1, 0.4
        lm.harness_pool.preflight.scorer = ready.harness_pool.preflight.scorer
        lm.harness_respond(instances)
    assert answers(instances) == quiet
    assert lm.harness_describe()["run"]["retries"] > 0


@pytest.mark.parametrize("status", ["401", "403", "404"])
@pytest.mark.parametrize("wanted", [ALL, frozenset({"generate_until"})])
def test_a_refusal_of_the_first_request_ends_the_run_at_once(status: str, wanted: frozenset[str]) -> None:
    with MockServer(faults=lambda request: status) as server:
        with pytest.raises(AuthenticationError if status in ("401", "403") else EndpointNotFound) as caught:
            model(server.base_url).harness_prepare(RunContext(request_types=wanted))
        assert server.stats.asked == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_a_refusal_among_answers_loses_one_request(status: str, ready: LocalCompletionsAPI) -> None:
    with MockServer(faults=[*[None] * 20, status]) as server:
        instances, lm = ask(ready, server.base_url, num_concurrent=1)
        assert server.stats.asked == sum(instance.repeats or 1 for instance in instances)
    assert [instance.error.status for instance in instances if instance.error is not None] == [int(status)]
    assert lm.harness_describe()["run"]["retries"] == 0


def test_one_endpoint_of_three_is_dead(ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with socket.socket() as taken, MockServer() as one, MockServer() as two:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        instances, lm = ask(ready, f"{dead};{one.base_url};{two.base_url}")
        assert min(one.stats.asked, two.stats.asked) > 0
    assert answers(instances) == quiet
    first, *others = lm.harness_describe()["run"]["endpoints"]
    assert first["failures"] == first["requests"] > 0
    assert sum(endpoint["failures"] for endpoint in others) == 0


def test_one_endpoint_of_three_breaks_every_connection(ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    with MockServer(faults=["reset:1"]) as bad, MockServer() as one, MockServer() as two:
        instances, _ = ask(ready, f"{bad.base_url};{one.base_url};{two.base_url}")
        assert bad.stats.asked < one.stats.asked + two.stats.asked
    assert answers(instances) == quiet


@pytest.mark.parametrize("seed", range(2))
def test_everything_at_once(seed: int, ready: LocalCompletionsAPI, quiet: list[Any]) -> None:
    kinds = ["429", "500", "503", "reset", "close", "truncated", "html", "duplicate-choice", "wrong-index"]
    random.Random(seed).shuffle(kinds)
    with MockServer(faults=[f"{kind}:0.05" for kind in kinds], seed=seed) as server:
        instances, _ = ask(ready, server.base_url, max_retries=30, num_concurrent="auto")
    assert answers(instances) == quiet


def test_answers_that_could_not_be_used_are_asked_again_by_the_next_run(
    tmp_path: Path, ready: LocalCompletionsAPI, quiet: list[Any]
) -> None:
    context = RunContext(request_types=ALL, journal=tmp_path / "journal.sqlite")
    with MockServer(faults=["nan-logprobs-sticky:0.3"]) as server:
        url = server.base_url
        instances, lm = ask(ready, url, context, batch_size=4)
        lost = sum(instance.error is not None for instance in instances)
        assert lost > 0
        port = server.port
    with MockServer(port=port) as server:
        instances, lm = ask(ready, url, context, batch_size=4)
        asked = server.stats.asked
    assert answers(instances) == quiet
    assert lm.harness_describe()["run"]["cached_answers"] > 0
    assert asked <= lost
