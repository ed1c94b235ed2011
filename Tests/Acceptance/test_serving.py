"""Many clients at once, clients that vanish, the end of the server."""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import apus
import httpx
import pytest

PROMPTS = [f"{n} {word} and" for n, word in enumerate("one two three four five six seven eight".split())]


def streamed_text(server, **fields):
    """The text of a streamed completion, which must end as the protocol says."""
    body = {"prompt": "Hello", "max_tokens": 24, "temperature": 0, "stream": True, **fields}
    text, lines = "", []
    with server.http.stream("POST", "/v1/completions", json=body) as answer:
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                lines.append(line)
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        assert line.startswith("data: ")
        text += "".join(choice["text"] for choice in json.loads(line[6:])["choices"])
    return text


def test_eight_streams_at_once_say_what_each_says_alone(server):
    alone = [streamed_text(server, prompt=prompt) for prompt in PROMPTS]
    with concurrent.futures.ThreadPoolExecutor(len(PROMPTS)) as pool:
        together = list(pool.map(lambda prompt: streamed_text(server, prompt=prompt), PROMPTS))
    assert together == alone


def raw_request(server, body):
    """A connection on which a completion request was sent."""
    url = httpx.URL(server.url)
    content = json.dumps(body).encode()
    connection = socket.create_connection((url.host, url.port), timeout=30)
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_work_of_a_client_that_vanishes_stops(own_server, stream):
    body = {"prompt": "Hello", "max_tokens": 2000, "ignore_eos": True, "stream": stream}
    with raw_request(own_server, body) as connection:
        if stream:
            assert connection.recv(64).startswith(b"HTTP/1.1 200")
        else:
            # Until a second after the request the end of input may be a half-close (`halfCloseGrace`).
            time.sleep(1.5)
    time.sleep(1)
    before = own_server.cpu_seconds()
    time.sleep(1)
    assert own_server.cpu_seconds() - before < 0.2, "the server still computes for nobody"
    assert own_server.complete().status_code == 200


def test_sigterm_lets_running_answers_end(own_server):
    body = {"prompt": "Hello", "max_tokens": 64, "temperature": 0, "ignore_eos": True, "stream": True}
    with own_server.http.stream("POST", "/v1/completions", json=body) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        own_server.terminate()
        assert [line for line in lines if line][-1] == "data: [DONE]"
    assert own_server.wait() == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(own_server.url + "/health")


def test_an_idle_server_stops_at_once(own_server):
    assert own_server.http.get("/health").status_code == 200
    began = time.monotonic()
    own_server.terminate()
    assert own_server.wait() == 0
    assert time.monotonic() - began < 5


def test_the_port_of_another_server_is_a_clear_error(server):
    port = httpx.URL(server.url).port
    second = apus.run("serve", "--model", apus.SMOLLM2, "--port", port, timeout=60)
    assert second.returncode != 0 and str(port) in second.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_shows_the_stream_as_it_grows(server):
    body = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 64, "stream": True}
    body["ignore_eos"] = True
    curl = subprocess.Popen(
        ["curl", "-sSN", server.url + "/v1/chat/completions", "-H", "Content-Type: application/json"]
        + ["-d", json.dumps(body)],
        stdout=subprocess.PIPE,
    )
    try:
        reads = []
        while piece := os.read(curl.stdout.fileno(), 1 << 16):
            reads.append(piece)
        assert curl.wait(30) == 0
    finally:
        curl.kill()
        curl.wait()
        curl.stdout.close()
    assert len(reads) > 5, "the whole answer came at once"
    assert b"".join(reads).rstrip().endswith(b"data: [DONE]")


def test_descriptors_are_for_this_process_alone_and_never_block(own_server):
    """Check 100."""
    proc = pathlib.Path(f"/proc/{own_server.process.pid}")
    with httpx.Client(base_url=own_server.url) as kept:
        kept.get("/health")
        kinds = collections.Counter()
        for entry in (proc / "fd").iterdir():
            kind = os.readlink(entry).partition("[")[0].rstrip(":")
            if kind not in ("socket", "anon_inode"):
                continue
            flags = int(re.search(r"flags:\s+([0-7]+)", (proc / "fdinfo" / entry.name).read_text()).group(1), 8)
            assert flags & os.O_CLOEXEC, os.readlink(entry)
            if kind == "socket":
                assert flags & os.O_NONBLOCK, os.readlink(entry)
            kinds[kind] += 1
        # The listener and two connections; the loop's descriptors.
        assert kinds["socket"] >= 2 and kinds["anon_inode"] >= 2
