"""instructor, which asks for typed values through a forced call.

Nothing holds the arguments to the schema yet, so the values are the model's affair: what is tested is that a
call of the right name comes back, that instructor reads it, and that it asks again when it does not fit.
"""

import json

import pytest
from questions import ABOUT_WEATHER, MODEL


@pytest.fixture(scope="module")
def client(service):
    import instructor
    import openai

    with openai.OpenAI(base_url=service.base, api_key=service.key, max_retries=0, timeout=120) as client:
        yield instructor.from_openai(client, mode=instructor.Mode.TOOLS)


def fields(**more):
    return dict(model=MODEL, messages=ABOUT_WEATHER, temperature=0, max_tokens=96, max_retries=1) | more


def test_an_open_value_is_read_from_the_calls_arguments(client):
    import pydantic

    class Anything(pydantic.BaseModel, extra="allow"):
        """Whatever is to be said about the weather"""

    value, raw = client.chat.completions.create_with_completion(response_model=Anything, **fields())
    (call,) = raw.choices[0].message.tool_calls
    assert call.function.name == "Anything" and raw.choices[0].finish_reason == "tool_calls"
    assert isinstance(value, Anything)
    assert value.model_dump() == json.loads(call.function.arguments)


def test_a_value_that_does_not_fit_is_asked_for_again(client):
    """The second attempt sends the first one's call back, with what was wrong as the tool's answer."""
    import pydantic
    from instructor.core import IncompleteOutputException, InstructorRetryException

    class Strict(pydantic.BaseModel, extra="forbid"):
        """A thing that nobody says by chance"""

        checksum: int = pydantic.Field(ge=10**12, le=10**12)

    asked, answered = [], []
    client.on("completion:kwargs", lambda *_, **request: asked.append(list(request["messages"])))
    client.on("completion:response", answered.append)
    # Which of the two depends on whether the model comes to an end.
    with pytest.raises((InstructorRetryException, IncompleteOutputException)):
        client.chat.completions.create(response_model=Strict, **fields(max_retries=2))
    assert [message["role"] for message in asked[1]] == ["user", "assistant", "tool"]
    names = [answer.choices[0].message.tool_calls[0].function.name for answer in answered]
    assert names == ["Strict", "Strict"]


def test_partial_values_stream(client):
    import pydantic

    class Anything(pydantic.BaseModel, extra="allow"):
        """Whatever is to be said about the weather"""

    values = list(client.chat.completions.create_partial(response_model=Anything, **fields()))
    assert values and all(isinstance(value, pydantic.BaseModel) for value in values)
