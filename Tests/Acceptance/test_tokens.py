"""GET /v1/models, GET /health, POST /tokenize, /detokenize, /apply-template."""

import openai
import pytest

TEXTS = ["Hello world", " Hello  world ", "\n\n\n \t\t leading", "我想在apple工作 😁", "", "<|im_start|>user"]


def test_the_model_is_listed_and_found(client, model):
    listed = client.models.list()
    assert listed.object == "list" and [entry.object for entry in listed.data] == ["model"]
    assert client.models.retrieve(model).id == model


def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.models.retrieve("gpt-none")
    assert refusal.value.code == "model_not_found"


def test_health_answers(server):
    assert server.http.get("/health").status_code == 200


def test_an_unknown_path_and_a_wrong_method_are_told_apart(server):
    missing = server.http.get("/v2/nothing")
    assert missing.status_code == 404 and missing.json()["error"]["message"]
    wrong = server.http.get("/v1/chat/completions")
    assert wrong.status_code == 405 and "POST" in wrong.headers["allow"]


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_give_back_their_text(server, text):
    assert server.detokenize(server.tokenize(text)) == text


def test_special_tokens_are_parsed_only_when_asked(server):
    assert len(server.tokenize("<|im_start|>")) > 1
    assert len(server.tokenize("<|im_start|>", parse_special=True)) == 1


def test_pieces_come_beside_the_tokens(server):
    pieces = server.tokenize("Hello world", with_pieces=True)
    assert "".join(piece["piece"] for piece in pieces) == "Hello world"
    assert [piece["id"] for piece in pieces] == server.tokenize("Hello world")


def test_the_template_is_applied_as_in_a_chat(server):
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = server.http.post("/apply-template", json={"messages": messages}).json()["prompt"]
    assert "What is the capital of France?" in prompt and prompt.endswith("<|im_start|>assistant\n")
    tokens = server.tokenize(prompt, parse_special=True)
    by_chat = server.chat(messages=messages).json()
    by_prompt = server.complete(prompt=tokens).json()
    assert by_chat["usage"]["prompt_tokens"] == len(tokens)
    assert by_prompt["choices"][0]["text"] == by_chat["choices"][0]["message"]["content"]
