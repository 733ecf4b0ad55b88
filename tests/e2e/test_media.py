"""Tasks with media on the chat endpoint of the mock server: images and recordings reach it, in the prompt's order."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib
from typing import Any

import pytest

from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer


def png(shade: int) -> bytes:
    """Write a picture of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def doc(question: str, options: str, answer: str, kind: str = "multiple-choice") -> dict[str, Any]:
    images = {f"image_{number}": {"bytes": png(number), "path": None} for number in range(1, 8)}
    return {"question": question, "options": options, "answer": answer, "question_type": kind, **images}


DOCS = [
    doc("Compare <image 2> with <image 1>.", "['equal', 'darker']", "B"),
    doc("How many pixels has <image 1>?", "[]", "1", "open"),
]


def test_mmmu_sends_its_images_to_a_chat_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[tuple[object, ...]] = []

    def load_dataset(*arguments: object, **options: object) -> dict[str, list[dict[str, Any]]]:
        asked.append(arguments)
        return {"validation": DOCS}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with MockServer() as server:
        results = simple_evaluate(
            "local-chat-completions",
            {"base_url": server.base_url, "model": "mock", "max_images": 7, "num_concurrent": 1},
            tasks=["mmmu_val_accounting"],
            apply_chat_template=True,
            bootstrap_iters=0,
        )
        bodies: list[Any] = [record.body for record in server.requests if "<image>" in str(record.body)]
        assert server.stats.images == 3
    assert asked == [("MMMU/MMMU", "Accounting")]
    parts = [body["messages"][-1]["content"] for body in bodies]
    shown = [[part["image_url"]["url"] for part in message if part["type"] == "image_url"] for message in parts]
    urls = {number: f"data:image/png;base64,{base64.b64encode(png(number)).decode()}" for number in (1, 2)}
    assert shown == [[urls[2], urls[1]], [urls[1]]]
    assert parts[0][-1]["text"].startswith("Compare <image> with <image>.\n\n(A) equal\n(B) darker\n\nAnswer with the")
    assert 0 <= results["results"]["mmmu_val_accounting"]["acc,none"] <= 1
    assert results["n-samples"]["mmmu_val_accounting"] == {"original": 2, "effective": 2}


def test_common_voice_sends_its_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    rows = [
        {"audio": {"array": [0.0, 1.0, -2.0], "sampling_rate": 8000}, "transcript": "one"},
        {"audio": {"bytes": b"ID3 a file", "path": None}, "transcript": "two"},
    ]
    monkeypatch.setattr(datasets, "load_dataset", lambda *arguments, **options: {"train": rows, "test": rows})
    with MockServer() as server:
        simple_evaluate(
            "local-chat-completions",
            {"base_url": server.base_url, "model": "mock", "num_concurrent": 1},
            tasks=["common_voice_en"],
            apply_chat_template=True,
            bootstrap_iters=0,
        )
        bodies: list[Any] = [record.body for record in server.requests if "<audio>" in str(record.body)]
    first, second = (body["messages"][-1]["content"] for body in bodies)
    recording = first[0]["input_audio"]
    assert (recording["format"], first[1]["text"].startswith("Listen to the audio")) == ("wav", True)
    with wave.open(io.BytesIO(base64.b64decode(recording["data"]))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        # Samples beyond the loudest one are cut.
        assert struct.unpack("<3h", file.readframes(9)) == (0, 32767, -32767)
    assert second[0]["input_audio"] == {"format": "mp3", "data": base64.b64encode(b"ID3 a file").decode()}


MP4 = b"\0\0\0\x18ftypisom a film"
MEDIA_TASK: dict[str, Any] = {
    "task": "media_task",
    "custom_dataset": lambda **_: {"test": [{"q": "What is shown?", "film": MP4, "sound": b"ID3 a file"}]},
    "test_split": "test",
    "doc_to_text": "{{q}}",
    "doc_to_target": "x",
    "doc_to_audio": "sound",
    "doc_to_video": "film",
}


def run_media(server: MockServer, model: str = "local-chat-completions", **arguments: object) -> Any:
    return simple_evaluate(
        model,
        {"base_url": server.base_url, "model": "mock", "num_concurrent": 1, **arguments},
        tasks=[MEDIA_TASK],
        apply_chat_template=model == "local-chat-completions",
        bootstrap_iters=0,
    )


def test_videos_and_recordings_come_before_the_text() -> None:
    with MockServer() as server:
        results = run_media(server, max_media_mb=1)
        bodies: list[Any] = [record.body for record in server.requests if "What is shown?" in str(record.body)]
    (body,) = bodies
    video, audio, text = body["messages"][-1]["content"]
    assert video["video_url"]["url"] == f"data:video/mp4;base64,{base64.b64encode(MP4).decode()}"
    assert audio["input_audio"]["format"] == "mp3"
    assert text == {"type": "text", "text": "What is shown?"}
    assert results["n-samples"]["media_task"] == {"original": 1, "effective": 1}


def test_media_that_cannot_be_sent_end_the_run_with_one_line() -> None:
    with MockServer() as server:
        with pytest.raises(ConfigError, match="more than max_media_mb=1e-05"):
            run_media(server, max_media_mb=0.00001)
        with pytest.raises(CapabilityError, match="media need messages; use a chat endpoint"):
            run_media(server, "local-completions")
        assert "What is shown?" not in str([record.body for record in server.requests])


def test_a_log_likelihood_never_leaves_media_out() -> None:
    choice = {**MEDIA_TASK, "output_type": "multiple_choice", "doc_to_choice": ["a", "b"], "doc_to_target": 0}
    with MockServer() as server, pytest.raises(CapabilityError, match="Task media_task: log-likelihoods are those of"):
        simple_evaluate(
            "local-completions", {"base_url": server.base_url, "model": "mock"}, tasks=[choice], bootstrap_iters=0
        )
    without = {**choice, "custom_dataset": lambda **_: {"test": [{"q": "Q", "film": None, "sound": []}]}}
    with MockServer() as server:
        results = simple_evaluate(
            "local-completions", {"base_url": server.base_url, "model": "mock"}, tasks=[without], bootstrap_iters=0
        )
    assert results["results"]["media_task"]["sample_len"] == 1
