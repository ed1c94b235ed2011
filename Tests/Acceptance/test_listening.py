"""Where the server listens: several addresses, unix sockets, systemd's sockets, and servers that follow each other."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import apus
import httpx
import pytest

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def curl(*arguments):
    return subprocess.run(
        ["curl", "-sS", "--max-time", "60", *arguments], capture_output=True, encoding="utf-8", timeout=70
    )


def ask(connection, path="/v1/models"):
    """One request on a connection that is new, and the whole answer."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


class Hammer:
    """Connects again and again, and keeps every answer that is not a good one."""

    def __init__(self, address):
        self.address, self.answers, self.failures, self.slowest = address, 0, [], 0.0
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_stopping:
            began = time.monotonic()
            try:
                with socket.create_connection(self.address, timeout=60) as connection:
                    answer = ask(connection)
                if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"}"):
                    self.failures.append(answer)
                self.answers += 1
            except OSError as error:
                self.failures.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.001)

    def stop(self):
        self.is_stopping = True
        self.thread.join()


@needs_curl
def test_curl_speaks_through_a_unix_socket_and_the_log_says_who_it_was(smollm2, tmp_path):
    path = tmp_path / "apus.sock"
    server = apus.Server(smollm2, "--listen", f"127.0.0.1:0, unix:{path};mode=0600")
    try:
        assert path.stat().st_mode & 0o777 == 0o600
        assert f"unix:{path}" in server.output()
        body = json.dumps({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4, "temperature": 0})
        answer = curl("--unix-socket", path, "http://localhost/v1/chat/completions", "--json", body)
        assert json.loads(answer.stdout)["choices"][0]["message"]["content"]
        assert curl("--unix-socket", path, "http://localhost/health").returncode == 0
        assert server.http.get("/health").status_code == 200
        server.terminate()
        assert server.wait() == 0
        assert re.search(rf"unix pid=\d+ uid={os.getuid()}\b", server.output())
    finally:
        server.stop()
    assert not path.exists()


@needs_curl
def test_a_listener_for_proxies_wants_their_header(smollm2):
    server = apus.Server(smollm2, "--listen", "127.0.0.1:0;proxy")
    try:
        assert json.loads(curl("--haproxy-protocol", server.url + "/health").stdout)["status"] == "ok"
        assert curl(server.url + "/health").returncode in (52, 56)
    finally:
        server.stop()


def test_healthcheck_asks_where_the_server_listens(smollm2, tmp_path):
    path = tmp_path / "apus.sock"
    name = f"apus-test-{os.getpid()}"
    listen = f"unix:{path};mode=0600, unix:@{name};proxy, 127.0.0.1:0"
    server = apus.Server(smollm2, "--listen", listen)
    try:
        config = tmp_path / "apus.yaml"
        config.write_text(f"listen: {listen}\n")
        for arguments in (
            ["--config", config],
            ["--listen", f"systemd, unix:{path}"],
            ["--listen", f"unix:@{name};proxy"],
        ):
            asked = apus.run("healthcheck", *arguments)
            assert asked.returncode == 0 and json.loads(asked.stdout) == {"status": "ready"}, asked.stderr
        refused = apus.run("healthcheck", "--listen", f"unix:@{name}")
        assert refused.returncode == 1 and "no answer" in refused.stderr
    finally:
        server.stop()
    gone = apus.run("healthcheck", "--config", config)
    assert gone.returncode == 1 and str(path) in gone.stderr and "No such file" in gone.stderr
    unknown = apus.run("healthcheck", "--listen", "systemd, 127.0.0.1:0")
    assert unknown.returncode == 1 and "--listen" in unknown.stderr


def test_a_dual_stack_listener_tells_its_port_and_logs_ipv4_as_such(smollm2):
    open_to_all = {"APUS_ALLOW_UNAUTHENTICATED": "true"}
    server = apus.Server(smollm2, "--listen", "127.0.0.1:0, [::]:0", environment=open_to_all)
    try:
        found = re.search(r"http://\[::\]:(\d+)", server.output())
        assert httpx.get(f"http://127.0.0.1:{found[1]}/health").status_code == 200
        assert httpx.get(f"http://[::1]:{found[1]}/health").status_code == 200
        # Log lines leave a moment after the answer.
        server.terminate()
        assert server.wait() == 0
        peers = re.findall(r'"peer":"(.*?):\d+"', server.output())
        assert sorted(peers) == ["127.0.0.1", "[::1]"]
    finally:
        server.stop()


@pytest.mark.parametrize("value", ["8080", "127.0.0.1:80;speed=9", "unix:relative", "::1:80"])
def test_a_wrong_address_is_named(value):
    failed = apus.run("serve", "--listen", value)
    assert failed.returncode != 0
    assert f"--listen is '{value}', but must be addresses" in failed.stderr


def activated(model, listening):
    """A server with a listening socket as systemd passes it: descriptor 3, and LISTEN_PID, which only it knows."""
    start = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid())"
    start += "; os.execv(sys.argv[2], sys.argv[2:])"
    return apus.Server(
        *(model, "--listen", "systemd:http"),
        before=[sys.executable, "-c", start, str(listening.fileno())],
        pass_fds=[listening.fileno()],
        environment={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"},
    )


def test_restarts_behind_a_socket_of_systemd_lose_no_connection(smollm2):
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        hammer = Hammer(listening.getsockname())
        try:
            for _ in range(3):
                server = activated(smollm2, listening)
                before = hammer.answers
                deadline = time.monotonic() + 30
                while hammer.answers < before + 5 and time.monotonic() < deadline:
                    time.sleep(0.01)
                server.stop()
            server = activated(smollm2, listening)
        finally:
            hammer.stop()
        server.stop()
    assert hammer.failures == []
    assert hammer.answers >= 15


def test_no_client_notices_ten_servers_that_take_over_from_each_other(smollm2, tmp_path):
    arguments = ["--listen", f"127.0.0.1:0,unix:{tmp_path}/apus.sock", "--hand-over", f"{tmp_path}/hand-over"]
    servers = [apus.Server(smollm2, *arguments)]
    url = httpx.URL(servers[0].url)
    hammer = Hammer((url.host, url.port))
    try:
        for _ in range(10):
            old = servers[-1]
            body = {"prompt": "Hello", "max_tokens": 48, "ignore_eos": True, "stream": True}
            with old.http.stream("POST", "/v1/completions", json=body) as answer:
                lines = answer.iter_lines()
                assert next(lines).startswith("data: ")
                servers.append(apus.Server(smollm2, *arguments))
                assert servers[-1].url == old.url
                assert [line for line in lines if line][-1] == "data: [DONE]"
            assert old.wait() == 0
            assert "another process has taken over" in old.output()
        assert servers[-1].complete().status_code == 200
        hammer.stop()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{tmp_path}/apus.sock")
            assert ask(connection).startswith(b"HTTP/1.1 200 ")
    finally:
        hammer.stop()
        for server in servers:
            server.stop()
    print(f"{hammer.answers} answers, the slowest after {hammer.slowest:.3f} s")
    assert hammer.failures == []
    assert hammer.answers > 100
    assert list(tmp_path.iterdir()) == []


def test_a_successor_that_fails_leaves_the_old_server_as_it_was(smollm2, tmp_path):
    arguments = ["--listen", f"127.0.0.1:0,unix:{tmp_path}/apus.sock", "--hand-over", f"{tmp_path}/hand-over"]
    server = apus.Server(smollm2, *arguments)
    try:
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(b"GGUF")
        failed = apus.run("serve", "--model", broken, *arguments)
        assert failed.returncode != 0
        assert server.http.get("/health").status_code == 200
        assert (tmp_path / "apus.sock").is_socket()
        successor = apus.Server(smollm2, *arguments)
        successor.stop()
        assert server.wait() == 0
    finally:
        server.stop()


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_of_readiness_life_and_end(smollm2, tmp_path, is_abstract):
    address = f"\0apus-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(60)
        environment = {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "300000"}
        server = apus.Server(smollm2, environment=environment)
        try:
            assert ear.recv(100) == b"READY=1"
            assert server.http.get("/health").status_code == 200
            assert [ear.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            server.terminate()
            while (note := ear.recv(100)) == b"WATCHDOG=1":
                pass
            assert note == b"STOPPING=1"
            assert server.wait() == 0
        finally:
            server.stop()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for name in ["apus.service", "apus.socket"]:
        text = (apus.ROOT / "deploy/systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin/apus", str(apus.BINARY)))
    units = [tmp_path / "apus.service", tmp_path / "apus.socket"]
    verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, encoding="utf-8")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
