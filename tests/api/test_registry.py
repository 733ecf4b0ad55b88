from __future__ import annotations

import sys
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
