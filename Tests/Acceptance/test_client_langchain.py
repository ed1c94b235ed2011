"""langchain-openai: a chat model with tools, and embeddings."""

import asyncio

import pytest
from questions import CAPITAL, EMBEDDER, MODEL, TEXTS, WEATHER, assert_embeddings_of_texts

QUESTION = CAPITAL[0]["content"]


@pytest.fixture(scope="module")
def chat(service):
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(
        model=MODEL, base_url=service.base, api_key=service.key, temperature=0, max_tokens=64, max_retries=0
    )
    yield chat
    chat.root_client.close()


def test_a_question_is_answered(chat):
    answer = chat.invoke(QUESTION)
    assert "Paris" in answer.text and answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata["input_tokens"] > 0 and answer.usage_metadata["output_tokens"] > 0

    async def ask():
        answer = await chat.ainvoke(QUESTION)
        await chat.root_async_client.close()
        return answer

    assert asyncio.run(ask()).text == answer.text


def test_a_stream_is_the_same_answer_with_its_usage(chat):
    whole = chat.invoke(QUESTION)
    merged, pieces = None, 0
    for chunk in chat.stream(QUESTION, stream_usage=True):
        merged = chunk if merged is None else merged + chunk
        pieces += 1
    assert merged.text == whole.text and pieces > 3
    assert merged.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]
    assert merged.response_metadata["finish_reason"] == "stop"


def test_several_questions_are_answered_side_by_side(chat):
    answers = chat.batch([QUESTION] * 3, config={"max_concurrency": 3})
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("choice", ["get_weather", "any"])
def test_a_bound_tool_is_called(chat, choice):
    bound = chat.bind_tools([WEATHER], tool_choice=choice)
    whole = bound.invoke("What is the weather in Paris?")
    assert_called(whole)
    merged = None
    for chunk in bound.stream("What is the weather in Paris?"):
        merged = chunk if merged is None else merged + chunk
    assert_called(merged)
    assert [call["args"] for call in merged.tool_calls] == [call["args"] for call in whole.tool_calls]


def assert_called(message):
    """The arguments of a small model need not be JSON: then the call stands among the invalid ones."""
    calls = message.tool_calls + message.invalid_tool_calls
    assert calls and calls[0]["name"] == "get_weather" and calls[0]["id"].startswith("call_")


def test_a_tools_result_goes_back(chat):
    from langchain_core.messages import HumanMessage, ToolMessage

    question = HumanMessage("What is the weather in Paris?")
    call = chat.bind_tools([WEATHER], tool_choice="get_weather").invoke([question])
    result = ToolMessage("21 degrees", tool_call_id=call.tool_calls[0]["id"])
    assert chat.invoke([question, call, result]).text


def test_logprobs_come_through(chat):
    answer = chat.bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
    tokens = answer.response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == answer.text


def test_texts_are_embedded(service):
    from langchain_openai import OpenAIEmbeddings

    # With `check_embedding_ctx_length` it would count tokens with a table of OpenAI's from the internet.
    embeddings = OpenAIEmbeddings(
        model=EMBEDDER,
        base_url=service.base,
        api_key=service.key,
        check_embedding_ctx_length=False,
        max_retries=0,
    )
    assert_embeddings_of_texts(embeddings.embed_documents(TEXTS))
    assert embeddings.embed_query(TEXTS[0]) == pytest.approx(embeddings.embed_documents(TEXTS)[0], abs=1e-6)
