from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.errors import TaskFileError
from lm_eval.task_files.families import families, read_family
from lm_eval.tasks import TaskManager

README = """\
---
languages: {languages}
skills: {skills}
licence: MIT
paper: https://example.org/paper
---
# A family

Its summary
in two lines.

More.
"""


def family(folder: Path, languages: str = "[eng]", skills: str = "[math]") -> Path:
    (folder / "README.md").write_text(README.format(languages=languages, skills=skills), encoding="utf-8")
    return folder


def test_a_readme_describes_its_family(tmp_path: Path) -> None:
    found = read_family(family(tmp_path))
    assert (found.name, found.title, found.summary) == (tmp_path.name, "A family", "Its summary in two lines.")
    assert (found.licence, found.paper) == ("MIT", "https://example.org/paper")
    assert (found.languages_of("any"), found.skills_of("any")) == (["eng"], ["math"])


@pytest.mark.parametrize(
    ("languages", "name", "codes"),
    [
        ("{kor: [x_ko*], deu: [x_de, x_all]}", "x_ko_1", ["kor"]),
        ("{kor: x_ko*, deu: [x_de, x_all]}", "x_all", ["deu"]),
        ("{kor: [x_ko*]}", "x_fr", []),
        ("x_{code}_*", "x_ko_1", ["kor"]),
        ("x_{code}_*", "x_kor_1", ["kor"]),
        ("x_{code}_*", "x_qqq_1", []),
        ("x_{code}_*", "x_kora_1", []),
        ('["f_{code}-*", "f_*-{code}"]', "f_de-en", ["deu", "eng"]),
        ('[eng, "x_{code}"]', "x_de", ["eng", "deu"]),
    ],
)
def test_languages_of_names(languages: str, name: str, codes: list[str], tmp_path: Path) -> None:
    assert read_family(family(tmp_path, languages)).languages_of(name) == codes


def test_a_readme_without_front_matter_states_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Title\n\nText.\n", encoding="utf-8")
    found = read_family(tmp_path)
    assert (found.title, found.languages_of("x"), found.skills_of("x"), found.licence) == ("Title", [], [], "")


@pytest.mark.parametrize(
    ("languages", "skills", "said"),
    [
        ("[kore]", "[math]", r"README.md \[languages\]: 'kore' is no known ISO 639-3 code. Did you mean 'kor'"),
        ("[kor]", "[maths]", r"\[skills\]: 'maths' is no known skill. Did you mean 'math'"),
        ("[kor", "[math]", "the front matter is not YAML"),
        ("[kor]\nlanguage: x", "[math]", r"\[language\]: unknown key. Did you mean 'languages'"),
    ],
)
def test_a_wrong_front_matter_is_an_error_of_its_readme(languages: str, skills: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TaskFileError, match=said):
        read_family(family(tmp_path, languages, skills))


def test_families_of_a_root_are_its_folders_and_itself(tmp_path: Path) -> None:
    for name in ("one-a", "_hidden"):
        (tmp_path / name).mkdir()
        family(tmp_path / name)
    family(tmp_path)
    found = families(TaskManager(include_path=str(tmp_path), include_defaults=False))
    assert sorted(found) == sorted(["one-a", tmp_path.name])


def test_every_family_of_the_library_states_languages_and_skills() -> None:
    without = [
        name
        for name, one in families(TaskManager()).items()
        if not ((one.language_patterns or one.code_patterns) and one.skill_patterns and one.licence)
    ]
    assert without == []
