"""curl: what people try first, by hand."""

import json
import shutil
import subprocess

import pytest
from questions import CAPITAL, EMBEDDER, MODEL

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
CHAT = {"model": MODEL, "messages": CAPITAL, "temperature": 0, "max_tokens": 32}


@pytest.fixture
def curl(service):
    """The body and the status that curl shows."""

    def run(path, *arguments, key=service.key, body=None):
        data = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", service.url + path, *data, *arguments]
            + ["-H", f"Authorization: Bearer {key}"],
            capture_output=True, encoding="utf-8", timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        text, status = done.stdout.rsplit("\n", 1)
        return text, int(status)

    return run


def test_it_gets_answers_and_lists(curl):
    text, status = curl("/v1/chat/completions", body=CHAT)
    assert status == 200 and "Paris" in json.loads(text)["choices"][0]["message"]["content"]
    text, status = curl("/v1/completions", body={"prompt": "The capital of France is", "temperature": 0})
    assert status == 200 and "Paris" in json.loads(text)["choices"][0]["text"]
    text, status = curl("/v1/embeddings", body={"model": EMBEDDER, "input": "Hello"})
    assert status == 200 and len(json.loads(text)["data"][0]["embedding"]) == 384
    text, status = curl("/v1/models")
    assert status == 200 and [model["id"] for model in json.loads(text)["data"]] == [MODEL, EMBEDDER]


def test_a_stream_is_lines_that_can_be_read(curl):
    text, status = curl("/v1/chat/completions", "-N", body=CHAT | {"stream": True})
    assert status == 200
    events = text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events[:-2]]
    assert "Paris" in "".join(delta.get("content", "") for delta in deltas)


def test_a_packed_answer_is_unpacked(curl):
    body = CHAT | {"logprobs": True, "top_logprobs": 5}
    assert curl("/v1/chat/completions", "--compressed", body=body)[1] == 200
    packed, status = curl("/v1/chat/completions", "--compressed", "-o", "/dev/null", "-D", "-", body=body)
    assert status == 200 and "content-encoding: " in packed.lower()


def test_errors_are_json_with_a_status(curl):
    for answer, expected in [
        (curl("/v1/chat/completions", body=CHAT, key="wrong"), 401),
        (curl("/v1/chat/completions", body=CHAT | {"n": "two"}), 400),
        (curl("/v1/chat/completions", body=CHAT | {"model": "gpt-none"}), 404),
        (curl("/v1/nothing"), 404),
        (curl("/v1/chat/completions"), 405),
        (curl("/v1/chat/completions", "-d", "messages=hello"), 415),
    ]:
        text, status = answer
        assert status == expected and json.loads(text)["error"]["message"], answer
