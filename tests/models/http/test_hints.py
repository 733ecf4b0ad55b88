from __future__ import annotations

import pytest

from lm_eval.models.http.hints import hint_for


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("audio input is not supported - hint: you may need to provide the mmproj", "no recordings or no videos"),
        ("At most 0 audio(s) may be provided in one prompt.", "no recordings or no videos"),
        ("This model does not support video input.", "no recordings or no videos"),
        ("image input is not supported", "takes no images"),
        ("413 Request Entity Too Large", "larger than the server takes"),
        ("Payload too large", "larger than the server takes"),
        ("The audio file is too large.", "larger than the server takes"),
    ],
)
def test_refused_media_are_explained(words: str, meaning: str) -> None:
    hint = hint_for(words)
    assert hint is not None
    assert meaning in hint.what


@pytest.mark.parametrize("words", ["The temperature is too large.", "The audio could not be decoded."])
def test_other_words_are_not_about_media(words: str) -> None:
    hint = hint_for(words)
    assert hint is None or ("recordings" not in hint.what and "larger than" not in hint.what)
