"""llama-server's own checks of completions, full contexts and drafts, restated as ours: test_completion.py,
test_ctx_shift.py and test_speculative.py of its tests/unit. test_llama_server.py says how.
"""

import concurrent.futures
import json
import math
import time

import apus
import httpx
import pytest

PROMPT = "I believe the meaning of life is"
CONTEXT = 256


@pytest.fixture(scope="module")
def small(smollm2):
    """Two answers at once in a small context, as its test server has it; and memory for both together."""
    server = apus.Server(smollm2, "--context", str(CONTEXT), environment={"APUS_SEQUENCES_MAX": "2"})
    yield server
    server.stop()


def text(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["text"]


def streamed(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


# ---- test_completion.py


def test_completion_stream_vs_non_stream(server):
    whole = text(server.complete(prompt=PROMPT, max_tokens=16))
    pieces = [
        event["choices"][0]["text"]
        for event in streamed(server.complete(prompt=PROMPT, max_tokens=16, stream=True))
    ]
    assert "".join(pieces) == whole


def together(server, count, **fields):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(server.complete, **fields) for _ in range(count)]
        return [text(answer.result()) for answer in answers]


@pytest.mark.parametrize("count", [1, 2])
def test_consistent_result_same_seed(server, count):
    said = {said for _ in range(3) for said in together(server, count, prompt=PROMPT, temperature=1, seed=42)}
    assert len(said) == 1


def test_different_result_different_seed(server):
    said = [
        text(server.complete(prompt=PROMPT, temperature=1, seed=seed, max_tokens=16)) for seed in range(4)
    ]
    assert len(set(said)) == 4


@pytest.mark.parametrize("temperature", [0, 1])
def test_consistent_result_different_batch_size(server, temperature):
    alone = text(server.complete(prompt=PROMPT, temperature=temperature, seed=42))
    assert set(together(server, 5, prompt=PROMPT, temperature=temperature, seed=42)) == {alone}


def test_cache_vs_nocache_prompt(server):
    """They skip it, because it fails there."""
    fields = dict(prompt=PROMPT + " that we should " * 20, temperature=1, seed=42)
    text(server.complete(**fields))
    cached, new = server.complete(**fields), server.complete(cache_prompt=False, **fields)
    assert cached.json()["usage"]["prompt_tokens_details"]["cached_tokens"] > 32
    assert new.json()["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert text(cached) == text(new)


def test_nocache_long_input_prompt(small):
    answer = small.complete(prompt=PROMPT * 100, cache_prompt=False)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "context_length_exceeded"


def test_json_prompt_no_mtmd(server):
    """A prompt may be an object with the text in it."""
    assert text(server.complete(prompt={"prompt_string": PROMPT})) == text(server.complete(prompt=PROMPT))


def test_json_prompt_mtm_error_when_not_supported(server):
    prompt = {"prompt_string": PROMPT + " <__media__>", "multimodal_data": ["iVBORw0KGgo="]}
    assert server.complete(prompt=prompt).status_code == 400


def test_completion_with_tokens_input(server):
    """Ids, several prompts, and ids with texts between them."""
    tokens = server.tokenize(PROMPT)
    usual = text(server.complete(prompt=PROMPT))
    assert text(server.complete(prompt=tokens)) == usual
    for prompt in [[tokens, tokens], [tokens, PROMPT]]:
        both = server.complete(prompt=prompt).json()["choices"]
        assert [choice["text"] for choice in both] == [usual, usual]
    mixed = server.complete(prompt=[*tokens, PROMPT])
    assert mixed.json()["usage"]["prompt_tokens"] == 2 * len(tokens)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_completion_parallel_slots(small, count):
    """Two at once are answered at once, more one after the other; all as alone."""
    prompts = [f"Write a very long {word}" for word in ("joke", "poem", "book", "song", "list", "plan")][
        :count
    ]
    alone = [text(small.complete(prompt=prompt, max_tokens=12)) for prompt in prompts]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(small.complete, prompt=prompt, max_tokens=12) for prompt in prompts]
        assert [text(answer.result()) for answer in answers] == alone


@pytest.mark.parametrize("count, tokens", [(1, 200), (2, 200), (4, 50), (4, 200)])
def test_completion_unified(smollm2, count, tokens):
    """Memory for one context is shared by all. They allow 500 for those that do not fit; here all are answered."""
    server = apus.Server(smollm2, "--context", str(CONTEXT), "--kv-memory", "8MiB")
    try:
        prompts = [f"The number {n} is" for n in range(count)]
        fields = dict(max_tokens=tokens, ignore_eos=True)
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            answers = [pool.submit(server.complete, prompt=prompt, **fields) for prompt in prompts]
            for answer in answers:
                assert (
                    text(answer.result()) and answer.result().json()["usage"]["completion_tokens"] == tokens
                )
    finally:
        server.stop()


@pytest.mark.parametrize("stream", [False, True], ids=["n_probs", "n_probs_stream"])
def test_n_probs(server, stream):
    """`n_probs` is `logprobs` here, in OpenAI's legacy shape."""
    answer = server.complete(prompt=PROMPT, logprobs=10, stream=stream)
    choices = [event["choices"][0] for event in streamed(answer)] if stream else answer.json()["choices"]
    scored = [choice["logprobs"] for choice in choices if choice["logprobs"]]
    tops = [top for part in scored for top in part["top_logprobs"]]
    drawn = [logprob for part in scored for logprob in part["token_logprobs"]]
    assert len(drawn) == len(tops) == 8
    for top, logprob in zip(tops, drawn):
        assert len(top) == 10 and all(value <= 0 for value in top.values())
        assert logprob == max(top.values())


def test_n_probs_post_sampling(server):
    """What may be drawn has all of the probability. There are `prob` and `top_probs` for it there; here it is logarithms."""
    answer = server.complete(prompt=PROMPT, temperature=1, top_k=10, logprobs=10, post_sampling_probs=True)
    for top in answer.json()["choices"][0]["logprobs"]["top_logprobs"]:
        assert math.isclose(sum(math.exp(value) for value in top.values()), 1, abs_tol=1e-3)


@pytest.mark.parametrize("form", ["pairs of ids", "pairs of texts", "ids", "false"])
def test_logit_bias(server, form):
    """Every token of a list is forbidden, in each form that there is."""
    usual = text(server.complete(prompt=PROMPT, max_tokens=24))
    words = [word for word in usual.split() if word.isalpha()][:3]
    tokens = [token for word in words for written in (word, " " + word) for token in server.tokenize(written)]
    bias = {
        "pairs of ids": [[token, -100] for token in tokens],
        "pairs of texts": [[written, -100] for word in words for written in (word, " " + word)],
        "ids": {str(token): -100 for token in tokens},
        "false": [[token, False] for token in tokens],
    }[form]
    said = text(server.complete(prompt=PROMPT, max_tokens=24, logit_bias=bias))
    assert said and not set(words) & set(said.split())


def test_cancel_request(own_server):
    """A client that has gone away after a tenth of a second has its place given back within two more."""
    body = {"prompt": PROMPT, "max_tokens": 4000, "ignore_eos": True}
    with pytest.raises(httpx.ReadTimeout):
        own_server.http.post("/v1/completions", json=body, timeout=0.1)
    time.sleep(2)
    before = own_server.http.get("/health").json()["engine"]
    assert before["sequences_running"] == before["requests_waiting"] == 0
    time.sleep(0.5)
    assert own_server.http.get("/health").json()["engine"]["steps"] == before["steps"]


# ---- test_ctx_shift.py: what is asked for by a switch there is asked for by the request


def test_ctx_shift_enabled(small):
    answer = small.complete(
        prompt=PROMPT * 20, max_tokens=CONTEXT, ignore_eos=True, context_overflow="shift"
    ).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == CONTEXT
    assert answer["usage"]["completion_tokens_details"]["shifted_tokens"] > 0


@pytest.mark.parametrize("most, count", [(64, 64), (2 * CONTEXT, None)])
def test_ctx_shift_disabled_short_prompt(small, most, count):
    """An answer without a limit ends where the context does."""
    answer = small.complete(prompt=PROMPT, max_tokens=most, ignore_eos=True).json()
    usage = answer["usage"]
    assert answer["choices"][0]["finish_reason"] == "length"
    assert usage["completion_tokens"] == (count or CONTEXT - usage["prompt_tokens"])


def test_ctx_shift_disabled_long_prompt(small):
    error = small.complete(prompt=PROMPT * 100).json()["error"]
    assert str(CONTEXT) in error["message"] and error["n_ctx"] == CONTEXT


def test_ctx_shift_disabled_stream(small):
    events = streamed(small.complete(prompt=PROMPT, max_tokens=2 * CONTEXT, ignore_eos=True, stream=True))
    assert [e["choices"][0]["finish_reason"] for e in events if e["choices"][0]["finish_reason"]] == [
        "length"
    ]


# ---- test_speculative.py: drafts come from the text so far


@pytest.fixture(scope="module")
def undrafted(smollm2):
    server = apus.Server(smollm2, "--context", str(CONTEXT), environment={"APUS_SPECULATION": "off"})
    yield server
    server.stop()


REPETITIVE = "one two three four five six seven one two three four five six seven one two three"


@pytest.mark.parametrize("temperature", [0, 0.5])
def test_with_and_without_draft(small, undrafted, temperature):
    fields = dict(prompt=REPETITIVE, max_tokens=48, temperature=temperature, seed=1, ignore_eos=True)
    drafted = small.complete(timings_per_token=True, return_token_ids=True, **fields).json()
    plain = undrafted.complete(timings_per_token=True, return_token_ids=True, **fields).json()
    assert drafted["choices"][0]["token_ids"] == plain["choices"][0]["token_ids"]
    assert drafted["timings"]["draft_n_accepted"] > 0 == plain["timings"]["draft_n"]


def test_slot_ctx_not_exceeded(small):
    """Drafts do not reach over the context's end."""
    answer = small.complete(prompt=REPETITIVE * 10, max_tokens=CONTEXT, ignore_eos=True)
    assert answer.json()["usage"]["total_tokens"] == CONTEXT


def test_with_ctx_shift(small, undrafted):
    fields = dict(prompt=REPETITIVE * 10, max_tokens=200, ignore_eos=True, context_overflow="shift")
    drafted, plain = small.complete(**fields), undrafted.complete(**fields)
    assert drafted.json()["usage"]["completion_tokens_details"]["shifted_tokens"] > 0
    assert text(drafted) == text(plain)


@pytest.mark.parametrize("count", [1, 2])
def test_multi_requests_parallel(small, count):
    alone = text(small.complete(prompt=REPETITIVE, max_tokens=24))
    assert together(small, count, prompt=REPETITIVE, max_tokens=24) == [alone] * count
