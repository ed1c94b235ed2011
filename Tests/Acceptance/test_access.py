"""Who may use a server: keys, hosts, pages of other origins, and what is compressed, with real clients."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import zlib

import apus
import httpx
import openai
import pytest

ALICE, BOB, ONE = "sk-alice-0123456789", "sk-bob-0123456789", "sk-default-0123456789"
ORIGIN = "https://app.example.com"
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0, "max_tokens": 4}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A file of keys: alice's is hashed by the command, bob's stands as it is."""
    path = tmp_path_factory.mktemp("keys") / "api-keys"
    path.write_text(f"# of the tests\n{BOB} bob\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def locked(smollm2, keys):
    made = apus.run("key", "alice")
    assert made.returncode == 0
    with keys.open("a") as file:
        file.write(made.stdout)
    settings = {"APUS_API_KEY": ONE, "APUS_CORS_ORIGINS": ORIGIN, "APUS_COMPRESS_STREAMS": "true"}
    server = apus.Server(smollm2, "--api-keys-file", keys, environment=settings)
    server.alice = made.stderr.strip()
    yield server
    server.stop()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def client(server, key):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=120)


def test_openais_client_gets_in_with_each_key_and_no_other(locked):
    for key in [locked.alice, BOB, ONE]:
        with client(locked, key) as one:
            model = one.models.list().data[0].id
            answer = one.chat.completions.create(model=model, **CHAT)
            assert answer.usage.completion_tokens > 0
            text = "".join(
                chunk.choices[0].delta.content or ""
                for chunk in one.chat.completions.create(model=model, stream=True, **CHAT)
            )
            assert text == answer.choices[0].message.content
    for key in ["none", locked.alice[:-1], locked.alice + "x", "sha256:" + "0" * 64]:
        with client(locked, key) as one, pytest.raises(openai.AuthenticationError) as refusal:
            one.models.list()
        assert refusal.value.code == "invalid_api_key"
        assert refusal.value.response.headers["www-authenticate"].startswith("Bearer")


def test_x_api_key_is_a_key_too(locked):
    assert locked.http.get("/v1/models", headers={"x-api-key": BOB}).status_code == 200
    assert locked.http.get("/v1/models", headers={"x-api-key": "bob"}).status_code == 401


def test_probes_need_no_key_and_everything_else_does(locked):
    assert locked.http.get("/health").status_code == 200
    assert locked.http.get("/health", headers={"Host": "10.1.2.3:8080"}).status_code == 200
    for path in ["/v1/models", "/metrics", "/nothing", "/health/", "/%68ealth"]:
        assert locked.http.get(path).status_code == 401, path
    for path in ["/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize", "/apply-template"]:
        assert locked.http.post(path, json={}).status_code == 401, path


def test_the_log_has_the_names_of_keys_and_never_a_key(locked):
    locked.http.get("/v1/models", headers=bearer(locked.alice) | {"x-request-id": "named"})
    locked.http.get("/v1/models", headers=bearer("sk-a-wrong-one"))
    deadline = time.monotonic() + 10
    while '"named"' not in locked.output() and time.monotonic() < deadline:
        time.sleep(0.05)
    line = next(json.loads(line) for line in locked.output().splitlines() if '"named"' in line)
    assert line["key"] == "alice" and line["status"] == 200
    for key in [locked.alice, BOB, ONE, "sk-a-wrong-one"]:
        assert key not in locked.output()


def test_a_large_body_is_not_asked_for_without_a_key(locked):
    """curl waits for 100 with a body of more than 1 MiB: it gets 401 and sends nothing (check 68)."""
    body = json.dumps({"prompt": "x" * (2 << 20)})
    out = subprocess.run(
        ["curl", "-sS", "-o", "-", "-w", "\n%{http_code} %{size_upload}", "-H", "Content-Type: application/json"]
        + ["-H", "Expect: 100-continue", "--expect100-timeout", "30", "-d", "@-", locked.url + "/v1/completions"],
        input=body, capture_output=True, encoding="utf-8", timeout=60,
    )
    assert out.returncode == 0, out.stderr
    answer, status = out.stdout.rsplit("\n", 1)
    assert status == "401 0" and json.loads(answer)["error"]["code"] == "invalid_api_key"


def test_keys_are_read_again_on_sighup_and_a_broken_file_changes_nothing(smollm2, tmp_path):
    path = tmp_path / "api-keys"
    path.write_text(f"{ALICE} alice\n")
    path.chmod(0o644)
    server = apus.Server(smollm2, "--api-keys-file", path)
    try:
        assert "open to other users" in server.output()

        def status(key):
            return server.http.get("/v1/models", headers=bearer(key)).status_code

        def reload(text, mark):
            count = server.output().count(mark)
            path.write_text(text)
            server.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 20
            while server.output().count(mark) == count:
                assert time.monotonic() < deadline, server.output()
                time.sleep(0.05)

        assert (status(ALICE), status(BOB)) == (200, 401)
        reload(f"{ALICE} alice\n{BOB} bob\n", "reloaded api-keys")
        assert (status(ALICE), status(BOB)) == (200, 200)
        reload("one two three\n", "cannot reload api-keys")
        assert (status(ALICE), status(BOB)) == (200, 200)
        reload(f"{BOB} bob\n", "reloaded api-keys")
        assert (status(ALICE), status(BOB)) == (401, 200)
    finally:
        server.stop()


def test_it_does_not_open_to_others_without_a_key_by_accident(smollm2):
    done = apus.run("serve", "--model", smollm2, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode != 0
    for word in ["0.0.0.0", "api-keys-file", "APUS_API_KEY", "allow-unauthenticated"]:
        assert word in done.stderr
    empty = apus.run("serve", "--model", smollm2, "--api-keys-file", "/dev/null", "--port", "0")
    assert empty.returncode != 0 and "has no key" in empty.stderr


# ---- Hosts and origins


def test_a_name_that_was_made_to_point_here_is_refused(server):
    for host, status in [("evil.example", 403), ("localhost", 200), ("127.0.0.1:1", 200), ("apus.localhost", 200)]:
        answer = server.http.get("/v1/models", headers={"Host": host})
        assert answer.status_code == status, host
    assert "allowed-hosts" in server.http.get("/v1/models", headers={"Host": "evil.example"}).text
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and b"Connection: close" in answer


def test_a_foreign_page_cannot_have_anything_generated(server):
    """A form or a fetch without CORS needs no permission of the browser to be sent."""
    for origin in ["https://evil.example", "null"]:
        answer = server.http.post("/v1/chat/completions", json=CHAT, headers={"Origin": origin})
        assert answer.status_code == 403 and "cors-origins" in answer.text
    answer = server.http.post("/v1/chat/completions", json=CHAT, headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


NODE = """
const [url, key, origin] = process.argv.slice(1);
const path = url + '/v1/chat/completions';
const preflight = await fetch(path, {method: 'OPTIONS', headers: {Origin: origin,
  'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type'}});
const may = (name) => (preflight.headers.get(name) ?? '').toLowerCase();
if (preflight.status !== 204 || may('access-control-allow-origin') !== origin) throw new Error('preflight');
if (!may('access-control-allow-methods').includes('post')) throw new Error('method');
if (may('access-control-allow-headers') !== 'authorization,content-type') throw new Error('headers');
const body = JSON.stringify({messages: [{role: 'user', content: 'Hi'}], max_tokens: 4, stream: true});
for (const [token, status] of [[key, 200], ['wrong', 401]]) {
  const answer = await fetch(path, {method: 'POST', body,
    headers: {Origin: origin, Authorization: 'Bearer ' + token, 'Content-Type': 'application/json'}});
  const text = await answer.text();
  if (answer.status !== status) throw new Error(answer.status + text);
  if (answer.headers.get('access-control-allow-origin') !== origin) throw new Error('origin');
  if (answer.headers.get('access-control-allow-credentials')) throw new Error('credentials');
  if (status === 200 && !text.trimEnd().endsWith('[DONE]')) throw new Error(text);
  console.log(status, answer.headers.get('content-encoding'));
}
"""


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_nodes_fetch_gets_through_as_a_browser_would(locked):
    out = subprocess.run(
        ["node", "--input-type=module", "-e", NODE, locked.url, BOB, ORIGIN],
        capture_output=True, encoding="utf-8", timeout=120,
    )
    assert out.returncode == 0, out.stderr
    # Node accepts gzip, and this server was told to pack streams.
    assert out.stdout.splitlines() == ["200 gzip", "401 null"]


# ---- Compression


def test_curl_gets_a_large_answer_packed_and_reads_it(server):
    body = json.dumps({"content": "All work and no play. " * 400, "with_pieces": True})
    sizes, texts = [], []
    for flags in [["--compressed"], []]:
        out = subprocess.run(
            ["curl", "-sS", *flags, "-H", "Content-Type: application/json", "-d", "@-", "-w", "\n%{size_download}"]
            + [server.url + "/tokenize"],
            input=body, capture_output=True, encoding="utf-8", timeout=60, check=True,
        )
        text, size = out.stdout.rsplit("\n", 1)
        texts.append(text)
        sizes.append(int(size))
    assert texts[0] == texts[1] and len(json.loads(texts[0])["tokens"]) > 1000
    assert sizes[0] * 5 < sizes[1] == len(texts[1])


def test_small_answers_and_streams_stay_as_they_are(server):
    assert server.http.headers["accept-encoding"].startswith("gzip")
    assert "content-encoding" not in server.chat().headers
    assert "content-encoding" not in server.chat(stream=True).headers


@pytest.mark.parametrize("coding, pack", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_request_gets_what_a_plain_one_does(server, coding, pack):
    body = json.dumps(CHAT).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    packed = server.http.post("/v1/chat/completions", content=pack(body), headers=headers)
    plain = server.http.post("/v1/chat/completions", json=CHAT)
    assert packed.status_code == 200 and packed.json()["choices"] == plain.json()["choices"]
    wrong = server.http.post("/v1/chat/completions", content=pack(body)[:-4], headers=headers)
    assert wrong.status_code == 400 and wrong.json()["error"]["code"] == "body_coding"


def test_zip_bombs_and_unknown_codings_are_refused(server):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * (64 << 20))
    assert len(bomb) < 70_000
    answer = server.http.post("/v1/completions", content=bomb, headers=headers)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "inflation_ratio"
    # Packed badly enough for the ratio, it still meets the limit of the body.
    digits = os.urandom(1 << 20).hex().encode() * 17
    large = gzip.compress(digits[: (32 << 20) + 20_000], 1)
    answer = server.http.post("/v1/completions", content=large, headers=headers)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "body_too_large"
    answer = server.http.post("/v1/completions", content=b"x", headers=headers | {"Content-Encoding": "br"})
    assert answer.status_code == 415 and answer.headers["accept-encoding"] == "gzip, deflate"
    assert server.chat().status_code == 200


def test_answers_say_that_they_are_for_nobody_else(server):
    headers = server.http.get("/v1/models").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
