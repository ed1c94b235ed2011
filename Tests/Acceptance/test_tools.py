"""Tools through OpenAI's client. The default model was not trained on them, so its calls are forced."""

import json

import openai
import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "description": "The time"}}
QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def ask(client, model, **fields):
    request = dict(model=model, messages=QUESTION, tools=[WEATHER, CLOCK], temperature=0, max_tokens=64)
    return client.chat.completions.create(**{**request, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": NAMED},
        {"tool_choice": "required", "tools": [WEATHER]},
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [NAMED]},
            }
        },
    ],
    ids=["named", "required", "allowed"],
)
def test_a_call_can_be_forced(client, model, fields):
    choice = ask(client, model, **fields).choices[0]
    call = choice.message.tool_calls[0]
    assert call.type == "function" and call.function.name == "get_weather"
    assert call.id.startswith("call_") and len(call.id) == 29
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    # Which arguments is the model's affair, and this one is small; but it closes the object that it opens.
    assert isinstance(json.loads(call.function.arguments), dict)


def test_a_streamed_call_is_the_whole_one(client, model):
    whole = ask(client, model, tool_choice=NAMED).choices[0].message.tool_calls[0].function
    chunks = [c.choices[0] for c in ask(client, model, tool_choice=NAMED, stream=True)]
    deltas = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
    first, *rest = deltas
    assert first.function.name == whole.name and first.id and first.function.arguments == ""
    assert all(d.index == 0 and d.id is None and d.function.name is None for d in rest)
    assert "".join(d.function.arguments for d in rest) == whole.arguments
    assert len(rest) > 1, "arguments come as they are written"
    assert [c.finish_reason for c in chunks if c.finish_reason] == ["tool_calls"]


def test_the_clients_own_accumulation_agrees(client, model):
    with client.chat.completions.stream(
        model=model, messages=QUESTION, tools=[WEATHER], tool_choice=NAMED, temperature=0, max_tokens=64
    ) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and call.function.arguments.startswith("{")


def test_a_result_goes_back_to_the_model(client, model):
    call = ask(client, model, tool_choice=NAMED).choices[0].message
    history = [*QUESTION, call, {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "21 degrees"}]
    answer = client.chat.completions.create(
        model=model, messages=history, tools=[WEATHER], tool_choice="none", temperature=0, max_tokens=32
    )
    assert answer.choices[0].message.tool_calls is None and answer.choices[0].message.content


def test_tools_need_not_be_called(client, model):
    answer = ask(client, model, tool_choice="none").choices[0]
    assert answer.message.tool_calls is None and answer.message.content
    assert ask(client, model, tools=[]).choices[0].message.content


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": {"type": "function", "function": {"name": "unknown"}}},
        {"tool_choice": "required", "tools": []},
        {"tool_choice": "any"},
        {"messages": [*QUESTION, {"role": "assistant", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "get_time", "arguments": "{broken"}}]}]},
    ],
    ids=["unknown", "no tools", "no such word", "broken arguments"],
)
def test_what_cannot_be_is_refused(client, model, fields):
    with pytest.raises(openai.BadRequestError):
        ask(client, model, **fields)
