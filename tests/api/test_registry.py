from __future__ import annotations

import math
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lm_eval.api.registry import Registry
from lm_eval.errors import MissingPackageError, UnknownNameError


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """A registry with a home module that registers ``shout`` and ``whisper``."""
    (tmp_path / "home_of_voices.py").write_text(
        "from lm_eval.api import voices\n\nvoices.register('shout', 'whisper')(str)\n"
    )
    voices: Registry[object] = Registry(
        "voice", {"sing": "math:sqrt", "hum": "no_such_module:hum"}, home="home_of_voices"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("lm_eval.api.voices", voices, raising=False)
    monkeypatch.delitem(sys.modules, "home_of_voices", raising=False)
    return voices


def test_home_is_imported_when_a_name_is_looked_up(registry: Registry[object]) -> None:
    assert "home_of_voices" not in sys.modules
    assert registry["shout"] is str
    assert sorted(registry) == ["hum", "shout", "sing", "whisper"]


def test_entry_of_a_user_replaces_one_that_ships(registry: Registry[object], caplog: pytest.LogCaptureFixture) -> None:
    registry.register("shout")(bytes)
    assert registry["shout"] is bytes
    assert registry["whisper"] is str
    assert "registered twice" in caplog.text


def test_strings_are_imported_on_first_use(registry: Registry[object]) -> None:
    import math

    assert registry["sing"] is math.sqrt
    with pytest.raises(MissingPackageError, match="'hum' needs a package that is missing"):
        registry["hum"]


def test_unknown_name_is_refused_with_the_nearest(registry: Registry[object]) -> None:
    assert "shuot" not in registry
    with pytest.raises(UnknownNameError, match="shout"):
        registry["shuot"]


_RUN = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from lm_eval.api import registry
{before}
from lm_eval.api import metrics
print(registry.get_metric("exact_match").__name__, registry.is_higher_better("exact_match"),
      registry.get_metric_aggregation("exact_match").__name__)
"""


@pytest.mark.parametrize(
    ("before", "printed"),
    [
        ("", ["exact_match_hf_evaluate True mean"]),
        (
            "@registry.register_metric(metric='exact_match', higher_is_better=False, aggregation='median')\n"
            "def mine(references, predictions): return 1.0",
            ["metric 'exact_match' is registered twice; the later one is used", "mine False median"],
        ),
        (
            "registry.HIGHER_IS_BETTER_REGISTRY['exact_match'] = False\n"
            "registry.METRIC_AGGREGATION_REGISTRY['exact_match'] = 'median'",
            ["exact_match_hf_evaluate False median"],
        ),
    ],
)
def test_what_a_script_registers_before_the_metrics_that_ship_wins(before: str, printed: list[str]) -> None:
    run = [sys.executable, "-c", _RUN.format(before=before)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == printed


def test_an_entry_point_replaces_what_ships_and_not_what_a_script_registers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [EntryPoint("sing", "math:floor", "voices"), EntryPoint("own", "math:ceil", "voices")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    voices: Registry[object] = Registry("voice", {"sing": "math:sqrt"}, entry_points="voices")
    voices.register("own")(abs)
    assert voices["sing"] is math.floor
    assert voices["own"] is abs
    assert "voice 'sing' is registered twice" in caplog.text
