"""Bytes that no client library would send, on the real server: beside other parsers, in floods, out of descriptors."""

import contextlib
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import apus
import h11
import httpx
import pytest

MUTATIONS = int(os.environ.get("APUS_MUTATIONS", 4_000))
SEED = int(os.environ.get("APUS_MUTATION_SEED", 1))
PEER = pathlib.Path(__file__).with_name("peer.mjs")


def address(server):
    url = httpx.URL(server.url)
    return url.host, url.port


def receive_all(connection):
    pieces = []
    while True:
        try:
            piece = connection.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


# ---- Mutations of requests: we never see more of them than other parsers do

JSON = b"Content-Type: application/json\r\n"
SEEDS = [
    b"GET /v1/models?x=y HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nX-A: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: [::1]:80\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /health HTTP/1.1\r\nhost:localhost:8080\r\nX-Empty:\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://localhost:80/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nGET / H",
    b"DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /health HTTP/1.0\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\n" + JSON + b'Content-Length: 15\r\n\r\n{"content":"a"}',
    b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}",
    b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + JSON
    + b'\r\n8;a="b"\r\n{"conten\r\n7\r\nt":"a"}\r\n0\r\nX-Sum: a\r\n\r\n',
    b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    # What smuggling is made of; each one is refused.
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;\n\r\na\r\n0\r\n\r\n",
]
BYTES = [bytes([byte]) for byte in b"\r\n \t:;,=\"#?/[]0159afAFgGxX-+_\0\x0b\x7f\x80\xff"]
WORDS = BYTES + [
    b"\r\n", b"\r\n\r\n", b"\n\n", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Host: localhost\r\n",
    b"chunked", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b" HTTP/1.1", b"HTTP/1.0", b"Connection: close\r\n", b" a\r\n",
    b"Upgrade: x\r\nConnection: upgrade\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"Expect: x\r\n",
]  # fmt: skip


def mutations(count):
    """Seeds joined, then bytes of them deleted, inserted, replaced and repeated; the same for the same seed."""
    choose = random.Random(SEED)
    for _ in range(count):
        text = b"".join(choose.choice(SEEDS) for _ in range(choose.randint(1, 3)))
        for _ in range(choose.randint(0, 3)):
            at = choose.randrange(len(text))
            behind = at + choose.choice([1, 1, 1, 2, 8, 30])
            match choose.randrange(4):
                case 0:
                    text = text[:at] + text[behind:]
                case 1:
                    text = text[:at] + choose.choice(WORDS) + text[at:]
                case 2:
                    text = text[:at] + choose.choice(WORDS) + text[behind:]
                case 3:
                    text = text[:behind] + text[at:]
            text = text or b"G"
        yield text


HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]+\r\nDate: ")
FAULTS = re.compile(
    rb'"code":"(request_line|version|method|target|target_too_long|field|fields_too_large|host|framing|'
    rb'transfer_coding|content_coding|body_coding|chunk|body_too_large|expectation|header_timeout|body_timeout|'
    # Known from the head alone: the rest of the request is never read.
    rb'unsupported_media_type|host_not_allowed|authority_not_allowed)"'
)


def seen_by_us(server, text):
    """How many requests were served; a refusal is the last word."""
    with socket.create_connection(address(server), timeout=30) as connection:
        connection.sendall(text)
        with contextlib.suppress(OSError):  # It may have been refused and closed already.
            connection.shutdown(socket.SHUT_WR)
        answer = receive_all(connection)
    heads = [head.start() for head in HEAD.finditer(answer)]
    responses = [answer[start:end] for start, end in zip(heads, heads[1:] + [len(answer)])]
    for response in responses[:-1]:
        assert b"\r\nConnection: close\r\n" not in response, (text, answer)
    if responses and b"\r\nConnection: close\r\n" in responses[-1] and FAULTS.search(responses[-1]):
        return len(responses) - 1
    return len(responses)


def seen_by_h11(text):
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(text)
    connection.receive_data(b"")
    count = 0
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return count
            if isinstance(event, h11.EndOfMessage):
                count += 1
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    return count
                connection.start_next_cycle()
    except h11.RemoteProtocolError:
        return count


def seen_by_node(texts):
    frames = b"".join(struct.pack(">I", len(text)) + text for text in texts)
    node = subprocess.run(["node", PEER], input=frames, capture_output=True, timeout=600, check=True)
    return [int(line) for line in node.stdout.split()]


# Where a peer is stricter than HTTP: it may see fewer requests than we do.
NODE_REFUSES = {
    # RFC 9110 §2.5: a server answers every minor version of a major one that it knows.
    "a minor version above 1": re.compile(rb" HTTP/1\.[2-9]\r\n"),
}
H11_REFUSES = {
    # RFC 9112 §2.2: a server ignores at least one empty line before a request line.
    "an empty line before a request": re.compile(rb"(^|[^\r\n]|\r\n\r\n)\r\n[A-Z]+ [^ ]+ HTTP/"),
    # RFC 9112 §9.3: HTTP/1.0 persists when it asks to.
    "HTTP/1.0 that persists": re.compile(rb"(?i) HTTP/1\.0\r\n([^\r\n]+\r\n)*Connection:[^\r\n]*keep-alive"),
}


@pytest.fixture(scope="module")
def seen(server):
    """Each mutation, and how many requests we see in it."""
    return [(text, seen_by_us(server, text)) for text in mutations(MUTATIONS)]


def compare(seen, peer, theirs, exceptions):
    assert len(theirs) == len(seen)
    more = [
        (text, our, their)
        for (text, our), their in zip(seen, theirs)
        if our > their and not any(known.search(text) for known in exceptions.values())
    ]
    assert not more, f"{len(more)} of {len(seen)} times we see more than {peer}: {more[:5]}"
    # Enough is let through, on both sides, for the comparison to mean something.
    total = sum(our for _, our in seen)
    print(f"{len(seen)} mutations: {total} requests seen by apus, {sum(theirs)} by {peer}")
    assert total > len(seen) // 2 and total > sum(theirs) // 2


def test_no_mutation_shows_us_more_requests_than_h11(seen):
    compare(seen, "h11", [seen_by_h11(text) for text, _ in seen], H11_REFUSES)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_no_mutation_shows_us_more_requests_than_node(seen):
    compare(seen, "node", seen_by_node([text for text, _ in seen]), NODE_REFUSES)


# ---- Floods


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


@pytest.fixture
def patient_server(smollm2, tmp_path):
    """A server that lets one connection ask as often as it likes."""
    configuration = tmp_path / "apus.yaml"
    configuration.write_text("requests-per-connection-max: 1000000\naccess-log: false\n")
    server = apus.Server(smollm2, "--config", configuration)
    yield server
    server.stop()


def test_a_hundred_thousand_pipelined_requests_take_no_memory_and_nobodys_turn(patient_server):
    """One connection asks, and others are answered meanwhile (check 94)."""
    count, request = 100_000, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    assert patient_server.http.get("/health").status_code == 200
    before, most, longest, received = resident_bytes(patient_server), 0, 0.0, []
    with socket.create_connection(address(patient_server), timeout=120) as connection:
        last = request[:-2] + b"Connection: close\r\n\r\n"
        sender = threading.Thread(target=lambda: connection.sendall(request * (count - 1) + last))
        reader = threading.Thread(target=lambda: received.append(len(HEAD.findall(receive_all(connection)))))
        sender.start()
        reader.start()
        while reader.is_alive():
            start = time.monotonic()
            assert patient_server.http.get("/health").status_code == 200
            longest = max(longest, time.monotonic() - start)
            most = max(most, resident_bytes(patient_server))
        sender.join()
    assert received == [count]
    assert most - before < 32 << 20, f"{(most - before) >> 20} MiB more"
    assert longest < 5, f"another client waited {longest:.1f} s"
    print(f"{(most - before) / 2**20:.1f} MiB more; another client waited at most {longest * 1000:.0f} ms")


def test_who_floods_and_does_not_read_is_not_read_from(own_server):
    """What waits for the client is bounded, and with it what is taken from it (check 94)."""
    request = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    assert own_server.http.get("/health").status_code == 200
    before = resident_bytes(own_server)
    with socket.create_connection(address(own_server), timeout=5) as connection:
        with pytest.raises(TimeoutError):
            connection.sendall(request * 1_000_000)
        assert own_server.http.get("/health").status_code == 200
        assert resident_bytes(own_server) - before < 32 << 20


# ---- Descriptors


def test_out_of_descriptors_it_waits_and_goes_on(smollm2):
    """No spinning, no exit, one line in the log, and service as soon as there is room (check 89)."""
    server = apus.Server(smollm2, descriptors=64)
    try:
        with socket.create_connection(address(server), timeout=30) as first:
            first.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            assert b" 200 OK" in first.recv(65_536)
            # The kernel completes these; the server cannot take them all.
            crowd = [socket.create_connection(address(server), timeout=30) for _ in range(200)]
            time.sleep(1)
            before = server.cpu_seconds()
            time.sleep(2)
            assert server.cpu_seconds() - before < 0.5, "it spins"
            first.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            assert b" 200 OK" in first.recv(65_536)
            for connection in crowd:
                connection.close()
        assert server.http.get("/health").status_code == 200
        assert server.complete().status_code == 200
        assert server.process.poll() is None
        assert server.output().count("cannot accept connections") == 1
        server.terminate()
        assert server.wait() == 0
    finally:
        server.stop()
