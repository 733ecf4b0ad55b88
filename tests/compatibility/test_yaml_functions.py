from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml

from lm_eval import utils


def _loader(tmp_path: Path) -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", partial(utils.import_function, yaml_path=tmp_path / "task.yaml"))
    Loader.add_constructor("!kept", utils.ignore_constructor)
    return Loader


def test_a_function_is_imported_from_the_file_next_to_the_yaml(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("def double(x):\n    return 2 * x")
    found = yaml.load("f: !function helpers.double\nkept: !kept a.b", Loader=_loader(tmp_path))
    assert (found["f"](3), found["kept"].value) == (6, "a.b")


@pytest.mark.parametrize(("name", "error"), [("gone.f", FileNotFoundError), ("helpers.gone", AttributeError)])
def test_what_does_not_exist_is_an_error(tmp_path: Path, name: str, error: type[Exception]) -> None:
    (tmp_path / "helpers.py").write_text("")
    with pytest.raises(error):
        yaml.load(f"f: !function {name}", Loader=_loader(tmp_path))
