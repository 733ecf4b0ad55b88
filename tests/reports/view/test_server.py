from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from lm_eval.errors import ConfigError
from lm_eval.reports.html import write_report
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.view import ViewServer, matrix_page
from lm_eval.reports.view.access import kept_token
from lm_eval.results import load
from tests.reports.saved_runs import docs, save
from tests.reports.view.serving import Serving

SECRET = "a file that is no run"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served") / "runs"
    for number, (name, values) in enumerate((("a", [0] * 30), ("b", [1] * 30), ("c", [1] * 29 + [0]))):
        save(folder / name, {"t": docs(values)}, model_name=name, time=f"2026-01-01T10-00-00.00000{number}")
    (folder / "secret.txt").write_text(SECRET)
    (folder.parent / "secret.txt").write_text(SECRET)
    with Serving(folder) as running:
        yield running


def get(serving: Serving, path: str = "", **more: Any) -> requests.Response:
    return requests.get(serving.url + path, timeout=30, allow_redirects=False, **more)


def keys(serving: Serving) -> list[str]:
    return [run["key"] for run in get(serving, "api/runs").json()["runs"]]


def test_it_listens_on_this_machine_alone(serving: Serving) -> None:
    assert urlsplit(serving.url).hostname == "127.0.0.1"


def test_the_page_and_its_parts_need_the_token(serving: Serving) -> None:
    root = serving.url[: serving.url.index("/", 8)]
    token = urlsplit(serving.url).path.strip("/")
    for path in ("", "view.js", "view.css", "api/runs"):
        assert get(serving, path).status_code == 200
        for wrong in ("", "x", token[:-1], f"{token}x", token.swapcase(), "é", "%00"):
            found = requests.get(f"{root}/{wrong}/{path}", timeout=30)
            assert found.status_code == 403
            assert token not in found.text
    assert requests.get(f"{root}/{token}", timeout=30, allow_redirects=False).status_code == 302


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7680", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
def test_a_name_that_leads_here_is_refused(serving: Serving, host: str) -> None:
    found = get(serving, "api/runs", headers={"Host": host})
    assert found.status_code in (400, 403)
    assert "runs" not in found.text


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1", "[::1]:80"])
def test_a_forwarded_port_works(serving: Serving, host: str) -> None:
    assert get(serving, "api/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_only_reads(serving: Serving, method: str) -> None:
    for path in ("", "api/runs"):
        assert requests.request(method, serving.url + path, timeout=30).status_code == 405


@pytest.mark.parametrize("path", ["", "view.js", "api/runs", "api/nothing", "nothing"])
def test_every_answer_has_the_headers_that_keep_others_out(serving: Serving, path: str) -> None:
    headers = get(serving, path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cache-Control"]) == (
        *("nosniff", "no-referrer"),
        "no-store",
    )
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "report/..%2fsecret.txt",
        "report/secret.txt",
        "api/sample?runs=../secret.txt&task=t&doc=0",
        "api/sample?runs={key}&task=../../secret.txt&doc=0",
        "api/sample?runs={key}&task=t&doc=../secret.txt",
        "api/beside?runs=secret.txt",
        "view.js/../../secret.txt",
        "static/view.html",
    ],
)
def test_no_file_but_those_of_runs_is_read(serving: Serving, path: str) -> None:
    session = requests.Session()
    request = session.prepare_request(requests.Request("GET", serving.url))
    request.url = serving.url + path.format(key=keys(serving)[0])
    found = session.send(request, timeout=30)
    assert found.status_code in (403, 404)
    assert SECRET not in found.text


def test_runs_come_with_their_facts(serving: Serving) -> None:
    data = get(serving, "api/runs").json()
    assert [(run["model"], run["tasks"], run["docs"], run["scores"]) for run in data["runs"]] == [
        ("c", ["t"], 30, [["t", "acc", pytest.approx(29 / 30)]]),
        ("b", ["t"], 30, [["t", "acc", 1]]),
        ("a", ["t"], 30, [["t", "acc", 0]]),
    ]
    assert data["live"] == []


def test_a_new_run_is_seen(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with Serving(tmp_path / "runs") as running:
        assert get(running, "api/runs").json()["runs"] == []
        before = get(running, "api/live").json()["version"]
        save(tmp_path / "runs", {"t": docs([1])})
        running.index.refresh()
        assert len(get(running, "api/runs").json()["runs"]) == 1
        assert before == 0


def test_the_matrix_and_its_best(serving: Serving) -> None:
    matrix = get(serving, "api/matrix").json()
    assert [row["model"] for row in matrix["rows"]] == ["a", "b", "c"]
    best = get(serving, "api/best").json()["0"]
    assert (best["row"], best["holds"], best["against"]) == (1, False, 2)
    two = get(serving, "api/best?model=a&model=b").json()["0"]
    assert (two["row"], two["holds"]) == (1, True)


def test_a_name_that_is_not_there_is_a_message(serving: Serving) -> None:
    found = get(serving, "api/matrix?task=nothing")
    assert found.status_code == 404
    assert "nothing" in found.json()["error"]


def test_a_task_over_time(serving: Serving) -> None:
    data = get(serving, "api/series?task=t").json()
    assert [(point["label"], point["value"]) for point in data["points"]] == [
        ("a", 0),
        ("b", 1),
        ("c", pytest.approx(29 / 30)),
    ]
    assert (data["keys"], data["key"]) == (["acc,none"], "acc,none")


def test_steps_are_the_last_numbers_of_names(tmp_path: Path) -> None:
    for step in (500, 1000):
        save(tmp_path / "runs" / str(step), {"t": docs([1])}, model_name=f"org/m2-step{step}-sft")
    with Serving(tmp_path / "runs") as running:
        points = get(running, "api/series?task=t").json()["points"]
    assert sorted((point["step"], point["family"]) for point in points) == [
        (500, "org/m2-step*-sft"),
        (1000, "org/m2-step*-sft"),
    ]


def test_differences_are_those_of_compare(serving: Serving) -> None:
    c, b, a = keys(serving)
    (row,) = get(serving, f"api/differences?runs={a},{b}").json()["rows"]
    assert (row["difference"], row["wins"], row["losses"], row["test"], len(row["flips"])) == (1, 30, 0, "mcnemar", 30)
    beside = get(serving, f"api/beside?runs={c},{a}").json()
    assert [run["label"] for run in beside["runs"]] == ["c", "a"]
    assert {cell[0]: cell[2]["value"] for cell in beside["matrix"]["cells"]} == {0: pytest.approx(29 / 30), 1: 0}


def test_a_sample_of_several_runs(serving: Serving) -> None:
    c, b, a = keys(serving)
    data = get(serving, f"api/sample?runs={a},{b}&task=t&doc=3").json()
    assert [(column["label"], column["rows"]) for column in data["columns"]] == [("a", [0]), ("b", [1])]
    assert (data["before"], data["after"], data["place"], data["count"]) == ("2", "4", 3, 30)
    assert [other["run"] for other in data["others"]] == [c]


def test_a_run_without_the_document_says_so(tmp_path: Path) -> None:
    first = save(tmp_path / "runs" / "a", {"t": docs([1, 0])}, model_name="a")
    save(tmp_path / "runs" / "b", {"t": docs([1])}, model_name="b", time="2025-01-01T10-00-00.000001")
    save(tmp_path / "runs" / "c", {"u": docs([1])}, model_name="c", time="2024-01-01T10-00-00.000001")
    assert first.exists()
    with Serving(tmp_path / "runs") as running:
        runs = ",".join(keys(running))
        columns = get(running, f"api/sample?runs={runs}&task=t&doc=1").json()["columns"]
        assert [column.get("reason") for column in columns] == [
            *(None, "not among its documents"),
            "no samples of this task",
        ]
        assert get(running, f"api/sample?runs={runs}&task=t&doc=7").status_code == 404
        assert get(running, "api/sample?runs=&task=t").status_code == 404


def test_the_report_of_a_run_is_the_report_with_links_back(serving: Serving, tmp_path: Path) -> None:
    key = keys(serving)[0]
    found = get(serving, f"report/{key}?task=t")
    assert found.headers["Content-Type"].startswith("text/html")
    assert found.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert "connect-src 'none'" in found.text
    written = write_report(load(serving.index.run(key).path), tmp_path / "report.html").read_text()
    assert (
        found.text.partition("<style>")[2].partition("</style>")[0]
        == written.partition("<style>")[2].partition("</style>")[0]
    )
    assert get(serving, f"report/{key}?task=nothing").status_code == 404


def test_numbers_that_json_does_not_know_are_no_numbers(tmp_path: Path) -> None:
    save(tmp_path / "runs", {"t": docs([1])}, scores={"t": {"acc,none": float("nan"), "acc_stderr,none": float("inf")}})
    with Serving(tmp_path / "runs") as running:
        (cell,) = get(running, "api/matrix").json()["cells"]
    assert cell[2]["value"] is None


def test_a_lone_surrogate_is_sent(tmp_path: Path) -> None:
    save(tmp_path / "runs", {"t": docs([1], target="\ud800")}, model_name="\ud800")
    with Serving(tmp_path / "runs") as running:
        data = json.loads(get(running, f"api/sample?runs={keys(running)[0]}&task=t").content)
        assert data["columns"][0]["label"] == "\ud800"


def test_a_port_in_use_is_a_message(serving: Serving, tmp_path: Path) -> None:
    port = urlsplit(serving.url).port

    async def start() -> None:
        server = ViewServer(RunIndex(tmp_path, tmp_path / "index.sqlite"))
        with pytest.raises(ConfigError, match=f"Port {port} is in use"):
            await server.start(port)

    asyncio.run(start())


def test_without_a_port_the_first_free_one_is_taken(serving: Serving, tmp_path: Path) -> None:
    port = urlsplit(serving.url).port
    assert port is not None

    async def start() -> str:
        server = ViewServer(RunIndex(tmp_path, tmp_path / "index.sqlite"))
        url = await server.start(first=port)
        await server.stop()
        return url

    assert (urlsplit(asyncio.run(start())).port or 0) > port


def test_the_token_stays_so_that_links_last(tmp_path: Path) -> None:
    store = tmp_path / "cache" / "index.sqlite"
    token = kept_token(store)
    assert len(token) >= 20
    assert kept_token(store) == token
    assert stat.S_IMODE(store.with_suffix(".token").stat().st_mode) == 0o600
    store.with_suffix(".token").write_text("../x")
    assert kept_token(store) not in ("../x", token)


def test_the_matrix_as_one_file_needs_nothing_else(serving: Serving) -> None:
    from lm_eval.reports.matrix import best_of, matrix_of

    matrix = matrix_of(serving.index.runs)
    page = matrix_page(matrix, best_of(serving.index, matrix))
    assert "connect-src 'none'" in page.replace("&#x27;", "'")
    assert "src=" not in page.partition("</head>")[0]
    assert 'href="view.css"' not in page


def test_nonsense_in_files_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1])}, date=1e11, total_evaluation_time_seconds=float("inf"))
    save(folder, {"t": docs([1])}, time="2026-02-01T10-00-00.000001", date=1e300)
    (folder / ".journal").mkdir()
    state = {"updated": float("inf"), "started": 1e300, "total": -1, "done": 10**400, "rate": float("nan")}
    (folder / ".journal" / "a.state.json").write_text(json.dumps(state))
    with Serving(folder) as running:
        data = json.loads(get(running, "api/runs").content, parse_constant=pytest.fail)
        assert len(data["runs"]) + len(data["problems"]) == 2
        assert data["runs"][-1]["seconds"] is None
        for path in ("api/live", "api/matrix", "api/best", "api/series"):
            assert get(running, path).status_code == 200


def test_a_report_page_has_a_limit_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.reports.view.server._MAX_DOCS", 4)
    more: dict[str, Any] = {"n-samples": {name: {"effective": 3} for name in ("t", "u")}}
    save(tmp_path / "runs", {"t": docs([1, 0, 1]), "u": docs([1, 0, 1])}, **more)
    with Serving(tmp_path / "runs") as running:
        (key,) = keys(running)
        found = {path: len(get(running, f"report/{key}{path}").text) for path in ("", "?task=t")}
        limited = write_report(running.index.run(key), tmp_path / "a.html", limit_samples=2).read_text()
        whole = write_report(running.index.run(key), tmp_path / "b.html", tasks=["t"]).read_text()
    # The page of the viewer has its address and the key of the run, too.
    assert abs(found[""] - len(limited)) < 200
    assert abs(found["?task=t"] - len(whole)) < 200
    assert found[""] != found["?task=t"]
