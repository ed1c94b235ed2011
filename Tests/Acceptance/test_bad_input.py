"""What cannot be served is a 4xx with OpenAI's error body, before any stream begins, and changes nothing."""

import http.client
import json
import socket

import apus
import httpx
import openai
import pytest

USER = [{"role": "user", "content": "Hi"}]
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"


@pytest.fixture(scope="module")
def usual_answer(server):
    return server.chat().json()["choices"]


@pytest.fixture(autouse=True)
def answers_as_before(server, usual_answer):
    """After each refusal the next request gets what it got before."""
    yield
    assert server.chat().json()["choices"] == usual_answer


def assert_refused(answer, status=400, param=None, code=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str) and len(error["message"]) > 10
    assert isinstance(error["type"], str)
    if param:
        assert (error["param"] or "").startswith(param), error
    if code:
        assert error["code"] == code, error


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
FIELDS = [
    # route, field(s) that are wrong, the parameter that the error names
    (CHAT, {"messages": None}, "messages"),
    (CHAT, {"messages": []}, "messages"),
    (CHAT, {"messages": "Hi"}, "messages"),
    (CHAT, {"messages": ["Hi"]}, "messages[0]"),
    (CHAT, {"messages": [{}]}, "messages[0]"),
    (CHAT, {"messages": [{"role": 1, "content": "Hi"}]}, "messages[0].role"),
    (CHAT, {"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
    (CHAT, {"messages": [{"role": "user"}]}, "messages[0]"),
    (CHAT, {"messages": [{"role": "user", "content": "Hi", "name": 1}]}, "messages[0].name"),
    (CHAT, {"messages": [{"role": "tool", "content": "Hi", "tool_call_id": {}}]}, "messages[0].tool_call_id"),
    (CHAT, {"messages": [CALLED | {"tool_calls": [CALL | {"id": 1}]}]}, "messages[0].tool_calls[0].id"),
    (CHAT, {"messages": [CALLED | {"tool_calls": [CALL | {"type": []}]}]}, "messages[0].tool_calls[0].type"),
    (CHAT, {"max_tokens": -1}, "max_tokens"),
    (CHAT, {"max_tokens": 0}, "max_tokens"),
    (CHAT, {"max_tokens": "8"}, "max_tokens"),
    (CHAT, {"max_tokens": 1.5}, "max_tokens"),
    (CHAT, {"max_tokens": 10**30}, "max_tokens"),
    (CHAT, {"max_completion_tokens": -5}, "max_completion_tokens"),
    (CHAT, {"temperature": "hot"}, "temperature"),
    (CHAT, {"temperature": -0.1}, "temperature"),
    (CHAT, {"top_p": 1.5}, "top_p"),
    (CHAT, {"min_p": -1}, "min_p"),
    (CHAT, {"top_k": "many"}, "top_k"),
    (CHAT, {"seed": "x"}, "seed"),
    (CHAT, {"n": 0}, "n"),
    (CHAT, {"n": 1_000_000}, "n"),
    (CHAT, {"stop": ["s%d" % i for i in range(5000)]}, "stop"),
    (CHAT, {"stop": [1]}, "stop"),
    (CHAT, {"stop": "x" * 100_000}, "stop"),
    (CHAT, {"stream": "yes"}, "stream"),
    (CHAT, {"stream_options": 1, "stream": True}, "stream_options"),
    (CHAT, {"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    (CHAT, {"top_logprobs": 3}, "top_logprobs"),
    (CHAT, {"ignore_eos": "no"}, "ignore_eos"),
    (CHAT, {"return_token_ids": 1}, "return_token_ids"),
    (COMPLETIONS, {"prompt": None}, "prompt"),
    (COMPLETIONS, {"prompt": 7}, "prompt"),
    (COMPLETIONS, {"prompt": {}}, "prompt"),
    (COMPLETIONS, {"prompt": []}, "prompt"),
    (COMPLETIONS, {"prompt": [999_999_999]}, "prompt"),
    (COMPLETIONS, {"prompt": [-1]}, "prompt"),
    (COMPLETIONS, {"prompt": [1.5]}, "prompt"),
    (COMPLETIONS, {"prompt": [[1], [10**40]]}, "prompt"),
    (COMPLETIONS, {"prompt": [True]}, "prompt"),
    (COMPLETIONS, {"max_tokens": -1}, "max_tokens"),
    (COMPLETIONS, {"logprobs": 21}, "logprobs"),
    (COMPLETIONS, {"logprobs": -1}, "logprobs"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("route", "fields", "param"), FIELDS, ids=lambda value: str(value)[:48])
def test_a_wrong_field_is_named(server, route, fields, param, stream):
    body = {"messages": USER} if route == CHAT else {"prompt": "Hi"}
    answer = server.http.post(route, json={**body, "max_tokens": 4, "stream": stream, **fields})
    assert_refused(answer, 400, param)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_prompt_longer_than_the_context_is_refused(server, stream):
    for answer in (
        server.complete(prompt=[5] * 100_000, stream=stream),
        server.chat(messages=[{"role": "user", "content": "hello " * 100_000}], stream=stream),
    ):
        assert_refused(answer, 400, code="context_length_exceeded")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_unknown_model_is_not_found(server, stream):
    assert_refused(server.chat(model="gpt-none", stream=stream), 404, "model", "model_not_found")


MESSAGES = b'"messages":[{"role":"user","content":"Hi"}],"max_tokens":4'
BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut off": b"{" + MESSAGES,
    "trailing comma": b"{" + MESSAGES + b",}",
    "more after the end": b"{" + MESSAGES + b"} x",
    "single quotes": b"{'messages':[]}",
    "an array": b"[]",
    "a string": b'"messages"',
    "NaN": b"{" + MESSAGES + b',"temperature":NaN}',
    "Infinity": b"{" + MESSAGES + b',"temperature":Infinity}',
    "too large a number": b"{" + MESSAGES + b',"temperature":1e999}',
    "a key twice": b"{" + MESSAGES + b',"n":1,"n":2}',
    "bytes that are no UTF-8": b'{"messages":[{"role":"user","content":"\xff\xfe"}]}',
    "half of a UTF-8 character": b'{"messages":[{"role":"user","content":"\xf0\x9f\x98"}]}',
    "a lone surrogate": b'{"messages":[{"role":"user","content":"\\ud800"}]}',
    "a control character": b'{"messages":[{"role":"user","content":"a\nb"}]}',
    "a deep nest": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("route", [CHAT, COMPLETIONS, "/tokenize", "/detokenize", "/apply-template"])
def test_a_body_that_is_no_json_object_is_refused(server, route, name):
    headers = {"content-type": "application/json"}
    assert_refused(server.http.post(route, content=BODIES[name], headers=headers), 400)


def test_a_body_past_the_limit_is_refused_before_it_is_sent(server):
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        head = f"POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 40}\r\n\r\n"
        connection.sendall(head.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
    assert answer.status == 413
    assert json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("route", "body", "param"),
    [
        ("/tokenize", {}, "content"),
        ("/tokenize", {"content": 5}, "content"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": "1"}, "tokens"),
        ("/detokenize", {"tokens": [999_999_999]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
        ("/apply-template", {}, "messages"),
        ("/apply-template", {"messages": [{"role": "user", "content": {}}]}, "messages"),
    ],
    ids=json.dumps,
)
def test_the_token_routes_name_the_wrong_field(server, route, body, param):
    assert_refused(server.http.post(route, json=body), 400, param)


@pytest.fixture(scope="module")
def template_server(smollm2, tmp_path_factory):
    """The default model with a template that always raises, as strict templates do on some messages."""
    model = bytearray(smollm2.read_bytes())
    key = b"tokenizer.chat_template"
    # GGUF: the key, the type (8: string) in 4 bytes, the length in 8, the text. The new text has the same length.
    start = model.index(key) + len(key) + 12
    length = int.from_bytes(model[start - 8 : start], "little")
    model[start : start + length] = b"{{ raise_exception('roles must alternate') }}".ljust(length)
    path = tmp_path_factory.mktemp("template") / "raises.gguf"
    path.write_bytes(model)
    server = apus.Server(path)
    yield server
    server.stop()
    path.unlink()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_error_of_the_template_is_the_requests(template_server, stream):
    answer = template_server.chat(messages=USER, stream=stream)
    assert_refused(answer, 400, "messages")
    assert "roles must alternate" in answer.json()["error"]["message"]
    assert template_server.complete().status_code == 200


def test_the_client_raises_its_own_errors(client, model):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(model=model, messages=USER, temperature=-1)
    assert refusal.value.param == "temperature" and refusal.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-none", messages=USER)
    assert missing.value.code == "model_not_found"
