"""Random load for a while: requests of all sizes, clients that vanish at any moment, too little memory, a short queue.

`APUS_SOAK_SECONDS` says for how long (a minute by default, ten in CI, two hours before a release), `APUS_SOAK_SEED`
which load. At the end nothing may be left of it: no KV block, no memory, no different answer.
"""

import asyncio
import collections
import dataclasses
import json
import os
import random
import socket
import struct
import sys
import time

import pytest

import apus

sys.path.append(str(apus.ROOT / "Benchmarks"))
import client
import loads

SECONDS = float(os.environ.get("APUS_SOAK_SECONDS", 60))
SEED = int(os.environ.get("APUS_SOAK_SEED", 1))
CLIENTS = 24
# About 2,900 positions of the default model, 3,600 short ones of Gemma: the sequences that run together need more, now and then.
KV_MEMORY = "64MiB"
# The longest prompt of the load is longer.
CONTEXT = "8192"
QUEUE_MAX = 12
# Generous: a machine that others use too starves threads that wait for each other.
ANSWER_SECONDS_MAX = 900
# Beyond what the first part of the load needed; the allocator is not exact.
GROWTH_BYTES_MAX = 16 << 20
# However short the load is: before that, memory still grows to what any load of the kind needs.
FIRST_SECONDS_MIN = 25

PROBES = [
    {"prompt": "Once upon a time", "max_tokens": 40},
    {"prompt": "Q: What is the capital of France?\nA:", "max_tokens": 16},
    {"prompt": loads.story(80, seed=1), "max_tokens": 32},
    {"prompt": loads.story(400, seed=2), "max_tokens": 48},
    {"prompt": "def add(a, b):", "max_tokens": 24, "n": 2},
]


@dataclasses.dataclass
class Soak:
    port: int
    dice: random.Random
    until: float
    outcomes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    problems: list = dataclasses.field(default_factory=list)

    async def run(self):
        await asyncio.gather(*(self.one_client() for _ in range(CLIENTS)))

    async def one_client(self):
        while time.monotonic() < self.until:
            if self.dice.random() < 0.1:
                await asyncio.sleep(self.dice.expovariate(2))
            action = self.dice.choices([self.answered, self.abandoned, self.refused], [60, 35, 5])[0]
            try:
                self.outcomes[await asyncio.wait_for(action(), ANSWER_SECONDS_MAX)] += 1
            except Exception as error:
                when = time.strftime("%H:%M:%S")
                self.problems.append(f"{when} {action.__name__}: {type(error).__name__} {error}")

    def request(self):
        """A path and a body: some share the beginning of their prompts, some want several choices."""
        dice = self.dice
        fields = {"max_tokens": int(dice.lognormvariate(3, 1)) + 1, "stream": dice.random() < 0.7}
        fields |= {"temperature": dice.choice([0, 0.7, 1.2]), "ignore_eos": dice.random() < 0.5}
        if dice.random() < 0.15:
            fields |= {"n": dice.randrange(2, 5)}
        if fields["max_tokens"] > 500:
            fields["max_tokens"] = 500
        if dice.random() < 0.4:
            messages = loads.chat(dice.choice(loads.QUESTIONS), 1, seed=0)["messages"]
            return "/v1/chat/completions", {"messages": messages} | fields
        prompt = loads.story(int(dice.lognormvariate(4, 1.2)) % 900 + 1, seed=dice.randrange(6))
        return "/v1/completions", {"prompt": prompt} | fields

    async def answered(self):
        path, body = self.request()
        answer = await client.post(self.port, path, body)
        if answer.status == 429:
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(self.dice.random())
            return "told to come back"
        assert answer.status == 200 and answer.finished, f"{answer.status} {answer.body[:200]}"
        return "answered"

    async def abandoned(self):
        """The client goes away: while it waits, or in the middle of the answer; politely or not."""
        path, body = self.request()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(client.request_bytes(path, body))
            patience = self.dice.choice([0, 0.01, 0.1, 0.5, 2])
            try:
                await asyncio.wait_for(reader.read(self.dice.choice([1, 500, 5000])), patience)
            except asyncio.TimeoutError:
                pass
            if self.dice.random() < 0.5:
                reset = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        finally:
            writer.close()
        return "abandoned"

    async def refused(self):
        body = self.dice.choice([{"prompt": 7}, {"prompt": "x", "n": -1}, {"prompt": loads.story(9000, seed=0)}])
        answer = await client.post(self.port, "/v1/completions", body | {"max_tokens": 4})
        # A full queue is told before the prompt is looked at.
        assert answer.status in (400, 429), answer.status
        return "refused" if answer.status == 400 else "told to come back"


def probe(server):
    """Greedy answers that must never change."""
    texts = []
    for body in PROBES:
        answer = server.complete(**body)
        assert answer.status_code == 200, answer.text
        texts.append([choice["text"] for choice in answer.json()["choices"]])
    return texts


def resident_bytes(server):
    """Of the server's own memory; the model file's pages belong to the system."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon:"))


def engine(server):
    return server.http.get("/health").json()["engine"]


def limits_reached(server):
    """Says which rule of the server's ended a connection that a client missed."""
    lines = server.http.get("/metrics").text.splitlines()
    return [line for line in lines if line.startswith("apus_http_limits_reached_total") and not line.endswith(" 0")]


def wait_until_idle(server):
    deadline = time.monotonic() + 60
    while (figures := engine(server))["requests_waiting"] or figures["sequences_running"]:
        assert time.monotonic() < deadline, f"the engine still works for nobody: {figures}"
        time.sleep(0.1)
    return figures


def load(server, seconds, seed):
    url = server.url.rpartition(":")
    soak = Soak(int(url[2]), random.Random(seed), time.monotonic() + seconds)
    asyncio.run(soak.run())
    print(f"{sum(soak.outcomes.values())} requests with seed {seed}: {dict(soak.outcomes)}")
    assert not soak.problems, f"{len(soak.problems)}, {soak.problems[:10]}; limits reached: {limits_reached(server)}"
    assert soak.outcomes["answered"] > 0 and soak.outcomes["abandoned"] > 0


# Gemma's layers with a sliding window have blocks of their own.
@pytest.mark.parametrize("model,seconds", [("smollm2", SECONDS), ("gemma", SECONDS / 10)])
def test_nothing_is_left_of_a_random_load(model, seconds, request, monkeypatch):
    model = request.getfixturevalue(model)
    monkeypatch.setenv("APUS_QUEUE_MAX", str(QUEUE_MAX))
    options = ["--context", CONTEXT, "--kv-memory", KV_MEMORY]
    server = apus.Server(model, *options, "--log-level", "notice")
    try:
        fresh = probe(server)
        load(server, max(seconds / 3, FIRST_SECONDS_MIN), SEED)
        wait_until_idle(server)
        before = resident_bytes(server)
        load(server, seconds * 2 / 3, SEED + 1)
        figures = wait_until_idle(server)
        print(json.dumps(figures))
        for name in ["kv_bytes", "kv_blocks", "kv_window_blocks"]:
            assert figures[name + "_free"] == figures[name], "blocks are held by nobody"
        assert resident_bytes(server) - before <= GROWTH_BYTES_MAX, f"{before} grew to {resident_bytes(server)} bytes"
        assert probe(server) == fresh, "other answers than before the load"
    finally:
        server.stop()
    again = apus.Server(model)
    try:
        assert probe(again) == fresh, "other answers than after a fresh start with all of its memory"
    finally:
        again.stop()
