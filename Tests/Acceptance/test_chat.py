"""POST /v1/chat/completions through OpenAI's client."""

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
STORY = [{"role": "user", "content": "Tell me a story about a swift."}]


def test_the_default_model_knows_the_capital_of_france(client, model):
    answer = client.chat.completions.create(model=model, messages=CAPITAL, temperature=0, max_tokens=32)
    choice = answer.choices[0]
    assert "Paris" in choice.message.content
    assert choice.message.role == "assistant"
    assert choice.finish_reason == "stop"
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and answer.model == model
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_gemma_file_without_a_template_speaks_in_its_familys_turns(gemma_server):
    messages = [{"role": "user", "content": "Say hello."}]
    prompt = gemma_server.http.post("/apply-template", json={"messages": messages}).json()["prompt"]
    assert prompt == "<bos><start_of_turn>user\nSay hello.<end_of_turn>\n<start_of_turn>model\n"
    assert gemma_server.chat(messages=messages).status_code == 200


def test_gemma_knows_it_too(gemma_server):
    answer = gemma_server.complete(prompt="The capital of France is the city of", max_tokens=8)
    assert answer.status_code == 200, answer.text
    assert "Paris" in answer.json()["choices"][0]["text"]


def test_a_stream_says_what_the_whole_answer_says(client, model):
    whole = client.chat.completions.create(model=model, messages=CAPITAL, temperature=0, max_tokens=32)
    chunks = list(
        client.chat.completions.create(model=model, messages=CAPITAL, temperature=0, max_tokens=32, stream=True)
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" and chunk.usage is None for chunk in chunks)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_stream_reports_usage_when_asked(client, model):
    request = dict(model=model, messages=CAPITAL, temperature=0, max_tokens=32)
    whole = client.chat.completions.create(**request)
    *chunks, last = client.chat.completions.create(
        **request, stream=True, stream_options={"include_usage": True}
    )
    assert last.choices == [] and all(chunk.usage is None for chunk in chunks)
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == whole.usage.completion_tokens


def test_two_choices_of_one_prompt(client, model):
    answer = client.chat.completions.create(
        model=model, messages=STORY, n=2, temperature=1, seed=7, max_completion_tokens=16
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.content != answer.choices[1].message.content
    assert 16 < answer.usage.completion_tokens <= 32


def test_two_choices_stream_side_by_side(client, model):
    request = dict(model=model, messages=STORY, n=2, temperature=1, seed=7, max_tokens=16)
    whole = client.chat.completions.create(**request)
    texts, finished = ["", ""], []
    for chunk in client.chat.completions.create(**request, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            finished += [choice.index] if choice.finish_reason else []
    assert texts == [choice.message.content for choice in whole.choices]
    assert sorted(finished) == [0, 1]


def test_logprobs_name_the_tokens_of_the_answer(client, model):
    answer = client.chat.completions.create(
        model=model, messages=CAPITAL, temperature=0, max_tokens=8, logprobs=True, top_logprobs=5
    )
    content = answer.choices[0].logprobs.content
    spoken = b"".join(bytes(token.bytes) for token in content)
    assert spoken.decode() == answer.choices[0].message.content
    for token in content:
        ranked = [alternative.logprob for alternative in token.top_logprobs]
        assert len(ranked) == 5 and ranked == sorted(ranked, reverse=True) and ranked[0] <= 0
        # At temperature 0 the likeliest token is the one that was taken.
        assert token.top_logprobs[0].token == token.token
        assert token.top_logprobs[0].logprob == token.logprob


def test_logprobs_without_alternatives(client, model):
    answer = client.chat.completions.create(
        model=model, messages=CAPITAL, temperature=0, max_tokens=4, logprobs=True
    )
    assert all(token.top_logprobs == [] for token in answer.choices[0].logprobs.content)


def test_logprobs_stream_with_their_text(client, model):
    request = dict(model=model, messages=CAPITAL, temperature=0, max_tokens=8, logprobs=True, top_logprobs=20)
    whole = client.chat.completions.create(**request).choices[0].logprobs.content
    streamed = []
    for chunk in client.chat.completions.create(**request, stream=True):
        if chunk.choices[0].logprobs:
            streamed += chunk.choices[0].logprobs.content
    assert [(t.token, t.logprob) for t in streamed] == [(t.token, t.logprob) for t in whole]
    assert all(len(token.top_logprobs) == 20 for token in streamed)


def test_a_stop_string_ends_the_answer_before_itself(client, model):
    request = dict(model=model, messages=STORY, temperature=0, max_tokens=48)
    text = client.chat.completions.create(**request).choices[0].message.content
    stop = text[30:36]
    stopped = client.chat.completions.create(**request, stop=[stop, "never said"]).choices[0]
    assert stopped.message.content == text[: text.index(stop)]
    assert stopped.finish_reason == "stop"
    stream = client.chat.completions.create(**request, stop=stop, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream) == stopped.message.content


def test_a_seed_repeats_the_answer(client, model):
    def say(seed):
        request = dict(model=model, messages=STORY, temperature=1, top_p=0.95, max_tokens=24, seed=seed)
        return client.chat.completions.create(**request).choices[0].message.content

    assert say(42) == say(42)
    assert say(42) != say(43)


def test_top_k_of_one_is_greedy(client, model):
    def say(**fields):
        request = dict(model=model, messages=STORY, max_tokens=16)
        return client.chat.completions.create(**request, **fields).choices[0].message.content

    greedy = say(temperature=0)
    assert say(temperature=1.5, extra_body={"top_k": 1}) == greedy
    assert say(temperature=1.5, extra_body={"min_p": 1.0}) == greedy


def test_max_tokens_ends_the_answer(client, model):
    answer = client.chat.completions.create(model=model, messages=STORY, temperature=0, max_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


def test_ignore_eos_goes_on_to_the_limit(client, model):
    answer = client.chat.completions.create(
        model=model, messages=CAPITAL, temperature=0, max_tokens=64, extra_body={"ignore_eos": True}
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 64


def test_token_ids_come_back_when_asked(client, model, server):
    request = dict(model=model, messages=STORY, temperature=0, max_tokens=12)
    request["extra_body"] = {"return_token_ids": True}
    choice = client.chat.completions.create(**request).choices[0]
    assert len(choice.token_ids) == 12
    assert server.detokenize(choice.token_ids) == choice.message.content
    streamed = []
    for chunk in client.chat.completions.create(**request, stream=True):
        streamed += getattr(chunk.choices[0], "token_ids", None) or []
    assert streamed == choice.token_ids


def test_a_system_message_and_text_parts_are_read(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "You answer with one word."},
            {"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]},
        ],
        temperature=0,
        max_tokens=32,
    )
    assert "Paris" in answer.choices[0].message.content


def test_text_of_a_user_is_never_a_special_token(client, model):
    def prompt_tokens(text):
        messages = [{"role": "user", "content": text}]
        return client.chat.completions.create(model=model, messages=messages, max_tokens=1).usage.prompt_tokens

    assert prompt_tokens("<|im_end|>") > prompt_tokens("a") + 1


def test_a_field_that_is_not_supported_is_named(server):
    answer = server.chat(no_such_field=1)
    assert answer.status_code == 200
    assert "no_such_field" in answer.headers["x-apus-ignored"]
