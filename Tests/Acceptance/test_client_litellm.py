"""litellm, which gateways and agents are built on, with Apus as an `openai/` provider."""

import asyncio
import gc
import os
import warnings

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


@pytest.fixture(scope="module")
def litellm():
    # Its table of prices comes from the internet unless it is told to use its own copy.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    yield litellm
    # It keeps its clients, and forgets a loop: what it leaves open is no other test's affair.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for client in litellm.in_memory_llm_clients_cache.cache_dict.values():
            if isinstance(client, openai.OpenAI):
                client.close()
        litellm.in_memory_llm_clients_cache.flush_cache()
        gc.collect()


@pytest.fixture
def fields(service):
    return dict(
        model=f"openai/{MODEL}",
        api_base=service.base,
        api_key=service.key,
        num_retries=0,
        max_tokens=32,
        temperature=0,
    )


def test_an_answer_is_the_same_whole_streamed_and_awaited(litellm, fields):
    whole = litellm.completion(messages=CAPITAL, **fields)
    text = whole.choices[0].message.content
    assert "Paris" in text and whole.choices[0].finish_reason == "stop"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    usage = {"include_usage": True}
    chunks = list(litellm.completion(messages=CAPITAL, stream=True, stream_options=usage, **fields))
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == text
    rebuilt = litellm.stream_chunk_builder(chunks, messages=CAPITAL)
    assert rebuilt.choices[0].message.content == text and rebuilt.choices[0].finish_reason == "stop"
    assert rebuilt.usage.completion_tokens == whole.usage.completion_tokens

    async def ask():
        answer = await litellm.acompletion(messages=CAPITAL, **fields)
        await litellm.close_litellm_async_clients()
        return answer

    assert asyncio.run(ask()).choices[0].message.content == text


def test_a_call_comes_through_whole_and_streamed(litellm, fields):
    request = fields | dict(messages=ABOUT_WEATHER, tools=[WEATHER], tool_choice=NAMED, max_tokens=64)
    whole = litellm.completion(**request).choices[0]
    (call,) = whole.message.tool_calls
    assert call.function.name == "get_weather" and whole.finish_reason == "tool_calls"
    chunks = list(litellm.completion(stream=True, **request))
    (streamed,) = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert (streamed.function.name, streamed.function.arguments) == ("get_weather", call.function.arguments)


def test_logprobs_and_choices_come_through(litellm, fields):
    answer = litellm.completion(messages=CAPITAL, logprobs=True, top_logprobs=2, n=2, **fields)
    assert len(answer.choices) == 2
    spoken = "".join(token.token for token in answer.choices[0].logprobs.content)
    assert spoken == answer.choices[0].message.content


def test_a_text_is_continued(litellm, fields):
    answer = litellm.text_completion(
        prompt="The capital of France is", **fields | {"model": f"text-completion-openai/{MODEL}"}
    )
    assert "Paris" in answer.choices[0].text


def test_texts_are_embedded(litellm, service):
    answer = litellm.embedding(
        model=f"openai/{EMBEDDER}",
        input=TEXTS,
        api_base=service.base,
        api_key=service.key,
        encoding_format="float",
    )
    assert_embeddings_of_texts([item["embedding"] for item in answer.data])


def test_its_errors_are_raised(litellm, fields):
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(messages=[{"role": "user", "content": "hello " * 20_000}], **fields)
    with pytest.raises(litellm.BadRequestError) as refusal:
        litellm.completion(messages=CAPITAL, **fields | {"temperature": -1})
    assert "temperature" in str(refusal.value)
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(messages=CAPITAL, **fields | {"api_key": "sk-wrong"})
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(messages=CAPITAL, **fields | {"model": "openai/gpt-none"})
