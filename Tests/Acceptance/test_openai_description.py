"""Every answer and every event of a stream is what OpenAI's description of its API says (openai-schemas.json)."""

import copy
import json
import pathlib

import jsonschema
import pytest
from questions import ABOUT_WEATHER, CAPITAL, EMBEDDER, MODEL, NAMED, TEXTS, WEATHER

CHAT, TEXT, EMBED = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
DESCRIPTION = json.loads(pathlib.Path(__file__).with_name("openai-schemas.json").read_text())


def amended():
    """The description, and what OpenAI's own server answers although it does not say so.

    - It knows one shape for whole and streamed completions, and forgets that in a stream the reason is null until
      the end, and the usage until the last event.
    - In an echo the first token has no probability.
    - Embeddings are a text when base64 is asked for.
    """
    schemas = copy.deepcopy(DESCRIPTION["$defs"])
    streamed = schemas["streamed"] = copy.deepcopy(schemas["CreateCompletionResponse"])
    allow_null(streamed["properties"], "usage")
    allow_null(streamed["properties"]["choices"]["items"]["properties"], "finish_reason")
    for shape in [streamed, schemas["CreateCompletionResponse"]]:
        logprobs = shape["properties"]["choices"]["items"]["properties"]["logprobs"]["anyOf"][0]["properties"]
        allow_null(logprobs["token_logprobs"], "items")
        allow_null(logprobs["top_logprobs"], "items")
    embedding = schemas["Embedding"]["properties"]
    embedding["embedding"] = {"anyOf": [embedding["embedding"], {"type": "string"}]}
    return schemas


def allow_null(schemas, key):
    schemas[key] = {"anyOf": [schemas[key], {"type": "null"}]}


def closed(node):
    """The same schema without room for fields that it does not name."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        schema["additionalProperties"] = False
    return schema


OPEN, CLOSED = amended(), closed(amended())


def check(schema, value, schemas=OPEN):
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": schemas}).validate(value)


def events(service, path, body):
    """The data of a stream's events, which `[DONE]` must end."""
    with service.http.stream("POST", path, json=body | {"stream": True}) as answer:
        text = answer.read().decode()
    assert answer.status_code == 200, text
    *data, done, rest = [event for event in text.split("\n\n") if not event.startswith(":")]
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in data]


ASK = {"model": MODEL, "messages": CAPITAL, "temperature": 0, "max_tokens": 12}
CALL = {"model": MODEL, "messages": ABOUT_WEATHER, "tools": [WEATHER], "temperature": 0, "max_tokens": 48}
GO_ON = {"model": MODEL, "prompt": "The capital of France is", "temperature": 0, "max_tokens": 6}
USAGE = {"stream_options": {"include_usage": True}}

# What OpenAI's API has: nothing that it does not name may be in the answer.
THEIRS = {
    "chat": (CHAT, ASK),
    "chat to its end": (CHAT, ASK | {"max_tokens": 32}),
    "chat of several choices": (CHAT, ASK | {"n": 3, "temperature": 1, "seed": 4}),
    "chat with usage": (CHAT, ASK | USAGE),
    "chat with logprobs": (CHAT, ASK | {"logprobs": True}),
    "chat with alternatives": (CHAT, ASK | USAGE | {"logprobs": True, "top_logprobs": 20, "n": 2}),
    "chat with a stop": (CHAT, ASK | {"stop": [" is", "capital"]}),
    "chat that says nothing": (CHAT, ASK | {"stop": "The", "logprobs": True}),
    "chat in parts": (
        CHAT,
        ASK | {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
    ),
    "chat with all that is ignored": (
        CHAT,
        ASK
        | {"user": "me", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "verbosity": "low"},
    ),
    "call of a function": (CHAT, CALL | {"tool_choice": NAMED}),
    "call with usage and logprobs": (CHAT, CALL | USAGE | {"tool_choice": NAMED, "logprobs": True}),
    "call that is required": (CHAT, CALL | {"tool_choice": "required"}),
    "call of several choices": (CHAT, CALL | {"tool_choice": NAMED, "n": 2, "temperature": 1, "seed": 4}),
    "call that is cut": (CHAT, CALL | {"tool_choice": NAMED, "max_tokens": 3}),
    "tools that are not called": (CHAT, CALL | {"tool_choice": "none"}),
    "completion": (TEXT, GO_ON),
    "completion of several prompts": (TEXT, GO_ON | {"prompt": ["One", "Two"], "n": 2}),
    "completion of ids": (TEXT, GO_ON | {"prompt": [[5, 6, 7], [8]]}),
    "completion with usage": (TEXT, GO_ON | USAGE),
    "completion with logprobs": (TEXT, GO_ON | USAGE | {"logprobs": 3}),
    "completion with an echo": (TEXT, GO_ON | {"echo": True}),
    "completion with a scored echo": (TEXT, GO_ON | USAGE | {"echo": True, "logprobs": 2}),
    "completion that only scores": (TEXT, GO_ON | {"echo": True, "logprobs": 1, "max_tokens": 0}),
    "completion with a stop": (TEXT, GO_ON | {"stop": " Paris", "logprobs": 1}),
    "completion of half characters": (
        TEXT,
        GO_ON | {"prompt": "🐦🐦🐦🐦🐦", "logprobs": 5, "max_tokens": 12},
    ),
}
# What only we have adds fields; those of the description stay as they are.
OURS = {
    "chat with everything": (
        CHAT,
        ASK | USAGE | {"return_token_ids": True, "timings_per_token": True, "return_progress": True, "logprobs": True},
    ),
    "chat with running usage": (
        CHAT, ASK | {"stream_options": {"include_usage": True, "continuous_usage_stats": True}, "n": 2}
    ),
    "chat after sampling": (CHAT, ASK | {"post_sampling_probs": True, "logprobs": True, "top_logprobs": 3}),
    "completion with everything": (
        TEXT,
        GO_ON | USAGE | {"return_token_ids": True, "timings_per_token": True, "return_progress": True, "logprobs": 1},
    ),
}  # fmt: skip
# Those that no stream can be asked for.
WHOLE = {
    "best of several": (TEXT, GO_ON | {"best_of": 3, "n": 2, "temperature": 1, "seed": 1, "logprobs": 1}),
}
WHOLE_OURS = {
    "beams": (TEXT, GO_ON | {"use_beam_search": True, "n": 2, "logprobs": 1}),
    "the prompt's logprobs": (CHAT, ASK | {"prompt_logprobs": 2}),
}
SHAPES = {
    CHAT: ("CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"),
    TEXT: ("CreateCompletionResponse", "streamed"),
}


@pytest.mark.parametrize("name", [*THEIRS, *OURS, *WHOLE, *WHOLE_OURS])
def test_an_answer_is_as_described(service, name):
    path, body = (THEIRS | OURS | WHOLE | WHOLE_OURS)[name]
    body = {key: value for key, value in body.items() if key != "stream_options"}
    answer = service.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    check(SHAPES[path][0], answer.json(), CLOSED if name in THEIRS or name in WHOLE else OPEN)


@pytest.mark.parametrize("name", [*THEIRS, *OURS])
def test_every_event_is_as_described(service, name):
    path, body = (THEIRS | OURS)[name]
    for event in events(service, path, body):
        check(SHAPES[path][1], event, CLOSED if name in THEIRS else OPEN)


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "Hi"},
        {"input": TEXTS, "encoding_format": "float", "user": "me"},
        {"input": TEXTS, "encoding_format": "base64"},
        {"input": [[5, 6], [7]], "dimensions": 8},
    ],
    ids=["text", "texts", "base64", "ids"],
)
def test_embeddings_are_as_described(service, fields):
    answer = service.http.post(EMBED, json={"model": EMBEDDER} | fields)
    assert answer.status_code == 200, answer.text
    check("CreateEmbeddingResponse", answer.json(), CLOSED)


def test_models_are_as_described_and_tell_their_context(service):
    listed = service.http.get("/v1/models").json()
    check("ListModelsResponse", listed)
    for model in listed["data"]:
        found = service.http.get(f"/v1/models/{model['id']}").json()
        check("Model", found)
        assert found == model
        # The one field of ours that is there unasked; vLLM has it too.
        assert model.pop("max_model_len") > 0
        check("Model", model, CLOSED)


ERRORS = {
    "no JSON": (400, "POST", CHAT, b"{"),
    "a wrong field": (400, "POST", CHAT, ASK | {"temperature": 9000}),
    "a wrong type": (400, "POST", TEXT, GO_ON | {"prompt": 1}),
    "a missing field": (400, "POST", EMBED, {}),
    "a model that cannot": (400, "POST", CHAT, ASK | {"model": EMBEDDER}),
    "a broken call": (
        400, "POST", CHAT, ASK | {"messages": CAPITAL + [
            {"role": "assistant", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{broken"}}]}]},
    ),
    "no such model": (404, "POST", CHAT, ASK | {"model": "gpt-none"}),
    "no such model here": (404, "GET", "/v1/models/gpt-none", None),
    "no such path": (404, "GET", "/v1/nothing", None),
    "a wrong method": (405, "GET", CHAT, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_as_described(service, name):
    status, method, path, body = ERRORS[name]
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = service.http.request(method, path, headers=headers, **content)
    assert answer.status_code == status, answer.text
    check("ErrorResponse", answer.json(), CLOSED)


def test_other_errors_are_as_described(service):
    unknown = service.http.get("/v1/models", headers={"Authorization": "Bearer wrong"})
    foreign = service.http.post(CHAT, json=ASK, headers={"Host": "example.com"})
    form = service.http.post(CHAT, data={"messages": "Hi"})
    late = service.http.post(TEXT, json=GO_ON | {"prompt": [5] * 2000, "timeout_ms": 1})
    assert [a.status_code for a in (unknown, foreign, form, late)] == [401, 403, 415, 408]
    for answer in (unknown, foreign, form, late):
        check("ErrorResponse", answer.json(), CLOSED)
    # The numbers behind this one are ours.
    long = service.http.post(TEXT, json=GO_ON | {"prompt": [5] * 20_000}).json()
    check("ErrorResponse", long)
    assert long["error"].pop("n_prompt_tokens") == 20_000 and long["error"].pop("n_ctx") == 8192
    check("ErrorResponse", long, CLOSED)


def test_an_error_in_a_stream_is_as_described(service):
    """It ends the stream, without `[DONE]`."""
    late = {"prompt": [6] * 2000, "cache_prompt": False, "timeout_ms": 1, "stream": True}
    answer = service.http.post(TEXT, json=GO_ON | late)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
    *_, last, rest = answer.text.split("\n\n")
    assert rest == ""
    error = json.loads(last.removeprefix("data: "))
    check("ErrorResponse", error, CLOSED)
    assert error["error"]["code"] == "deadline_exceeded"


# ---- The description is a judge that can say no


def change(value, path, new=None):
    """A copy with another value at a path, or without it."""
    value = copy.deepcopy(value)
    *parents, last = path
    inner = value
    for key in parents:
        inner = inner[key]
    if new is None:
        del inner[last]
    else:
        inner[last] = new
    return value


FIRST = ["choices", 0]
BREAKS = {
    "no id": (["id"], None),
    "an id that is a number": (["id"], 7),
    "another object": (["object"], "text_completion"),
    "no choices": (["choices"], None),
    "a time with a fraction": (["created"], 1.5),
    "no finish reason": ([*FIRST, "finish_reason"], None),
    "a finish reason that there is not": ([*FIRST, "finish_reason"], "eos"),
    "no logprobs": ([*FIRST, "logprobs"], None),
    "logprobs of the other kind": ([*FIRST, "logprobs"], {"tokens": [], "token_logprobs": []}),
    "a logprob that is text": ([*FIRST, "logprobs", "content", 0, "logprob"], "-1"),
    "no bytes": ([*FIRST, "logprobs", "content", 0, "bytes"], None),
    "no refusal": ([*FIRST, "message", "refusal"], None),
    "another role": ([*FIRST, "message", "role"], "user"),
    "a call without an id": ([*FIRST, "message", "tool_calls", 0, "id"], None),
    "arguments that are an object": ([*FIRST, "message", "tool_calls", 0, "function", "arguments"], {}),
    "no sum of the usage": (["usage", "total_tokens"], None),
}


def test_the_judge_says_no_to_what_is_broken(service):
    body = CALL | {"tool_choice": NAMED, "logprobs": True}
    answer = service.http.post(CHAT, json=body).json()
    check("CreateChatCompletionResponse", answer, CLOSED)
    for name, (path, new) in BREAKS.items():
        with pytest.raises(jsonschema.ValidationError):
            check("CreateChatCompletionResponse", change(answer, path, new))
            pytest.fail(f"{name} passed")
    with pytest.raises(jsonschema.ValidationError):
        check("CreateChatCompletionResponse", change(answer, [*FIRST, "message", "thoughts"], "Hm"), CLOSED)
    with pytest.raises(jsonschema.ValidationError):
        check("CreateChatCompletionStreamResponse", answer)
