"""`fetch`, as Node and browsers have it."""

import json
import pathlib
import shutil
import subprocess

import pytest
from questions import CAPITAL, EMBEDDER, MODEL

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
SCRIPT = pathlib.Path(__file__).with_name("fetch.mjs")
CHAT = {"model": MODEL, "messages": CAPITAL, "temperature": 0, "max_tokens": 32}


def fetch(service, *requests, key=None):
    """The answers to some requests, one after the other on one connection."""
    node = subprocess.run(
        ["node", SCRIPT, service.url, key or service.key],
        input=json.dumps(requests), capture_output=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert node.returncode == 0, node.stderr
    return [json.loads(line) for line in node.stdout.splitlines()]


def test_it_gets_answers_lists_and_streams(service):
    whole, stream, embedding, models = fetch(
        service,
        ["/v1/chat/completions", CHAT],
        ["/v1/chat/completions", CHAT | {"stream": True}],
        ["/v1/embeddings", {"model": EMBEDDER, "input": ["Hello", "world"]}],
        ["/v1/models", None],
    )
    assert [answer["status"] for answer in (whole, stream, embedding, models)] == [200] * 4
    text = json.loads(whole["text"])["choices"][0]["message"]["content"]
    assert "Paris" in text
    assert stream["type"] == "text/event-stream"
    *events, done, nothing = stream["text"].split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    assert "".join(delta.get("content", "") for delta in deltas) == text
    assert len(json.loads(embedding["text"])["data"]) == 2
    assert [model["id"] for model in json.loads(models["text"])["data"]] == [MODEL, EMBEDDER]


def test_text_of_every_script_comes_back_whole(service):
    """Decoding is fatal there: a character that is cut between two events would be an error."""
    text = "Ω 中文 🐦 é"
    tokens = service.tokenize(text)
    answer, stream = fetch(
        service,
        ["/detokenize", {"tokens": tokens}],
        ["/v1/completions", {"prompt": "🐦🐦🐦🐦🐦🐦", "max_tokens": 24, "temperature": 0, "stream": True}],
    )
    assert json.loads(answer["text"])["content"] == text
    assert stream["text"].endswith("data: [DONE]\n\n")


def test_errors_are_read_like_answers(service):
    missing, wrong = fetch(service, ["/v1/models/gpt-none", None], ["/v1/completions", {"prompt": 7}])
    assert (missing["status"], wrong["status"]) == (404, 400)
    assert json.loads(missing["text"])["error"]["code"] == "model_not_found"
    (refused,) = fetch(service, ["/v1/models", None], key="wrong")
    assert refused["status"] == 401 and json.loads(refused["text"])["error"]["code"] == "invalid_api_key"
