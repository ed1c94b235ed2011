"""What a request costs outside the engine: tokenization beside Hugging Face's, a long chat's way to its tokens, and the
processor time of everything but the engine's threads for each token that is streamed."""

import asyncio
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import time
import venv

import client
import loads
from table import ROOT

PYTHON = ROOT / ".build/bench/tokenizers"
REQUIREMENTS = ["tokenizers==0.22.1", "gguf==0.17.1"]
TEXT_BYTES = 1 << 20
CHAT_BYTES = 32 << 10
ENGINE_THREADS = ("apus-engine", "apus-worker")


def mixed_text():
    """A megabyte of what stands in this repository: prose, code, JSON, and the languages of the templates' tests."""
    patterns = ["*.md", "Tests/ChatTests/golden/*.json", "Sources/**/*.swift", "Sources/**/*.[ch]", "Tests/**/*.swift"]
    files = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    whole = "\n".join(path.read_text(errors="replace") for path in files).encode()
    # From all over, in pieces: no kind of text comes alone.
    pieces = 256
    stride, size = len(whole) // pieces, TEXT_BYTES // pieces
    return b"".join(whole[i * stride : i * stride + size] for i in range(pieces)).decode(errors="ignore")


def interpreter():
    """A Python with Hugging Face's tokenizers, in .build; made when it is missing."""
    python = PYTHON / "bin/python"
    if not (PYTHON / ".installed").exists():
        venv.create(PYTHON, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        (PYTHON / ".installed").touch()
    return python


def tokenizers(binary, vocabulary, rounds):
    """Bytes a second of one thread, the two in turn; and whether both find the same tokens."""
    text = mixed_text()
    peer = [interpreter(), pathlib.Path(__file__).with_name("peer_tokenizer.py"), vocabulary]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(apus_seconds(binary, vocabulary, text))
        done = subprocess.run(peer, input=text, capture_output=True, text=True, check=True)
        theirs.append(json.loads(done.stdout))
    tokens = apus_tokens(binary, vocabulary, [text])[0]
    size = len(text.encode())
    return {
        "bytes": size,
        "apus": size / min(ours),
        "hugging_face": size / min(found["seconds"] for found in theirs),
        "same": tokens == theirs[0]["tokens"],
    }


def apus_tokens(binary, vocabulary, texts):
    command = [binary, "tokenize", "--model", vocabulary]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def apus_seconds(binary, vocabulary, text):
    """Of one text, without the start: what eight more take, with reading them and writing their tokens."""
    times = []
    for count in [1, 9]:
        began = time.perf_counter()
        apus_tokens(binary, vocabulary, [text] * count)
        times.append(time.perf_counter() - began)
    return (times[1] - times[0]) / 8


def long_chat(server, rounds):
    """Milliseconds that a chat of 32 KiB takes to be parsed, rendered and tokenized, with HTTP: the best and the median."""
    story = loads.story(CHAT_BYTES // 4, seed=3)
    parts = [story[start : start + 1024] for start in range(0, CHAT_BYTES, 1024)]
    messages = [{"role": ["user", "assistant"][i % 2], "content": part} for i, part in enumerate(parts)]
    body = json.dumps({"messages": messages})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        connection.request("POST", "/v1/chat/completions/input_tokens", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return {"bytes": len(body), "tokens": answer["input_tokens"], "best": min(times), "median": statistics.median(times)}


def around_engine(server, place, streams, tokens):
    """Processor time of all threads but the engine's while chats stream, for each token; and the tokens a second.

    `place` is where the clients connect.
    """
    before = time_of_others(server)
    began = time.perf_counter()
    answers = asyncio.run(all_chats(place, streams, tokens))
    seconds = time.perf_counter() - began
    spent = time_of_others(server) - before
    count = sum(answer.tokens for answer in answers)
    return {"tokens": count, "per_second": count / seconds, "microseconds": spent / count / 1000}


async def all_chats(place, streams, tokens):
    bodies = [loads.chat(loads.QUESTIONS[i % len(loads.QUESTIONS)], tokens, seed=i) for i in range(streams)]
    return await asyncio.gather(*(client.post(place, "/v1/chat/completions", body) for body in bodies))


def time_of_others(server):
    """Nanoseconds on a processor so far of all threads but the engine's, those that have ended included."""
    process = server.process.pid
    # The clock of another process, as clock_getcpuclockid(3) makes its number.
    spent = time.clock_gettime_ns(~process << 3 | 2)
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().startswith(ENGINE_THREADS):
            spent -= int((task / "schedstat").read_text().split()[0])  # its first field is the time on a processor
    return spent
