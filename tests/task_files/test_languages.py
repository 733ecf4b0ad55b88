from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.task_files.languages import find_language, languages


@pytest.mark.parametrize("word", ["kor", "ko", "Korean", " KOR "])
def test_a_language_has_three_spellings(word: str) -> None:
    assert find_language(word).code == "kor"


def test_an_unknown_language_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Unknown language 'koren'.*Did you mean 'korean'"):
        find_language("koren")


def test_the_table_is_consistent() -> None:
    known = languages()
    assert len({language.name for language in known.values()}) == len(known)
    assert all(len(code) == 3 and code.islower() for code in known)
    assert {language.included_in for language in known.values() if language.included_in} <= set(known)
    two = [language.two_letters for language in known.values() if language.two_letters]
    assert len(two) == len(set(two))
