"""The built binary, the models, and a server process that is always stopped."""

import os
import pathlib
import re
import resource
import signal
import ssl
import subprocess
import tempfile
import time

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("APUS_BINARY", ROOT / ".build/release/apus")).resolve()
MODELS = pathlib.Path(os.environ.get("APUS_MODELS", pathlib.Path.home() / ".cache/apus/models"))
SMOLLM2 = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDER = "all-MiniLM-L6-v2"
GEMMA = MODELS / "gemma-3-270m-q4_k_m.gguf"
EMBEDDER = "all-MiniLM-L6-v2"

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20


def run(*arguments, input=None, timeout=120):
    """One command to its end, with what it wrote as text."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], input=input, capture_output=True, encoding="utf-8", timeout=timeout
    )


class Server:
    """`apus serve` on a free port, from start to stop; `before` stands before the command, `options` are Popen's."""

    def __init__(
        self, model, *arguments, before=(), ca=None, client=None, environment=None, descriptors=None, **options
    ):
        """`ca` is trusted by `http`, `client` the certificate that it shows; `environment` adds variables;
        `descriptors`: the most files, sockets included, that the process may have open."""
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*before, BINARY, "serve", "--model", model, "--host", "127.0.0.1", "--port", "0", *arguments],
            **options,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            preexec_fn=descriptors
            and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))),
        )
        try:
            self.urls = self._announced_urls()
            self.url = self.urls[0]
        except BaseException:
            self.stop()
            raise
        verify = True
        if ca:
            verify = ssl.create_default_context(cafile=ca)
            if client:
                verify.load_cert_chain(*client)
        self.http = httpx.Client(base_url=self.url, timeout=120, verify=verify)

    def _announced_urls(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if found := re.findall(r"https?://127\.0\.0\.1:\d+", self.output()):
                return found
            if self.process.poll() is not None:
                raise RuntimeError(f"apus serve ended with {self.process.returncode}:\n{self.output()}")
            time.sleep(0.05)
        raise RuntimeError(f"apus serve announced no address in {START_SECONDS_MAX} s:\n{self.output()}")

    def output(self):
        # Without moving the file's position, which is where the server writes.
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        """The exit status, once it has stopped by itself."""
        return self.process.wait(STOP_SECONDS_MAX)

    def stop(self):
        if self.process.poll() is None:
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if hasattr(self, "http"):
            self.http.close()
        self.log.close()

    def cpu_seconds(self):
        """Processor time used so far, of all threads (proc(5): fields 14 and 15 of stat)."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def chat(self, **fields):
        """A greedy, short chat completion, as an httpx response; fields replace or add."""
        body = {"messages": [{"role": "user", "content": "Say hello."}], "temperature": 0, "max_tokens": 8}
        return self.http.post("/v1/chat/completions", json={**body, **fields})

    def complete(self, **fields):
        """A greedy, short completion, as an httpx response; fields replace or add."""
        body = {"prompt": "Once upon a time", "temperature": 0, "max_tokens": 8}
        return self.http.post("/v1/completions", json={**body, **fields})

    def tokenize(self, text, **fields):
        answer = self.http.post("/tokenize", json={"content": text, **fields})
        answer.raise_for_status()
        return answer.json()["tokens"]

    def detokenize(self, tokens):
        answer = self.http.post("/detokenize", json={"tokens": tokens})
        answer.raise_for_status()
        return answer.json()["content"]
