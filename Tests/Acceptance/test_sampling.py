"""How tokens are drawn, scored and searched, through OpenAI's client, with the real model."""

import concurrent.futures

import pytest

PROMPT = "The capital of France is"

SAMPLERS = {
    "typical": {"typical_p": 0.5},
    "sigma": {"top_n_sigma": 1.0},
    "xtc": {"xtc_probability": 0.5, "xtc_threshold": 0.05},
    "dynamic": {"dynatemp_range": 0.5, "dynatemp_exponent": 1.5},
    "mirostat 1": {"mirostat": 1, "mirostat_tau": 3},
    "mirostat 2": {"mirostat": 2, "mirostat_tau": 3},
    "dry": {"dry_multiplier": 0.8},
    "order": {"samplers": ["top_k", "min_p", "temperature"], "top_k": 20, "min_p": 0.1},
    "letters": {"samplers": "edkypmxt", "top_k": 20},
    "penalties": {"repeat_penalty": 1.2, "repeat_last_n": 32},
}


def complete(client, model, **fields):
    extra = fields.pop("extra", {})
    return client.completions.create(model=model, prompt=fields.pop("prompt", PROMPT), extra_body=extra, **fields)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_gives_the_same_tokens_alone_and_in_company(client, model, name):
    request = dict(seed=7, max_tokens=24, logprobs=2, extra=SAMPLERS[name] | {"return_token_ids": True})
    alone = complete(client, model, **request).choices[0]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        others = [pool.submit(complete, client, model, seed=n, max_tokens=24) for n in range(4)]
        again = [pool.submit(complete, client, model, **request) for _ in range(2)]
        for answer in again:
            choice = answer.result().choices[0]
            assert choice.token_ids == alone.token_ids
            assert choice.logprobs.token_logprobs == alone.logprobs.token_logprobs
        assert all(other.result().choices for other in others)


def test_an_echo_scores_what_an_answer_said(client, model, server):
    answer = complete(client, model, temperature=0, max_tokens=8, logprobs=1, extra={"return_token_ids": True})
    whole = server.tokenize(PROMPT, add_special=True) + answer.choices[0].token_ids
    scored = complete(client, model, prompt=whole, echo=True, max_tokens=0, logprobs=1).choices[0]
    assert scored.text == PROMPT + answer.choices[0].text
    assert scored.logprobs.token_logprobs[0] is None
    assert scored.logprobs.token_logprobs[-8:] == answer.choices[0].logprobs.token_logprobs
    assert len(scored.logprobs.tokens) == len(whole)
    streamed = complete(client, model, prompt=whole, echo=True, max_tokens=2, logprobs=1, stream=True)
    first = next(iter(streamed)).choices[0]
    assert first.text.startswith(PROMPT) and first.logprobs.token_logprobs[: len(whole)] == scored.logprobs.token_logprobs


def test_the_best_of_several_is_the_likeliest(client, model):
    def mean(choice):
        return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

    request = dict(seed=3, max_tokens=10, logprobs=0)
    every = complete(client, model, n=4, **request)
    best = complete(client, model, best_of=4, **request)
    assert len(best.choices) == 1 and best.choices[0].text == max(every.choices, key=mean).text
    assert best.usage.completion_tokens == every.usage.completion_tokens


def test_beams_are_likelier_than_the_greedy_answer(client, model):
    request = dict(max_tokens=8, logprobs=1, extra={"ignore_eos": True})
    greedy = complete(client, model, temperature=0, **request).choices[0]
    request["extra"] = request["extra"] | {"use_beam_search": True}
    beams = complete(client, model, n=4, **request).choices
    sums = [sum(beam.logprobs.token_logprobs) for beam in beams]
    assert sums == sorted(sums, reverse=True) and len({beam.text for beam in beams}) == 4
    assert sums[0] >= sum(greedy.logprobs.token_logprobs) - 1e-4


def test_words_and_tokens_are_forbidden_allowed_and_end_answers(client, model, server):
    assert "Paris" in complete(client, model, temperature=0, max_tokens=8).choices[0].text
    for extra in ({"bad_words": ["Paris"]}, {"logit_bias": [[" Paris", False]]}):
        assert "Paris" not in complete(client, model, temperature=0, max_tokens=8, extra=extra).choices[0].text
    allowed = server.tokenize(" yes") + server.tokenize(" no")
    ids = complete(client, model, max_tokens=12, extra={"allowed_token_ids": allowed, "return_token_ids": True})
    assert set(ids.choices[0].token_ids) <= set(allowed) and len(ids.choices[0].token_ids) == 12
    (paris,) = server.tokenize(" Paris")
    stop = {"stop_token_ids": [paris]}
    cut = complete(client, model, temperature=0, max_tokens=8, extra=stop).choices[0]
    assert cut.finish_reason == "stop" and "Paris" not in cut.text
    kept = complete(client, model, temperature=0, max_tokens=8, extra=stop | {"include_stop_str_in_output": True})
    assert kept.choices[0].text == cut.text + " Paris"
    late = complete(client, model, temperature=0, max_tokens=8, extra=stop | {"min_tokens": 8}).choices[0]
    assert late.finish_reason == "length"


def test_a_prompt_is_scored_for_chats_too(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hi"}],
        max_tokens=1,
        extra_body={"prompt_logprobs": 2, "timings_per_token": True},
    )
    first, *others = answer.prompt_logprobs
    assert first is None and len(others) == answer.usage.prompt_tokens - 1
    assert all(entry["logprob"] <= 0 for token in others for entry in token.values())
    assert all(min(entry["rank"] for entry in token.values()) == 1 for token in others)
    assert answer.timings["predicted_n"] == 1


def test_an_answer_goes_on_past_the_context(client, model):
    context = client.models.list().data[0].max_model_len
    if context > 4096:
        pytest.skip(f"the context has {context} positions: it takes too long to fill it")
    answer = complete(
        client, model, temperature=0, max_tokens=context + 8, extra={"context_overflow": "shift", "ignore_eos": True}
    )
    assert answer.usage.completion_tokens == context + 8
    assert answer.usage.completion_tokens_details.shifted_tokens > 0
