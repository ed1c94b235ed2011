"""What the README shows, run as it stands against a server with every default."""

import re
import subprocess
import sys

import apus
import pytest

README = (apus.ROOT / "README.md").read_text()
CURLS = [block for block in re.findall(r"```sh\n(.*?)```", README, re.S) if block.startswith("curl")]
(PYTHON,) = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def here(smollm2):
    """Puts a server's address where the README has the default one."""
    server = apus.Server(smollm2)
    yield lambda text: text.replace("http://127.0.0.1:8080", server.url)
    server.stop()


def run(*command):
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_curl_gets_an_answer(here):
    assert "Paris" in run("sh", "-c", here(CURLS[0]))


def test_the_second_curl_streams(here):
    output = run("sh", "-c", here(CURLS[1]))
    assert " -N " in CURLS[1] and output.count("data: {") > 10
    assert output.rstrip().endswith("data: [DONE]")


def test_the_python_client_prints_an_answer(here):
    assert len(run(sys.executable, "-c", here(PYTHON)).split()) > 20
