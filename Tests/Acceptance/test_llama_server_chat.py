"""llama-server's own checks of chats, tools, templates and tokens, restated as ours: test_chat_completion.py,
test_tool_call.py, test_template.py and test_tokenize.py of its tests/unit. test_llama_server.py says how.
"""

import json
import time

import apus
import pytest
from questions import ABOUT_WEATHER, CAPITAL, MODEL, WEATHER

STORY = [{"role": "system", "content": "Book"}, {"role": "user", "content": "What is the best book"}]
TEMPLATES = apus.ROOT / "Tests/ChatTests/golden"


def events(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


# ---- test_chat_completion.py


def test_chat_completion(server):
    """Its ids have `cmpl` in them, too; its counts are its model's."""
    answer = server.chat(messages=STORY, max_tokens=8).json()
    assert "cmpl" in answer["id"] and answer["system_fingerprint"].startswith("apus-")
    assert answer["model"] == MODEL
    choice = answer["choices"][0]
    assert choice["message"]["role"] == "assistant" and choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 8


def test_chat_completion_stream(server):
    """Its first chunk has the content null; OpenAI's has an empty text."""
    first, *rest = events(server.chat(messages=STORY, stream=True))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all("role" not in event["choices"][0]["delta"] for event in rest)
    assert {(e["id"], e["model"], e["created"]) for e in rest} == {(first["id"], MODEL, first["created"])}
    assert rest[-1]["choices"][0]["delta"] == {} and rest[-1]["choices"][0]["finish_reason"] == "length"


def test_apply_chat_template(smollm2, tmp_path):
    """Of Command R, as there."""
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps({"one": {"messages": STORY, "add_generation_prompt": True}}))
    template = TEMPLATES / "CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja"
    done = apus.run("template", template, "--cases", cases)
    text = json.loads(done.stdout)["one"]["text"]
    assert "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>What is the best book<|END_OF_TURN_TOKEN|>" in text
    assert "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>" in text.rpartition("What is the best book")[2]


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "string",
        [123],
        [{}],
        [{"role": 123}],
        [{"role": "system", "content": 123}],
        [{"role": "system", "content": {}}],
        [{"role": "user", "content": "test"}, {}],
    ],
    ids=json.dumps,
)
def test_invalid_chat_completion_req(server, messages):
    """It allows itself 500, too. That two answers may not follow each other is its prefilling's rule, not ours."""
    answer = server.chat(messages=messages)
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith("messages")


def assert_scored(text, tokens, most):
    assert "".join(token["token"] for token in tokens) == text
    for token in tokens:
        assert token["logprob"] <= 0 and bytes(token["bytes"]).decode() == token["token"]
        assert len(token["top_logprobs"]) == most
        for other in token["top_logprobs"]:
            assert other["logprob"] <= 0 and isinstance(other["token"], str) and other["bytes"]


def test_logprobs(server):
    choice = server.chat(messages=CAPITAL, logprobs=True, top_logprobs=10).json()["choices"][0]
    assert_scored(choice["message"]["content"], choice["logprobs"]["content"], 10)


def test_logprobs_stream(server):
    text, tokens = "", []
    for event in events(server.chat(messages=CAPITAL, logprobs=True, top_logprobs=10, stream=True)):
        choice = event["choices"][0]
        text += choice["delta"].get("content", "")
        tokens += (choice["logprobs"] or {"content": []})["content"]
    assert len(tokens) > 3
    assert_scored(text, tokens, 10)


def test_logit_bias(server):
    """Words that are forbidden are not said."""
    usual = server.chat(messages=STORY, max_tokens=32).json()["choices"][0]["message"]["content"]
    words = [word for word in usual.split() if word.isalpha()][:4]
    tokens = [token for word in words for form in (word, " " + word) for token in server.tokenize(form)]
    bias = {str(token): -100 for token in tokens}
    said = server.chat(messages=STORY, max_tokens=32, logit_bias=bias).json()["choices"][0]["message"][
        "content"
    ]
    assert said and not set(words) & set(said.split())


@pytest.mark.parametrize("stream", [False, True])
def test_context_size_exceeded(server, stream):
    """With `stream` it is its test_context_size_exceeded_stream. Its type is `exceed_context_size_error`; ours is
    OpenAI's, and so is the code. Both numbers are its own."""
    context = server.http.get("/v1/models").json()["data"][0]["max_model_len"]
    answer = server.chat(messages=[{"role": "user", "content": "word " * context}], stream=stream)
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error" and error["code"] == "context_length_exceeded"
    assert error["n_prompt_tokens"] > error["n_ctx"] == context


def test_multiple_choices(server):
    """Twice, because its slots were not given back."""
    for _ in range(2):
        answer = server.chat(messages=CAPITAL, n=2, temperature=1, seed=3).json()
        assert [choice["index"] for choice in answer["choices"]] == [0, 1]
        assert all(choice["message"]["content"] for choice in answer["choices"])


def test_return_progress(server):
    prompt = "A question that this test asks alone. " * 80
    request = dict(
        messages=[{"role": "user", "content": prompt}], stream=True, return_progress=True, max_tokens=2
    )
    for repetition in range(2):
        told = [e["prompt_progress"] for e in events(server.chat(**request)) if "prompt_progress" in e]
        assert told[0]["cache"] <= told[0]["processed"] and told[-1]["processed"] == told[-1]["total"]
        assert [p["processed"] for p in told] == sorted(p["processed"] for p in told)
        assert (told[0]["cache"] > 0) or repetition == 0
        assert len({(p["total"], p["cache"]) for p in told}) == 1


def test_token_count(server):
    answer = server.http.post("/v1/chat/completions/input_tokens", json={"messages": STORY})
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_tokens"] == server.chat(messages=STORY).json()["usage"]["prompt_tokens"] > 5


def test_chat_completion_with_timings_per_token(server):
    *chunks, last = events(
        server.chat(
            stream=True, timings_per_token=True, stream_options={"include_usage": True}, ignore_eos=True
        )
    )
    counts = [event["timings"]["predicted_n"] for event in [*chunks, last]]
    assert counts == sorted(counts) and counts[-1] == last["usage"]["completion_tokens"] == 8


def test_chat_completion_continue_final_message_mutual_exclusion(server):
    """An answer is either begun or gone on with."""
    messages = [*CAPITAL, {"role": "assistant", "content": "The capital"}]
    answer = server.chat(messages=messages, continue_final_message=True, add_generation_prompt=True)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] in ("continue_final_message", "add_generation_prompt")


# ---- test_tool_call.py


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [{}, {"tools": None}, {"tools": []}, {"tools": [WEATHER], "tool_choice": "none"}],
    ids=json.dumps,
)
def test_completion_without_tool_call_fast(server, fields, stream):
    answer = server.chat(messages=ABOUT_WEATHER, stream=stream, **fields)
    if stream:
        choices = [event["choices"][0] for event in events(answer)]
        assert not any("tool_calls" in choice["delta"] for choice in choices)
        assert choices[-1]["finish_reason"] != "tool_calls"
    else:
        assert not answer.json()["choices"][0]["message"].get("tool_calls")


# ---- test_template.py


def rendered(template, cases, folder, *options):
    path = folder / "cases.json"
    path.write_text(json.dumps(cases))
    done = apus.run("template", TEMPLATES / template, "--cases", path, *options)
    assert done.returncode == 0, done.stderr
    return {name: answer["text"] for name, answer in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    "template, variable, thinking, silent",
    [
        (
            "deepseek-ai-DeepSeek-V3.1.jinja",
            "thinking",
            "<｜Assistant｜><think>",
            "<｜Assistant｜><think></think>",
        ),
        ("Qwen3.5-4B.jinja", "enable_thinking", "assistant\n<think>\n", "<think>\n\n</think>\n\n"),
        ("Qwen-QwQ-32B.jinja", "enable_thinking", "assistant\n<think>\n", "assistant\n<think>\n</think>"),
        (
            "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", "enable_thinking",
            "<｜Assistant｜><think>\n", "<｜Assistant｜><think>\n</think>",
        ),
        (
            "CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja", "enable_thinking",
            "<|CHATBOT_TOKEN|>", "<|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|>",
        ),
        ("GLM-4.6.jinja", "enable_thinking", "<|assistant|>", "<|assistant|>\n<think></think>"),
    ],
)  # fmt: skip
def test_reasoning(tmp_path, template, variable, thinking, silent):
    """Whether the model thinks stands at the prompt's end."""
    chat = {"messages": CAPITAL, "add_generation_prompt": True}
    texts = rendered(template, {"on": chat | {variable: True}, "off": chat | {variable: False}}, tmp_path)
    assert texts["on"].endswith(thinking) and texts["off"].endswith(silent)


@pytest.mark.parametrize(
    "template, form",
    [
        ("meta-llama-Llama-3.2-3B-Instruct.jinja", "%d %b %Y"),
        ("ibm-granite-granite-3.3-2B-Instruct.jinja", "%B %d, %Y"),
        ("Mistral-Small-3.2-24B-Instruct-2506.jinja", "%Y-%m-%d"),
        ("openai-gpt-oss-120b.jinja", "%Y-%m-%d"),
    ],
)
def test_date_inside_prompt(tmp_path, template, form):
    now = 1_700_000_000
    texts = rendered(template, {"one": {"messages": CAPITAL}}, tmp_path, "--now", now)
    assert time.strftime(form, time.gmtime(now)) in texts["one"]


@pytest.mark.parametrize("add", [True, False])
def test_add_generation_prompt(server, add):
    answer = server.http.post("/apply-template", json={"messages": CAPITAL, "add_generation_prompt": add})
    assert answer.json()["prompt"].endswith("<|im_start|>assistant\n") is add


# ---- test_tokenize.py


def test_tokenize_detokenize(server):
    text = "What is the capital of France ?"
    tokens = server.tokenize(text)
    assert len(tokens) > 5 and server.detokenize(tokens) == text


def test_tokenize_with_pieces(server):
    """A piece that is no whole text is a list of bytes."""
    text = "This is a test string with unicode 媽 and emoji 🤗🐦"
    written = b""
    for piece in server.tokenize(text, with_pieces=True):
        assert isinstance(piece["id"], int) and piece["piece"]
        written += piece["piece"].encode() if isinstance(piece["piece"], str) else bytes(piece["piece"])
    assert written.decode() == text
