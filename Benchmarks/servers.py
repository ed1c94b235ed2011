"""`apus serve` and `llama-server` as processes that are always stopped."""

import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20


class Server:
    """A server from its start until it is ready, and to its end. `start_seconds` is how long that took."""

    def __init__(self, arguments, port, environment=None):
        self.port = port
        began = time.perf_counter()
        self.process = subprocess.Popen(
            list(map(str, arguments)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            self.wait_until_ready(began)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - began

    def wait_until_ready(self, began):
        while time.perf_counter() - began < START_SECONDS_MAX:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.005)
        raise RuntimeError(f"{self.process.args[0]} was not ready after {START_SECONDS_MAX} s")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session: only what was started here
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cpu_seconds(self):
        """Processor time used so far, of all threads (proc(5): fields 14 and 15 of stat)."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name="VmRSS"):
        """Resident bytes: VmRSS is all, RssAnon what is not mapped from a file, VmHWM the most so far."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
        return 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def apus(binary, model, threads, precision, *arguments, port=None, **environment):
    port = port or free_port()
    flags = ["--host", "127.0.0.1", "--port", port, "--threads", threads, "--precision", precision]
    return Server([binary, "serve", "--model", model, *flags, *arguments], port, environment)


def llama_server(binary, model, threads, context):
    port = free_port()
    flags = ["--host", "127.0.0.1", "--port", port, "-t", threads, "-np", 32, "-kvu", "-c", context]
    return Server([binary, "-m", model, *flags], port)
