"""HTTPS with the clients that people have: curl, Python's ssl, OpenAI's client, openssl s_client (checks 85, 104-110)."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import apus
import httpx
import openai
import pytest

pytestmark = pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl")), reason="openssl or curl is not installed"
)

HELLO = json.dumps({"prompt": "Hello", "max_tokens": 16, "temperature": 0})


class Authority:
    """Makes certificates, in a directory, with the openssl command."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.file = folder / "ca.pem"
        self._openssl(
            *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj".split(),
            "/CN=Apus Test Authority",
            *["-keyout", folder / "ca.key", "-out", self.file],
        )

    def issue(self, name, *hosts, days=2):
        """The paths of a new certificate, with its authority's behind it, and of its key."""
        certificate, key, request = (self.folder / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
        self._openssl(
            *"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj".split(),
            f"/CN={name}",
            *["-keyout", key, "-out", request],
        )
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(hosts)}\n" if hosts else "basicConstraints=CA:FALSE\n")
        self._openssl(
            *["x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "ca.key"],
            *["-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", certificate],
        )
        certificate.write_text(certificate.read_text() + self.file.read_text())
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def files(authority):
    return authority.issue("localhost", "DNS:localhost", "IP:127.0.0.1")


@pytest.fixture(scope="module")
def https(smollm2, authority, files):
    """A server with one certificate and defaults."""
    certificate, key = files
    server = apus.Server(
        smollm2, "--tls-certificate", certificate, "--tls-key", key, "--log-level", "debug", ca=authority.file
    )
    yield server
    server.stop()


def curl(*arguments, timeout=60):
    return subprocess.run(
        ["curl", "-sS", "--max-time", str(timeout - 5), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


def s_client(server, *arguments, input=""):
    """What openssl s_client says about a connection, both streams together."""
    url = httpx.URL(server.url)
    command = ["openssl", "s_client", "-connect", f"{url.host}:{url.port}", *map(str, arguments)]
    done = subprocess.run(
        command, input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60
    )
    return done.returncode, done.stdout


def connect(server, authority, *, name="localhost", alpn=(), maximum=None, certificate=None):
    """A TLS connection of Python's ssl module."""
    context = ssl.create_default_context(cafile=authority.file)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if maximum:
        context.maximum_version = maximum
    if certificate:
        context.load_cert_chain(*certificate)
    url = httpx.URL(server.url)
    plain = socket.create_connection((url.host, url.port), timeout=30)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def test_curl_checks_the_certificate_and_is_answered(https, authority):
    port = httpx.URL(https.url).port
    for url in (https.url, f"https://localhost:{port}"):
        answer = curl("--cacert", authority.file, url + "/v1/completions", "-d", HELLO, "-H", "Content-Type: application/json")
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["choices"][0]["text"]
    assert curl(https.url + "/health").returncode == 60, "a certificate of nobody known was trusted"


def test_curl_shows_the_stream_as_it_grows(https, authority):
    body = {"prompt": "Once upon a time", "max_tokens": 48, "stream": True, "ignore_eos": True}
    process = subprocess.Popen(
        ["curl", "-sSN", "--cacert", authority.file, https.url + "/v1/completions", "-d", json.dumps(body)]
        + ["-H", "Content-Type: application/json"],
        stdout=subprocess.PIPE,
    )
    try:
        reads = []
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            reads.append(piece)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert len(reads) > 5, "the whole answer came at once"
    assert b"".join(reads).rstrip().endswith(b"data: [DONE]")


def test_openai_streams_the_text_that_it_gets_whole(https, authority):
    context = ssl.create_default_context(cafile=authority.file)
    with (
        httpx.Client(verify=context, timeout=120) as http,
        openai.OpenAI(base_url=https.url + "/v1", api_key="none", max_retries=0, http_client=http) as client,
    ):
        model = client.models.list().data[0].id
        fields = {"model": model, "prompt": "Hello", "max_tokens": 24, "temperature": 0}
        whole = client.completions.create(**fields).choices[0].text
        stream = client.completions.create(**fields, stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices) == whole


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_ciphers_and_the_end(https, authority, maximum):
    """Checks 104, 105 and 110."""
    with connect(https, authority, maximum=maximum, alpn=["h2", "http/1.1"]) as connection:
        assert connection.version() == {0x303: "TLSv1.2", 0x304: "TLSv1.3"}[maximum]
        cipher = connection.cipher()[0]
        assert cipher.startswith("TLS_" if maximum == ssl.TLSVersion.TLSv1_3 else "ECDHE-")
        assert "GCM" in cipher or "POLY1305" in cipher
        assert connection.selected_alpn_protocol() == "http/1.1" and connection.compression() is None
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        # Without close_notify this raises SSLEOFError (suppress_ragged_eofs hides it from recv).
        connection.suppress_ragged_eofs = False
        while piece := connection.recv(65536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_old_versions_and_h2_alone_are_refused(https, authority):
    """Checks 104 and 105."""
    for version in ("-tls1", "-tls1_1"):
        status, text = s_client(https, version, "-cipher", "DEFAULT@SECLEVEL=0")
        assert status != 0 and "alert protocol version" in text
    status, text = s_client(https, "-alpn", "h2")
    assert status != 0 and "alert no application protocol" in text
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(https, authority, alpn=["h2"])


def test_what_s_client_sees(https):
    """Check 104."""
    status, text = s_client(https, "-tls1_3", "-ign_eof", input="GET /health HTTP/1.0\r\n\r\n")
    assert "HTTP/1.1 200 OK" in text and "New, TLSv1.3" in text
    assert "Compression: NONE" in text and "Max Early Data" not in text and "New Session Ticket" not in text
    status, text = s_client(https, "-tls1_2", "-ign_eof", input="GET /health HTTP/1.0\r\n\r\n")
    assert "HTTP/1.1 200 OK" in text and "Session-ID: \n" in text and "TLS session ticket" not in text
    status, text = s_client(https, "-tls1_2", input="R\nGET /health HTTP/1.0\r\n\r\n")
    assert status != 0 and "HTTP/1.1 200" not in text
    assert "no renegotiation" in text or "unexpected eof" in text
    status, text = s_client(https, "-reconnect", "-tls1_2")
    assert "Reused" not in text


def test_plain_http_on_the_port_is_told_so(https):
    """Check 109."""
    url = https.url.replace("https:", "http:")
    answer = curl("-i", url + "/health")
    assert answer.returncode == 0 and answer.stdout.startswith("HTTP/1.1 400 ") and "https://" in answer.stdout
    assert https.http.get("/health").status_code == 200
    deadline = time.monotonic() + 10
    while "the client speaks HTTP without TLS" not in https.output():
        assert time.monotonic() < deadline, https.output()
        time.sleep(0.05)


def test_the_work_of_a_client_that_vanishes_stops(https, authority):
    body = json.dumps({"prompt": "Hello", "max_tokens": 2000, "ignore_eos": True, "stream": True}).encode()
    with connect(https, authority) as connection:
        head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
    time.sleep(1)
    before = https.cpu_seconds()
    time.sleep(1)
    assert https.cpu_seconds() - before < 0.2, "the server still computes for nobody"


def test_a_handshake_that_stops_is_ended(smollm2, files):
    """Check 85."""
    certificate, key = files
    server = apus.Server(
        smollm2, "--tls-certificate", certificate, "--tls-key", key, environment={"APUS_TLS_HANDSHAKE_TIMEOUT": "500ms"}
    )
    try:
        url = httpx.URL(server.url)
        with socket.create_connection((url.host, url.port), timeout=20) as connection:
            connection.sendall(bytes([22, 3, 1, 2, 0]))
            assert connection.recv(1) == b""
    finally:
        server.stop()


def test_each_name_gets_its_certificate(smollm2, authority, files):
    """Check 106; and a second listener in the clear beside."""
    other = authority.issue("other", "DNS:other.example")
    server = apus.Server(
        smollm2,
        *["--tls-certificate", f"{files[0]},{other[0]}", "--tls-key", f"{files[1]},{other[1]}"],
        *["--listen", "127.0.0.1:0;tls, 127.0.0.1:0"],
        ca=authority.file,
    )
    try:
        for name, expected in (("localhost", "localhost"), ("other.example", "other")):
            with connect(server, authority, name=name) as connection:
                subject = dict(field[0] for field in connection.getpeercert()["subject"])
                assert subject["commonName"] == expected
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server, authority, name="third.example")
        plain = [url for url in server.urls if url.startswith("http:")]
        assert len(plain) == 1 and httpx.get(plain[0] + "/health").status_code == 200
    finally:
        server.stop()


def serial(server, authority):
    with connect(server, authority) as connection:
        return connection.getpeercert()["serialNumber"]


def eventually(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def test_certificates_are_replaced_while_it_runs(smollm2, authority, tmp_path):
    """Check 107: by swapping a symbolic link as Kubernetes does, by SIGHUP, and not by a broken pair."""
    def version(number):
        folder = tmp_path / f"v{number}"
        folder.mkdir()
        certificate, key = authority.issue(f"v{number}", "DNS:localhost")
        shutil.copy(certificate, folder / "tls.crt")
        shutil.copy(key, folder / "tls.key")
        return folder

    def point(folder):
        (tmp_path / "new").symlink_to(folder)
        (tmp_path / "new").rename(tmp_path / "..data")

    point(version(1))
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    server = apus.Server(
        smollm2,
        *["--tls-certificate", tmp_path / "tls.crt", "--tls-key", tmp_path / "tls.key"],
        ca=authority.file,
        environment={"APUS_TLS_RELOAD_INTERVAL": "1s"},
    )
    try:
        first = serial(server, authority)
        point(version(2))
        assert eventually(lambda: serial(server, authority) != first), "the new certificate was not noticed"
        second = serial(server, authority)
        assert eventually(lambda: "the certificates changed" in server.output())

        broken = version(3)
        (broken / "tls.key").write_text("nonsense")
        point(broken)
        assert eventually(lambda: "cannot be used; the old ones stay" in server.output())
        assert serial(server, authority) == second

        point(version(4))
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: serial(server, authority) != second)
    finally:
        server.stop()


def test_the_alerts_about_certificates_have_their_figures(https):
    there = https.http.get("/metrics").text
    asked = set(re.findall(r"\bapus_tls_\w+", (apus.ROOT / "deploy/prometheus/alerts.yaml").read_text()))
    assert asked and all(f"# TYPE {name} " in there for name in asked)
    left = float(re.search(r"^apus_tls_certificate_expiry_seconds (\S+)$", there, re.MULTILINE)[1])
    assert 1.9 * 86400 < left <= 2 * 86400


def test_healthcheck_speaks_tls_and_asks_where_it_needs_no_certificate(https, smollm2, authority, files, tmp_path):
    port = httpx.URL(https.url).port
    asked = apus.run("healthcheck", "--listen", f"127.0.0.1:{port};tls")
    assert asked.returncode == 0 and json.loads(asked.stdout) == {"status": "ready"}, asked.stderr
    plain = apus.run("healthcheck", "--port", port)
    assert plain.returncode == 1 and "400" in plain.stderr and "https" in plain.stderr

    config = tmp_path / "apus.yaml"
    config.write_text(
        f"tls-certificate: {files[0]}\ntls-key: {files[1]}\n"
        f"tls-client-auth: required\ntls-client-ca: {authority.file}\n"
    )
    server = apus.Server(smollm2, "--config", config, ca=authority.file, client=authority.issue("probe"))
    try:
        listener = f"127.0.0.1:{httpx.URL(server.url).port};tls"
        refused = apus.run("healthcheck", "--config", config, "--listen", listener)
        assert refused.returncode == 1 and "certificate" in refused.stderr
    finally:
        server.stop()


def test_clients_with_certificates(smollm2, authority, files, tmp_path):
    """Check 108."""
    alice = authority.issue("alice")
    mallory = Authority(tmp_path / "other").issue("mallory")
    server = apus.Server(
        smollm2,
        *["--tls-certificate", files[0], "--tls-key", files[1]],
        ca=authority.file,
        client=alice,
        environment={"APUS_TLS_CLIENT_AUTH": "required", "APUS_TLS_CLIENT_CA": str(authority.file)},
    )
    try:
        assert server.http.get("/health").status_code == 200
        trusted = ["--cacert", authority.file, server.url + "/health"]
        assert curl("--cert", alice[0], "--key", alice[1], *trusted).returncode == 0
        for refused in ([], ["--cert", mallory[0], "--key", mallory[1]]):
            answer = curl(*refused, *trusted)
            assert answer.returncode != 0 and "alert" in answer.stderr
    finally:
        server.stop()


def test_files_that_cannot_be_used_are_clear_errors(smollm2, authority, files, tmp_path):
    certificate, key = files
    other_key = authority.issue("third")[1]
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for arguments, parts in (
        ([tmp_path / "none.pem", key], ["none.pem", "No such file"]),
        ([certificate, tmp_path / "none.key"], ["none.key", "No such file"]),
        ([empty, key], ["empty.pem", "no certificate"]),
        ([certificate, other_key], ["third.key", "does not belong"]),
    ):
        done = apus.run(
            "serve", "--model", smollm2, "--port", 0, "--tls-certificate", arguments[0], "--tls-key", arguments[1]
        )
        assert done.returncode == 1
        assert done.stderr.startswith("apus: ") and all(part in done.stderr for part in parts), done.stderr


def test_idle_connections_stay_small(https, authority):
    """20 KiB each when measured; twice that is still no trouble at a thousand of them."""

    def resident():
        with open(f"/proc/{https.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("RssAnon"))
        return int(line.split()[1]) * 1024

    connections = []
    try:
        for round in range(2):
            before = resident()
            for _ in range(200):
                connection = connect(https, authority)
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
                connections.append(connection)
            # The second round finds everything warm.
            each = (resident() - before) / 200
        print(f"an idle TLS connection takes {each / 1024:.1f} KiB")
        assert each < 64 * 1024
    finally:
        for connection in connections:
            connection.close()


def test_pythons_http_client(https, authority):
    url = httpx.URL(https.url)
    context = ssl.create_default_context(cafile=authority.file)
    connection = http.client.HTTPSConnection(url.host, url.port, context=context, timeout=60)
    try:
        for _ in range(3):
            connection.request("POST", "/v1/completions", HELLO, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 200 and json.loads(answer.read())["choices"]
    finally:
        connection.close()


def test_a_proxy_header_stands_before_the_handshake(smollm2, authority, files):
    certificate, key = files
    options = ["--listen", "127.0.0.1:0;proxy;tls", "--tls-certificate", certificate, "--tls-key", key]
    server = apus.Server(smollm2, *options, "--log-format", "json", ca=authority.file)
    try:
        port = int(server.url.rpartition(":")[2])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        trust = ssl.create_default_context(cafile=authority.file)
        session = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            session.do_handshake()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            # In one piece: what comes behind the header is the session's.
            connection.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n" + outgoing.read())
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65536))
            session.write(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            connection.sendall(outgoing.read())
            while piece := connection.recv(65536):
                incoming.write(piece)
            assert session.read(65536).startswith(b"HTTP/1.1 200 ")
        deadline = time.monotonic() + 10
        while "192.0.2.7:4711" not in server.output():
            assert time.monotonic() < deadline, server.output()
            time.sleep(0.05)
    finally:
        server.stop()
