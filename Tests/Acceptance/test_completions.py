"""POST /v1/completions through OpenAI's client."""

import pytest

PROMPT = "The capital of France is"


def test_a_text_is_continued(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, temperature=0, max_tokens=8)
    assert "Paris" in answer.choices[0].text
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8


def test_a_stream_says_what_the_whole_answer_says(client, model):
    request = dict(model=model, prompt=PROMPT, temperature=0, max_tokens=16)
    whole = client.completions.create(**request)
    *chunks, last = client.completions.create(**request, stream=True, stream_options={"include_usage": True})
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "length"
    assert last.choices == [] and last.usage.total_tokens == whole.usage.total_tokens


def test_token_ids_are_a_prompt(client, model, server):
    tokens = server.tokenize(PROMPT, add_special=True)
    request = dict(model=model, temperature=0, max_tokens=8)
    by_text = client.completions.create(prompt=PROMPT, **request)
    by_ids = client.completions.create(prompt=tokens, **request)
    by_numbers = client.completions.create(prompt=[float(token) for token in tokens], **request)
    assert by_numbers.choices[0].text == by_ids.choices[0].text == by_text.choices[0].text
    assert by_ids.usage.prompt_tokens == len(tokens)


@pytest.mark.parametrize("as_ids", [False, True], ids=["texts", "token ids"])
def test_a_list_of_prompts_gives_choices_in_order(client, model, server, as_ids):
    texts = [PROMPT, "Once upon a time", "2 + 2 ="]
    prompts = [server.tokenize(text, add_special=True) for text in texts] if as_ids else texts
    request = dict(model=model, temperature=0, max_tokens=8)
    alone = [client.completions.create(prompt=prompt, **request).choices[0].text for prompt in prompts]
    together = client.completions.create(prompt=prompts, n=2, **request)
    # Choice i·n + j is the j-th answer to the i-th prompt; greedy answers do not differ.
    assert [choice.index for choice in together.choices] == [0, 1, 2, 3, 4, 5]
    assert [choice.text for choice in together.choices] == [text for text in alone for _ in range(2)]
    assert together.usage.completion_tokens == 48


def test_no_tokens_may_be_asked_for(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, max_tokens=0)
    assert answer.choices[0].text == "" and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 0


def test_logprobs_have_the_legacy_shape(client, model):
    answer = client.completions.create(model=model, prompt=PROMPT, temperature=0, max_tokens=6, logprobs=3)
    choice = answer.choices[0]
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == choice.text
    assert len(logprobs.token_logprobs) == len(logprobs.top_logprobs) == len(logprobs.text_offset) == 6
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        assert len(top) == 3 and top[token] == logprob == max(top.values()) <= 0
    spans = [b - a for a, b in zip(logprobs.text_offset, logprobs.text_offset[1:])]
    assert spans == [len(token) for token in logprobs.tokens[:-1]]


def test_a_token_that_is_half_a_character_is_written_as_bytes(client, model, server):
    # Here an emoji is two tokens. The model has seen two of them and a half: it knows what must follow.
    half = server.tokenize(" 😁😁😁")[:-1]
    answer = client.completions.create(model=model, prompt=half, temperature=0, max_tokens=1, logprobs=20)
    assert any(token.startswith("bytes:\\x") for token in answer.choices[0].logprobs.top_logprobs[0])


def test_a_stop_string_ends_the_text_before_itself(client, model):
    request = dict(model=model, prompt="one, two, three,", temperature=0, max_tokens=24)
    text = client.completions.create(**request).choices[0].text
    stop = text[9:13]
    stopped = client.completions.create(**request, stop=stop).choices[0]
    assert stopped.text == text[: text.index(stop)] and stopped.finish_reason == "stop"


def test_token_ids_come_back_when_asked(client, model, server):
    choice = client.completions.create(
        model=model,
        prompt=PROMPT,
        temperature=0,
        max_tokens=10,
        extra_body={"return_token_ids": True, "ignore_eos": True},
    ).choices[0]
    assert len(choice.token_ids) == 10
    assert server.detokenize(choice.token_ids) == choice.text
