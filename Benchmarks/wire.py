"""What the HTTP server is put under by itself: request rate, idle connections, churn, and slow attackers."""

import contextlib
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.request

import client
import servers
from table import ROOT

PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "slowhttptest": "slowhttptest"}
# Clients that trust everybody; one context for all, because making one takes longer than a handshake.
SECURE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SECURE.check_hostname = False
SECURE.verify_mode = ssl.CERT_NONE
HEALTH = b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n"


def tool(name):
    """The path of a program of Debian's, which is installed when it is missing."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not path:
        subprocess.run([ROOT / "scripts/install-packages", PACKAGES[name]], check=True)
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    return path


# ---- Rate


@contextlib.contextmanager
def nginx(body):
    """One worker of nginx that answers every path with this body; its port."""
    port = servers.free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "nginx.conf"
        text = body.decode().replace("'", "\\'")
        config.write_text(
            f"worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events { worker_connections 2048; }\n"
            "http { access_log off; keepalive_requests 100000000;\n"
            f"server {{ listen 127.0.0.1:{port}; default_type application/json; location / {{ return 200 '{text}'; }} }} }}\n"
        )
        process = subprocess.Popen([tool("nginx"), "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port):
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def body_of(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
        return answer.read()


def rate(port, seconds):
    """Requests a second that `wrk -t1 -c64` gets of `GET /health`, and its median latency in seconds."""
    command = [tool("wrk"), "-t1", "-c64", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/health"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    if wrong := re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", done.stdout):
        raise RuntimeError(wrong.group(0))
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
    return {
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1)),
        "latency_median": float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit],
    }


# ---- Idleness


def idle_connections(server, count, seconds):
    """Resident memory of each connection that has had one answer and waits, and the CPU that all together use."""
    with held() as connections:
        # What the first ones make the server allocate for good is not theirs.
        for _ in range(100):
            connections.append(answered(server.port))
        before = server.memory("RssAnon")
        for _ in range(count):
            connections.append(answered(server.port))
        return {"count": count, **at_rest(server, before, count, seconds)}


def waiting_streams(server, count):
    """Resident memory of each streamed request that waits for its turn while one is generated.

    What the engine keeps of a request is in it; its KV memory is small, and all in use before.
    """
    body = {"prompt": "Once upon a time", "max_tokens": 400, "ignore_eos": True, "stream": True}
    request = client.request_bytes("/v1/completions", body)
    with held() as connections:
        for _ in range(20):
            connections.append(sent(server.port, request))
        # Two requests' worth: more positions than the KV memory holds.
        wait_until_generated(server.port, 800)
        before = server.memory("RssAnon")
        for _ in range(count):
            connections.append(sent(server.port, request))
        time.sleep(3)
        return {"count": count, "bytes_each": (server.memory("RssAnon") - before) / count}


def wait_until_generated(port, tokens):
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            generated = re.search(rb"^apus_generated_tokens_total (\d+)", answer.read(), re.M)
        if int(generated.group(1)) >= tokens:
            return
        time.sleep(0.2)
    raise RuntimeError(f"{tokens} tokens are not generated in five minutes")


def sent(port, request):
    channel = Channel(port)
    channel.send(request)
    return channel


def answered(port):
    channel = sent(port, HEALTH)
    if channel.answer() != 200:
        raise RuntimeError("no answer")
    return channel


@contextlib.contextmanager
def held():
    connections = []
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def at_rest(server, before, count, seconds):
    # Longer than header-timeout: the timer that was set when a connection came has been moved.
    time.sleep(12)
    cpu = server.cpu_seconds()
    time.sleep(seconds)
    return {
        "bytes_each": (server.memory("RssAnon") - before) / count,
        "cpu": (server.cpu_seconds() - cpu) / seconds,
    }


# ---- Churn


def churn(binary, model, threads, cycles, processes=4):
    """Connections that come and go in every way there is, a fifth of them over TLS: what is left of them in the server."""
    with certificate() as file:
        port, tls_port = servers.free_port(), servers.free_port()
        settings = {"APUS_LISTEN": f"127.0.0.1:{port}, 127.0.0.1:{tls_port};tls", "APUS_TLS_CERTIFICATE": str(file)}
        with servers.apus(binary, model, threads, "q8", port=port, **settings) as server:
            return left_by_churn(server, tls_port, cycles, processes)


def left_by_churn(server, tls_port, cycles, processes):
    run_churn(server.port, tls_port, max(cycles // 20, 200), processes)
    settle()
    before = {"descriptors": descriptors(server), "memory": server.memory("RssAnon")}
    began = time.perf_counter()
    outcomes = run_churn(server.port, tls_port, cycles, processes)
    seconds = time.perf_counter() - began
    settle()
    with contextlib.closing(answered(server.port)):
        is_well = server.process.poll() is None
    settle()
    return {
        "cycles": cycles,
        "seconds": seconds,
        "outcomes": outcomes,
        "descriptors": descriptors(server) - before["descriptors"],
        "memory": server.memory("RssAnon") - before["memory"],
        "is_well": is_well,
    }


@contextlib.contextmanager
def certificate():
    """A file with a new certificate and its key."""
    with tempfile.TemporaryDirectory() as folder:
        file, key = pathlib.Path(folder) / "tls.pem", pathlib.Path(folder) / "tls.key"
        command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
        subprocess.run(["openssl", *command.split(), "-keyout", key, "-out", file], check=True, capture_output=True)
        file.write_text(file.read_text() + key.read_text())
        yield file


def settle():
    time.sleep(3)  # longer than linger-timeout


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def run_churn(port, tls_port, cycles, processes):
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts = [(port, tls_port, cycles // processes, seed) for seed in range(processes)]
        outcomes = {}
        for part in pool.starmap(churn_part, parts):
            for name, count in part.items():
                outcomes[name] = outcomes.get(name, 0) + count
        return outcomes


def churn_part(port, tls_port, cycles, seed):
    dice = random.Random(seed)
    outcomes = {"answered": 0, "refused": 0, "left": 0, "failed": 0}
    for index in range(cycles):
        # Several addresses, so that the ports of closed connections suffice.
        source = f"127.0.{1 + seed}.{1 + index % 200}"
        try:
            secure = dice.random() < 0.2
            with contextlib.closing(Channel(tls_port if secure else port, source, secure)) as channel:
                outcomes[dice.choice(CYCLES)(channel, dice)] += 1
        except (OSError, ssl.SSLError):
            outcomes["failed"] += 1
    return outcomes


def plain(channel, dice):
    channel.send(HEALTH)
    return "answered" if channel.answer() == 200 else "failed"


def few(channel, dice):
    for _ in range(dice.randint(2, 5)):
        channel.send(HEALTH)
        if channel.answer() != 200:
            return "failed"
    return "answered"


def pipelined(channel, dice):
    channel.send(HEALTH * 3)
    return "answered" if [channel.answer() for _ in range(3)] == [200] * 3 else "failed"


def half_closed(channel, dice):
    channel.send(HEALTH)
    channel.end_output()
    return "answered" if channel.answer() == 200 else "failed"


def reset(channel, dice):
    channel.send(HEALTH)
    channel.reset_at_close()
    return "left"


def silent(channel, dice):
    return "left"


def inside_the_head(channel, dice):
    channel.send(HEALTH[: dice.randrange(1, len(HEALTH) - 1)])
    return "left"


def inside_the_body(channel, dice):
    channel.send(b"POST /tokenize HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n")
    channel.send(b"Content-Length: 100\r\n\r\n{")
    return "left"


def malformed(channel, dice):
    channel.send(b"GET  /health HTTP/1.1\r\n\r\n")
    return "refused" if channel.answer() == 400 else "failed"


CYCLES = [plain, plain, few, pipelined, half_closed, reset, silent, inside_the_head, inside_the_body, malformed]


class Channel:
    """A blocking connection that reads answers which have a length."""

    def __init__(self, port, source=None, secure=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 30, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        if secure:
            self.socket = SECURE.wrap_socket(self.socket)

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The status of the next answer, or 0 when the end came before it was whole."""
        while b"\r\n\r\n" not in self.pending:
            if not self.receive():
                return 0
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(self.pending) < length:
            if not self.receive():
                return 0
        self.pending = self.pending[length:]
        return int(head[9:12])

    def receive(self):
        part = self.socket.recv(65536)
        self.pending += part
        return bool(part)

    def end_output(self):
        # What TLS has for it most clients do not use.
        if not isinstance(self.socket, ssl.SSLSocket):
            self.socket.shutdown(socket.SHUT_WR)

    def reset_at_close(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        self.socket.close()


# ---- Slow attackers

# As slowhttptest names them: heads that never end, bodies that never end, ranges, answers that nobody reads.
ATTACKS = {
    "-H": ["-i", "5"],
    "-B": ["-i", "5", "-s", "8192", "-t", "POST"],
    "-R": ["-a", "10", "-b", "3000"],
    "-X": ["-w", "64", "-y", "256", "-n", "3", "-z", "16", "-k", "3"],
}


def attack(port, mode, connections=1000, seconds=30):
    """One attack: whether the server stayed available to others as slowhttptest saw it, and as a client of ours did."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report"
        path = "/tokenize" if mode == "-B" else "/v1/models"
        command = [tool("slowhttptest"), mode, *ATTACKS[mode], "-c", connections, "-r", 500, "-l", seconds, "-p", 3,
                   "-g", "-o", report, "-u", f"http://127.0.0.1:{port}{path}"]  # fmt: skip
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        latencies, unanswered = [], 0
        try:
            while process.poll() is None:
                began = time.perf_counter()
                try:
                    with contextlib.closing(Channel(port)) as channel:
                        channel.send(HEALTH)
                        if channel.answer() != 200:
                            unanswered += 1
                except OSError:
                    unanswered += 1
                latencies.append(time.perf_counter() - began)
                time.sleep(0.25)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(20)
        rows = [row.split(",") for row in report.with_suffix(".csv").read_text().splitlines()[1:]]
    return {
        "mode": mode,
        "connections": connections,
        # Columns: seconds, closed, pending, connected, service available (its limit when it is).
        "open_most": max((int(row[3]) for row in rows), default=0),
        "unavailable_seconds": sum(1 for row in rows if int(row[4]) == 0),
        "seconds": len(rows),
        "probes": len(latencies),
        "probes_unanswered": unanswered,
        "probe_seconds_max": max(latencies, default=float("inf")),
    }
