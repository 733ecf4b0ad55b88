"""Every command in the documentation is parsed, and those that end by themselves run against the mock server."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli import main
from lm_eval.cli.main import COMMANDS
from lm_eval.cli.parser import Parser
from lm_eval.config.run import RunSettings
from lm_eval.mock_server import MockServer
from lm_eval.task_files.manager import TaskManager
from tests.docs_commands import PAGES, ROOT, Command, commands, missing, skeleton

EVERY = [command for page in PAGES for command in commands(page)]
# Names that stand for anything, and what stands for other options of the same command.
PLACEHOLDERS = ("COMMAND", "[options]", "[options", "of", "run]", "...", "…")
TASKS_OF_A_READER = {"NAME", "my_task", "capitals", "capitals_all", "roman", "TASK"}
RUNS_UNTIL_IT_IS_STOPPED = ("mock-server", "view")
NEEDS_ANOTHER_SERVER = ("--mlflow_args", "ray")

# Starts of lines of an output that depend on the answers of the model, on the server or on the time.
VARIES = re.compile(
    r"\s*(?:"
    r"[AB]  |undecided:|worse:|not worse:|Gate |B against A|Documents that changed|Changed from|! |… *$"
    r"|\d+:\d+:\d+ INFO"
    r"|# file: |# about: |local-completions \(|\(model=|asked\.|Prompt tokens|Requests: |tokenizer \("
    r"|Log-likelihoods: |scoring=NAME|Window: |documents? |of 0\.|0\.\d+ or more|(?:gsm8k|arc_easy) [\w,-]+: "
    r"|Undecided scores"
    r")"
)


def words_of(command: Command) -> tuple[str, list[str]]:
    """Return the subcommand and its words, without placeholders and redirection."""
    words = command.words[: command.words.index(">")] if ">" in command.words else command.words
    words = [word for word in words if word not in PLACEHOLDERS]
    if not words or words[0].startswith("-"):
        return "run", words
    return words[0], words[1:]


@pytest.mark.parametrize("command", EVERY, ids=str)
def test_every_command_has_known_options_and_tasks(command: Command) -> None:
    name, words = words_of(command)
    assert name in COMMANDS
    module: Any = import_module(f"lm_eval.cli.{name.replace('-', '_')}")
    parser = Parser(prog=name)
    module.add_arguments(parser)
    if command.inline and len(words) == words_starting_with_a_dash(words):
        return  # such as `lm_eval run` or `lm_eval ls` in a sentence: a name, not a complete command
    given = vars(parser.read(words))
    if name == "run":
        RunSettings.from_mapping({key: value for key, value in given.items() if key not in ("config", "data_dir")})
    tasks = [task for word in given.get("tasks") or () for task in str(word).split(",")]
    known = _known_tasks()
    assert [
        task for task in tasks if task not in TASKS_OF_A_READER and not known.match_tasks([task.partition("@")[0]])
    ] == []


@cache
def _known_tasks() -> TaskManager:
    return TaskManager()


def words_starting_with_a_dash(words: Sequence[str]) -> int:
    return sum(word.startswith("--") for word in words)


def test_an_output_that_is_no_longer_printed_is_found() -> None:
    printed = skeleton("|Tasks|Value|\n|---|---|\n|a_b|0.25|\n3 documents lost (2 rejected)")
    assert missing(skeleton("| Tasks |Value |\n|a_b| 12,345.5|"), printed) == []
    assert missing(skeleton("3 docs lost"), printed) == ["0", "docs", "lost"]
    assert missing(skeleton("|Stderr|"), printed) == ["Stderr"]


def test_commands_and_outputs_are_found_in_pages(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "See `lm_eval ls\ntasks`.\n\n    $ lm_eval run a \\\n        b   # why\n    out\n\n"
        "```yaml\n- run: lm_eval show x > y\n- uses: z\n```\n\nIt prints:\n\n    more\n"
    )
    found = [(command.words, command.output, command.inline) for command in commands(page)]
    assert found == [
        (["run", "a", "b"], ["out"], False),
        (["show", "x", ">", "y"], ["more"], False),
        (["ls", "tasks"], [], True),
    ]


ROWS: dict[str, dict[str, list[Mapping[str, Any]]]] = {
    "openai/gsm8k": {
        "main": [{"question": f"How much is {n} + 2?", "answer": f"Add.\n#### {n + 2}"} for n in range(8)]
    },
    "Rowan/hellaswag": {
        "default": [
            {"activity_label": "Roof", "ctx_a": f"{n} men sit.", "ctx_b": "they", "endings": list("abcd"), "label": "1"}
            for n in range(8)
        ]
    },
}
ROWS["allenai/ai2_arc"] = {
    name: [
        {
            "question": "Which statement best explains why photosynthesis is the foundation of most food webs?",
            "choices": {
                "text": [
                    "Sunlight is the source of energy for nearly all ecosystems.",
                    "Most ecosystems are found on land instead of in water.",
                    "Carbon dioxide is more available than other gases.",
                    "The producers in all ecosystems are plants.",
                ],
                "label": list("ABCD"),
            },
            "answerKey": "ABCD"[n % 4],
        }
        for n in range(8)
    ]
    for name in ("ARC-Easy", "ARC-Challenge")
}


def write_data(folder: Path) -> None:
    """Write small copies of the datasets that the documentation uses."""
    for path, configs in ROWS.items():
        head = []
        for name, rows in configs.items():
            files = []
            for split in ("train", "validation", "test"):
                file = folder / path / name / f"{split}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
                files.append({"split": split, "path": f"{name}/{split}.jsonl"})
            head.append({"config_name": name, "data_files": files})
        (folder / path / "README.md").write_text(f"---\nconfigs: {json.dumps(head)}\n---\n", encoding="utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(judge="exact") as server:
        yield server


@pytest.fixture(scope="module")
def world(server: MockServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages assume: datasets, a folder of tasks, a config file, and saved runs of two settings."""
    folder = tmp_path_factory.mktemp("docs")
    write_data(folder / "data")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "examples" / "custom_task", folder / "my_tasks")
    (folder / "mine").mkdir()
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    config = re.search(r"^```yaml\n(model: .*?)^```", page, re.M | re.S)
    assert config is not None
    url = re.sub(r"http://127\.0\.0\.1:\d+/v1", server.base_url, config[1]).replace("Qwen/Qwen2.5-0.5B", "mock")
    (folder / "run.yaml").write_text(url, encoding="utf-8")
    base = ["--model", "local-completions", "--model_args", f"model=mock,base_url={server.base_url}"]
    base += ["--tasks", "gsm8k", "arc_easy", "arc_challenge", "--limit", "4", "--log_samples"]
    base += ["--data_dir", str(folder / "data"), "--gen_kwargs", "max_gen_toks=8"]
    assert main(["run", *base, "--output_path", str(folder / "greedy")]) == 0
    assert main(["run", *base, "--output_path", str(folder / "sampled"), "--gen_kwargs", "temperature=0.7"]) == 0
    for copy, of in (
        ("out", "greedy"),
        ("old", "greedy"),
        ("new", "sampled"),
        ("A", "greedy"),
        ("B", "sampled"),
        ("C", "greedy"),
    ):
        shutil.copytree(folder / of, folder / copy)
    shutil.copytree(folder / "greedy", folder / "baseline")
    return folder


def ready(command: Command, server: MockServer) -> list[str]:
    """Replace what a reader replaces: the server, the folder, placeholders; and ask for two documents only."""
    name, words = words_of(command)
    text = [re.sub(r"base_url=[^,]+", f"base_url={server.base_url}", word) for word in words]
    text = [re.sub(r"^model=[^,]+", "model=mock", word) for word in text]
    if name == "run":
        if "openai-chat-completions" in text:
            text = [f"{w},base_url={server.base_url}" if w == "model=mock" else w for w in text]
        if "--model" not in text and "--config" not in text:
            text += ["--model", "local-completions", "--model_args", f"model=mock,base_url={server.base_url}"]
        if "--tasks" not in text and "--config" not in text:
            text += ["--tasks", "gsm8k"]
        text = [word for word in text if word != "--limit" and not word.isdecimal()] + ["--limit", "2"]
        if "--config" not in text:
            text += ["--gen_kwargs", "max_gen_toks=8"]
        text += ["--intervals"] if command.page == "README.md" else []
    text = ["data" if word == "DIR" else word for word in text]
    if name == "validate":
        text = ["capitals*" if word == "*" else word for word in text]
    return [name, *text]


def to_run(page: Path) -> list[Command]:
    found = [command for command in commands(page) if not command.inline and words_of(command)[1] + command.words[:1]]
    return [
        command
        for command in found
        if command.words[0] not in PLACEHOLDERS
        and command.words[0] not in RUNS_UNTIL_IT_IS_STOPPED
        and not any(word in NEEDS_ANOTHER_SERVER for word in command.words)
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_run_and_print_what_it_shows(
    page: Path,
    server: MockServer,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(world, tmp_path / "docs")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LM_EVAL_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    for command in to_run(page):
        words = ready(command, server)
        printed = run(words, command, monkeypatch, capsys)
        shown = "\n".join(line for line in command.output if not VARIES.match(line))
        absent = missing(skeleton(shown.replace("gemma-3-270m", "mock")), skeleton(printed))
        assert absent == [], f"{command} prints\n{printed}"


def run(words: list[str], command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command, into a file where the page redirects it; return what it printed."""
    logging.getLogger("lm_eval").handlers.clear()
    if ">" in command.words:
        file = Path(command.words[-1].replace("~", "home"))
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as stream, monkeypatch.context() as patch:
            patch.setattr("sys.stdout", stream)
            code = main(words)
    else:
        code = main(words)
    captured = capsys.readouterr()
    accepted = (0, 1) if "--fail_if_worse" in words else (6,) if "file:requests" in words else (0,)
    assert code in accepted, f"{command}\n{captured.err[-2000:]}"
    return captured.out


def _python_blocks(page: Path) -> list[str]:
    """Return the Python code of a page that runs as it is; tests and calls with ``...`` are parts of something else."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [code for code in blocks if not re.search(r"^def test_|\(\.\.\.", code, re.M)]


@pytest.mark.parametrize(
    "page", ["README.md", "docs/tour.md", "docs/compare.md", "docs/python_api.md", "docs/mock_server.md"]
)
def test_the_python_code_of_a_page_runs(
    page: str, server: MockServer, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(world, tmp_path / "docs"))
    monkeypatch.setenv("LM_EVAL_DATA_DIR", "data")
    blocks = _python_blocks(ROOT / page)
    assert blocks
    names: dict[str, object] = {}
    for code in blocks:
        here = re.sub(r"http://127\.0\.0\.1:\d+/v1", server.base_url, code).replace("limit=50", "limit=2")
        here = re.sub(r'"model": "[^"]+"', '"model": "mock"', here)
        exec(compile(here, page, "exec"), names)
