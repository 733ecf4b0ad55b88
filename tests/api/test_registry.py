from __future__ import annotations

import math
import os.path
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lm_eval.api import registry as registry_module
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


def test_a_name_is_registered_with_its_object_at_once() -> None:
    registry: Registry[object] = Registry("thing")
    registry.register("join", target="os.path:join")
    assert registry.get("join") is os.path.join

    @registry.register()
    class Own:
        pass

    assert registry["Own"] is Own


def test_get_has_a_default() -> None:
    registry: Registry[object] = Registry("thing")
    assert [registry.get("a", None), registry.get("a", 3)] == [None, 3]
    with pytest.raises(KeyError, match="Unknown thing 'a'"):
        registry.get("a")


def test_a_frozen_registry_takes_nothing_more() -> None:
    registry: Registry[object] = Registry("thing")
    registry.register("a", target=1)
    registry.freeze()
    with pytest.raises(TypeError, match="frozen"):
        registry.register("b", target=2)
    assert list(registry) == ["a"]


def test_registries_have_a_second_name() -> None:
    names = {"MODEL": "model", "FILTER": "filter", "METRIC": "metric", "AGGREGATION": "aggregation"}
    pairs = {f"{upper}_REGISTRY": f"{lower}_registry" for upper, lower in names.items()}
    pairs |= {"METRIC_AGGREGATION_REGISTRY": "metric_agg_registry"}
    pairs |= {"HIGHER_IS_BETTER_REGISTRY": "higher_is_better_registry"}
    for upper, lower in pairs.items():
        assert getattr(registry_module, upper) is getattr(registry_module, lower)


def test_all_registries_are_frozen_at_once() -> None:
    script = """
from lm_eval.api import registry
registry.freeze_all()
try:
    registry.register_model("mine")(object)
except TypeError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "models is frozen" in ran.stdout
