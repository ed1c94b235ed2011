"""`llm`, the command: chats, streams and schemas of a model that it is told of in its own file of models."""

import json
import os
import subprocess
import sys

import pytest
from questions import CAPITAL, MODEL

QUESTION = CAPITAL[0]["content"]


@pytest.fixture(scope="module")
def run(service, tmp_path_factory):
    """Runs `llm` with a folder of its own for keys, logs and models."""
    home = tmp_path_factory.mktemp("llm")
    models = [
        {"model_id": "apus", "supports_tools": True},
        {"model_id": "apus-text", "completion": True},
    ]
    common = {"model_name": MODEL, "api_base": service.base, "api_key_name": "apus"}
    # What is JSON is YAML.
    (home / "extra-openai-models.yaml").write_text(json.dumps([common | model for model in models]))
    (home / "keys.json").write_text(json.dumps({"apus": service.key}))

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "llm", *arguments],
            env=os.environ | {"LLM_USER_PATH": str(home)},
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120, **options,
        )  # fmt: skip

    return run


def said(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_question_is_answered_streamed_or_not(run):
    options = ["-m", "apus", "-o", "temperature", "0", "-o", "max_tokens", "32"]
    streamed = said(run(*options, QUESTION))
    assert "Paris" in streamed
    assert said(run(*options, "--no-stream", QUESTION)) == streamed


def test_a_conversation_goes_on(run):
    options = ["-m", "apus", "-o", "temperature", "0", "-o", "max_tokens", "24"]
    said(run(*options, QUESTION))
    assert said(run("-c", *options, "And of Italy?")).strip()
    logged = json.loads(said(run("logs", "-n", "1", "--json")))
    assert logged[0]["prompt"] == "And of Italy?" and logged[0]["input_tokens"] > 0


def test_a_text_is_continued(run):
    assert "Paris" in said(
        run("-m", "apus-text", "-o", "temperature", "0", "-o", "max_tokens", "8", "The capital of France is")
    )


def test_a_tool_may_be_offered(run):
    code = "def weather(city: str) -> str:\n    'The weather in a city'\n    return '21 degrees'"
    options = ["-m", "apus", "-o", "temperature", "0", "-o", "max_tokens", "24"]
    assert said(run(*options, "--functions", code, "Say hello.")).strip()


def test_an_error_is_shown_in_the_servers_words(run):
    refused = run("-m", "apus", "-o", "max_tokens", "1000000000000", QUESTION)
    assert refused.returncode != 0 and "max_tokens" in refused.stderr
