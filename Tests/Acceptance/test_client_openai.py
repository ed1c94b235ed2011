"""OpenAI's own client, waiting and not: what it parses and accumulates, and which of its errors it raises.

What answers say is tested in test_chat.py, test_completions.py and test_tools.py, by the same client.
"""

import asyncio
import base64
import struct

import apus
import openai
import pytest
from questions import (
    ABOUT_WEATHER,
    CAPITAL,
    EMBEDDER,
    MODEL,
    NAMED,
    TEXTS,
    WEATHER,
    assert_embeddings_of_texts,
)

CHAT = dict(model=MODEL, messages=CAPITAL, temperature=0, max_tokens=24)
CALL = dict(model=MODEL, messages=ABOUT_WEATHER, tools=[WEATHER], temperature=0, max_tokens=64)


@pytest.fixture(scope="module")
def client(service):
    with openai.OpenAI(base_url=service.base, api_key=service.key, max_retries=0, timeout=120) as client:
        yield client


def asynchronously(service, ask):
    """What the coroutine `ask` makes of OpenAI's asynchronous client."""

    async def run():
        async with openai.AsyncOpenAI(
            base_url=service.base, api_key=service.key, max_retries=0, timeout=120
        ) as client:
            return await ask(client)

    return asyncio.run(run())


def test_both_clients_get_the_same_answer(client, service):
    async def ask(client):
        whole = await client.chat.completions.create(**CHAT)
        text = ""
        async for chunk in await client.chat.completions.create(**CHAT, stream=True):
            text += chunk.choices[0].delta.content or ""
        return whole.choices[0].message.content, text

    expected = client.chat.completions.create(**CHAT).choices[0].message.content
    assert "Paris" in expected
    assert asynchronously(service, ask) == (expected, expected)


def test_many_coroutines_share_one_client(service):
    async def ask(client):
        request = dict(model=MODEL, max_tokens=4, extra_body={"ignore_eos": True})
        answers = [client.completions.create(prompt=f"{n} and", **request) for n in range(12)]
        return await asyncio.gather(*answers)

    assert [answer.usage.completion_tokens for answer in asynchronously(service, ask)] == [4] * 12


def test_what_is_streamed_accumulates_to_what_is_whole(client):
    """`stream()` of the client merges chunks by its own rules; events are its own, too."""
    request = CHAT | dict(
        logprobs=True, top_logprobs=2, n=2, seed=5, temperature=0.5, max_tokens=64, stop="."
    )
    whole = client.chat.completions.create(**request)
    with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as stream:
        kinds = [event.type for event in stream]
        merged = stream.get_final_completion()
    assert {"content.delta", "content.done", "logprobs.content.delta", "logprobs.content.done"} <= set(kinds)
    assert [c.message.content for c in merged.choices] == [c.message.content for c in whole.choices]
    assert [c.finish_reason for c in merged.choices] == [c.finish_reason for c in whole.choices]
    assert [[t.token for t in c.logprobs.content] for c in merged.choices] == [
        [t.token for t in c.logprobs.content] for c in whole.choices
    ]
    assert merged.usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize("choice", [NAMED, "required"], ids=["named", "required"])
def test_calls_accumulate_in_both_clients(client, service, choice):
    async def ask(client):
        async with client.chat.completions.stream(**CALL, tool_choice=choice) as stream:
            async for _ in stream:
                pass
            return await stream.get_final_completion()

    whole = client.chat.completions.create(**CALL, tool_choice=choice).choices[0]
    merged = asynchronously(service, ask).choices[0]
    assert whole.finish_reason == merged.finish_reason == "tool_calls"
    assert [(c.function.name, c.function.arguments) for c in merged.message.tool_calls] == [
        (c.function.name, c.function.arguments) for c in whole.message.tool_calls
    ]
    assert whole.message.tool_calls[0].function.name == "get_weather"
    ids = [c.id for c in whole.message.tool_calls + merged.message.tool_calls]
    assert len(set(ids)) == len(ids)


def test_embeddings_are_unpacked_from_base64(client, service):
    """The client asks for base64 and unpacks it itself."""
    vectors = [item.embedding for item in client.embeddings.create(model=EMBEDDER, input=TEXTS).data]
    assert_embeddings_of_texts(vectors)
    raw = service.http.post("/v1/embeddings", json={"input": TEXTS[0], "encoding_format": "base64"}).json()
    packed = base64.b64decode(raw["data"][0]["embedding"], validate=True)
    assert list(struct.unpack(f"<{len(vectors[0])}f", packed)) == pytest.approx(vectors[0], abs=1e-6)

    async def ask(client):
        return await client.embeddings.create(model=EMBEDDER, input=TEXTS, encoding_format="float")

    assert [item.embedding for item in asynchronously(service, ask).data] == [
        pytest.approx(vector, abs=1e-6) for vector in vectors
    ]


def test_models_are_listed_page_by_page_and_found(client, service):
    async def ask(client):
        return [model.id async for model in client.models.list()]

    assert [model.id for model in client.models.list()] == [MODEL, EMBEDDER] == asynchronously(service, ask)
    assert client.models.retrieve(MODEL).owned_by == "apus"


def test_its_errors_are_raised(client, service):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(**CHAT | {"top_p": 2})
    assert (refusal.value.param, refusal.value.type) == ("top_p", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(**CHAT | {"top_p": 2}, stream=True)
    assert refusal.value.param == "top_p" and refusal.value.request_id
    with pytest.raises(openai.BadRequestError) as refusal:
        client.completions.create(model=MODEL, prompt=[5] * 100_000)
    assert refusal.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError) as missing:
        client.completions.create(model="gpt-none", prompt="Hi")
    assert (missing.value.param, missing.value.code) == ("model", "model_not_found")
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key="sk-wrong").chat.completions.create(**CHAT)
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError):
        client.files.list()

    async def ask(client):
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(**CHAT | {"n": 0})

    asynchronously(service, ask)


def test_a_full_queue_is_a_rate_limit_and_retries_get_through(smollm2):
    """The client waits as long as Retry-After says and tries again."""
    server = apus.Server(smollm2, environment={"APUS_SEQUENCES_MAX": "1", "APUS_QUEUE_MAX": "1"})
    try:
        with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120) as client:
            long = dict(
                model=MODEL, prompt="Once", max_tokens=200, stream=True, extra_body={"ignore_eos": True}
            )
            runs = client.completions.create(**long)
            assert next(runs).choices
            waits = client.completions.create(**long)
            with pytest.raises(openai.RateLimitError) as refusal:
                client.chat.completions.create(**CHAT)
            assert 1 <= int(refusal.value.response.headers["retry-after"]) <= 60
            patient = client.with_options(max_retries=8)
            assert "Paris" in patient.chat.completions.create(**CHAT).choices[0].message.content
            runs.close()
            waits.close()
    finally:
        server.stop()


def test_answers_carry_what_the_client_shows_of_them(client):
    raw = client.chat.completions.with_raw_response.create(
        **CHAT, extra_headers={"x-request-id": "of-this-test"}
    )
    assert raw.headers["x-request-id"] == "of-this-test" == raw.parse()._request_id
