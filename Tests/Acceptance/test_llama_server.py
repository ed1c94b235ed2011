"""llama-server's own checks of itself, its users and its figures, restated as ours: test_basic.py, test_security.py and
test_metrics.py of its tests/unit.

The names are those of its functions, so that one can look up which there is here. What they ask is asked of our routes
with any model; what depends on its tiny model, or on what only it has (slots, its web page, its switches), is left out.
Where it differs from OpenAI's API, OpenAI's is what we do, and the test says so.
"""

import json
import re

import apus
import openai
import pytest
from questions import CAPITAL

KEY = "sk-of-llama-servers-checks"
CHAT = {"messages": CAPITAL, "temperature": 0, "max_tokens": 8}
LOCAL = ["http://localhost", "http://localhost:8080", "https://localhost", "http://127.0.0.1"]
LOCAL += ["http://127.0.0.1:3000", "http://[::1]:8080"]


@pytest.fixture(scope="module")
def locked(smollm2):
    """On two addresses, with a key, an alias, and pages that may use it."""
    settings = {"APUS_API_KEY": KEY, "APUS_MODEL_ID": "my-alias", "APUS_CORS_ORIGINS": ",".join(LOCAL)}
    server = apus.Server(smollm2, "--listen", "127.0.0.1:0, [::1]:0", environment=settings)
    yield server
    server.stop()


def bearer(key=KEY):
    return {"Authorization": f"Bearer {key}"}


# ---- test_basic.py


def test_server_start_simple(server):
    assert server.http.get("/health").status_code == 200


def test_server_multiple_addresses(locked):
    urls = re.findall(r"http://(?:127\.0\.0\.1|\[::1\]):\d+", locked.output())
    assert len(set(urls)) == 2, "one address of each family is announced"
    for url in urls:
        path = url + "/v1/chat/completions"
        assert locked.http.get(url + "/health").status_code == 200
        assert locked.http.post(path, json=CHAT).status_code == 401
        assert locked.http.post(path, json=CHAT, headers=bearer()).status_code == 200
        stream = locked.http.post(path, json=CHAT | {"stream": True}, headers=bearer())
        assert stream.status_code == 200 and stream.text.endswith("data: [DONE]\n\n")


def test_server_models(locked):
    answer = locked.http.get("/v1/models", headers=bearer())
    assert answer.status_code == 200
    assert [model["id"] for model in answer.json()["data"]] == ["my-alias"]


# ---- test_security.py


def test_access_public_endpoint(locked):
    answer = locked.http.get("/health")
    assert answer.status_code == 200 and "error" not in answer.json()


@pytest.mark.parametrize("key", [None, "invalid-key"])
def test_incorrect_api_key(locked, key):
    """It says `authentication_error`; OpenAI's type is `invalid_request_error`, with the code `invalid_api_key`."""
    answer = locked.http.post("/v1/completions", json={"prompt": "Hi"}, headers=bearer(key) if key else {})
    assert answer.status_code == 401 and "choices" not in answer.json()
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")


def test_correct_api_key(locked):
    body = {"prompt": "Hi", "max_tokens": 4, "ignore_eos": True}
    answer = locked.http.post("/v1/completions", json=body, headers=bearer())
    assert answer.status_code == 200 and "error" not in answer.json() and answer.json()["choices"][0]["text"]


def test_correct_api_key_anthropic_header(locked):
    body = {"prompt": "Hi", "max_tokens": 4, "ignore_eos": True}
    answer = locked.http.post("/v1/completions", json=body, headers={"X-Api-Key": KEY})
    assert answer.status_code == 200 and answer.json()["choices"][0]["text"]


def test_openai_library_correct_api_key(locked):
    with openai.OpenAI(base_url=locked.url + "/v1", api_key=KEY) as client:
        answer = client.chat.completions.create(model="my-alias", **CHAT)
    assert len(answer.choices) == 1


def preflight(server, origin):
    return server.http.options(
        "/v1/chat/completions",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "Authorization, Content-Type",
        },
    ).headers


@pytest.mark.parametrize(
    "header, value",
    [
        ("Access-Control-Allow-Origin", LOCAL[0]),
        ("Access-Control-Allow-Methods", "POST"),
        ("Access-Control-Allow-Headers", "Authorization"),
        ("Access-Control-Allow-Headers", "Content-Type"),
        # It says true to any page. We never do: a page that may use the server sends the key.
        ("Access-Control-Allow-Credentials", None),
    ],
)
def test_cors_options(locked, header, value):
    allowed = preflight(locked, LOCAL[0]).get(header)
    assert allowed is None if value is None else value.lower() in allowed.lower()


@pytest.mark.parametrize("origin", LOCAL)
def test_cors_origins_localhost_reflects(locked, origin):
    """`localhost` is a word for a set of origins there; here they are named, and reflected one by one."""
    assert preflight(locked, origin)["Access-Control-Allow-Origin"] == origin
    answer = locked.http.get("/v1/models", headers=bearer() | {"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.parametrize(
    "origin",
    ["http://localhost.evil.com", "http://evil.com", "http://notlocalhost", "http://127.0.0.1.evil.com"],
)
def test_cors_origins_localhost_rejects(locked, origin):
    assert "Access-Control-Allow-Origin" not in preflight(locked, origin)
    answer = locked.http.post("/v1/chat/completions", json=CHAT, headers=bearer() | {"Origin": origin})
    assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers


# ---- test_metrics.py


def figures(server):
    """Each sample of /metrics by its name with its labels."""
    lines = [line for line in server.http.get("/metrics").text.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def change(server, ask):
    """By how much each figure grew, and what `ask` gave."""
    before = figures(server)
    answer = ask()
    assert answer.status_code == 200, answer.text
    return {name: value - before.get(name, 0) for name, value in figures(server).items()}, answer


def test_metrics_prometheus_format(server):
    lines = server.http.get("/metrics").text.splitlines()
    for kind in ["HELP", "TYPE"]:
        described = {line.split()[2] for line in lines if line.startswith(f"# {kind} ")}
        for line in lines:
            name = line.split("{")[0].split(" ")[0]
            if line and not line.startswith("#"):
                assert any(name in (d, d + "_bucket", d + "_sum", d + "_count") for d in described), line


def test_metrics_prompt_processed_and_cached(server):
    """Prompt tokens are those that were computed or not, and both add up to the prompt."""
    prompt = (
        "A sentence for this test alone, which is long enough to fill more than one block of the cache. " * 4
    )
    first, answer = change(server, lambda: server.complete(prompt=prompt))
    size = answer.json()["usage"]["prompt_tokens"]
    assert first["apus_prompt_tokens_total"] == size and first["apus_prefix_cache_hit_tokens_total"] < size
    second, answer = change(server, lambda: server.complete(prompt=prompt))
    cached = answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert second["apus_prefix_cache_hit_tokens_total"] == cached > size / 2


def test_metrics_predicted_total_matches_requests(server):
    asked, total = [4, 7, 1], 0
    for count in asked:
        grown, answer = change(server, lambda: server.complete(max_tokens=count, ignore_eos=True))
        total += grown["apus_generated_tokens_total"]
        assert grown["apus_generated_tokens_total"] == answer.json()["usage"]["completion_tokens"]
    assert total == sum(asked)


def test_metrics_generation_rate_excludes_first_token(server):
    """The first token comes out of the prompt's step: an answer of one token has no time between tokens."""
    grown, answer = change(server, lambda: server.complete(max_tokens=1, timings_per_token=True))
    assert grown["apus_inter_token_latency_seconds_count"] == 0
    assert grown["apus_time_to_first_token_seconds_count"] == 1
    timings = answer.json()["timings"]
    assert timings["predicted_n"] == 1 and timings["predicted_per_second"] < 1e6


def assert_finite(timings):
    """JSON has no infinity: it would be null, or a number that no clock gives."""
    for name, value in timings.items():
        assert isinstance(value, (int, float)) and 0 <= value < 1e9, (name, value)


@pytest.mark.parametrize("count", [1, 4])
def test_metrics_timings_are_finite(server, count):
    answer = server.complete(max_tokens=count, timings_per_token=True)
    assert_finite(answer.json()["timings"])
    for line in server.complete(max_tokens=count, timings_per_token=True, stream=True).text.splitlines():
        if line.startswith("data: {"):
            assert_finite(json.loads(line.removeprefix("data: "))["timings"])


def test_metrics_timings_on_prompt_progress(server):
    prompt = [token + 100 for token in range(1200)]
    text = server.complete(
        prompt=prompt,
        stream=True,
        return_progress=True,
        timings_per_token=True,
        cache_prompt=False,
        max_tokens=2,
    ).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    told = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    assert told and told[-1]["processed"] == told[-1]["total"] == 1200
    for name in ["processed", "time_ms"]:
        values = [progress[name] for progress in told]
        assert values == sorted(values)
    for event in events:
        assert_finite(event["timings"])


def test_metrics_slots_idle_after_completion(server):
    server.complete()
    after = figures(server)
    assert (
        after["apus_requests_waiting"] == after["apus_sequences_running"] == after["apus_kv_used_bytes"] == 0
    )
