"""What schemathesis must know of the server beside api/openapi.yaml; test_openapi.py has it loaded.

No request asks for more than two tokens, so that thousands of them take a minute. And requests that the description
allows are brought to what it says in words, which JSON Schema cannot say: which fields go together.
"""

import schemathesis

LIMITS = {"max_tokens": 2, "max_completion_tokens": 2, "min_tokens": 2, "n": 2, "best_of": 2}
TIMEOUT_MS = 60_000
NOT_WITH_BEAMS = [
    "stream", "stream_options", "stop", "logit_bias", "allowed_token_ids", "bad_words", "mirostat", "dry_multiplier",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "samplers",
    "post_sampling_probs", "include_stop_str_in_output", "prompt_logprobs", "echo", "timings_per_token",
    "context_overflow",
]  # fmt: skip


@schemathesis.hook
def before_call(context, case, kwargs):
    if not isinstance(case.body, dict) or case.meta is None:
        return
    generates = "/completions" in case.path
    if generates:
        limit(case.body)
    if case.meta.generation.mode.is_positive:
        settle_all(case.body)
        settle_chat(case.body)
        if generates:
            settle(case.body)


def limit(body):
    """Fewer tokens where many are asked for; numbers that are wrong stay wrong."""
    for name, most in LIMITS.items():
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and most < value < 2**31:
            body[name] = most
    if body.get("max_tokens") is None and body.get("max_completion_tokens") is None:
        body["max_tokens"] = LIMITS["max_tokens"]


def settle_all(body):
    if body.get("timeout_ms") is not None:
        body["timeout_ms"] = max(body["timeout_ms"], TIMEOUT_MS)
    # Fields of other names are allowed, and refused by this one.
    if body.get("strict"):
        body["strict"] = False


def settle(body):
    if body.get("use_beam_search"):
        for name in NOT_WITH_BEAMS:
            body.pop(name, None)
    if body.get("stream_options") is not None:
        body["stream"] = True
    if body.get("stream"):
        body.pop("prompt_logprobs", None)
        body.pop("best_of", None)
    if (body.get("best_of") or 0) < (body.get("n") or 1):
        body.pop("best_of", None)
    if body.get("suffix"):
        body.pop("echo", None)
    most = body.get("max_completion_tokens")
    most = body["max_tokens"] if most is None else most
    if (body.get("min_tokens") or 0) > most:
        body["min_tokens"] = most
    if "prompt" in body:
        body["prompt"] = with_tokens(body["prompt"])
    if body.get("top_logprobs") is not None:
        body["logprobs"] = True


def with_tokens(prompt):
    """A prompt must have a token; an empty text has none where the model wants no BOS."""
    if isinstance(prompt, list):
        return [with_tokens(part) for part in prompt]
    if isinstance(prompt, dict):
        return {key: with_tokens(value) for key, value in prompt.items()}
    return "a" if prompt == "" else prompt


def settle_chat(body):
    # The template must end with the last message's text.
    if body.get("continue_final_message"):
        body["continue_final_message"] = False
    for message in body.get("messages") or []:
        for call in message.get("tool_calls") or []:
            if isinstance(call["function"].get("arguments"), str):
                call["function"]["arguments"] = '{"a": 1}'
    tools = {tool["function"]["name"]: tool for tool in body.get("tools") or []}
    choice = body.get("tool_choice")
    chosen = ["f"] if choice == "required" else []
    if isinstance(choice, dict):
        allowed = choice["allowed_tools"]["tools"] if "allowed_tools" in choice else [choice]
        chosen = [tool["function"]["name"] for tool in allowed]
    for name in chosen:
        tools.setdefault(name, {"type": "function", "function": {"name": name}})
    if tools:
        body["tools"] = list(tools.values())
