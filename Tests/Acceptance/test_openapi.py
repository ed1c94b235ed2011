"""api/openapi.yaml describes what the server does: schemathesis asks what it allows and what it does not."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

import apus
from questions import EMBEDDER, MODEL

# Requests of random fields for each route, beside the three thousand that go through all values of each field.
EXAMPLES = int(os.environ.get("APUS_OPENAPI_EXAMPLES", 10))
SEED = int(os.environ.get("APUS_OPENAPI_SEED", 1))
SECONDS_MAX = 900
HERE = apus.pathlib.Path(__file__).parent


def described():
    """The description, and what is known of this server beside it: its key, its models and their vocabularies."""
    description = yaml.safe_load((apus.ROOT / "api/openapi.yaml").read_text())
    description["security"] = [way for way in description["security"] if way]
    schemas, paths = description["components"]["schemas"], description["paths"]
    schemas["ModelName"]["enum"] = [MODEL, None]
    schemas["TokenID"]["maximum"] = 49_151
    schemas["EmbedderName"]["enum"] = [EMBEDDER, None]
    schemas["EmbedderTokenID"]["maximum"] = 30_521
    embeddings = paths["/v1/embeddings"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    embeddings["properties"]["dimensions"]["maximum"] = 384
    paths["/v1/models/{id}"]["get"]["parameters"][0]["schema"] = {"enum": [MODEL, EMBEDDER]}
    return description


@pytest.fixture
def run(service, tmp_path):
    """Runs schemathesis on a description; gives what it wrote."""

    def run(description, *options, status=0):
        (tmp_path / "description.json").write_text(json.dumps(description))
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"]
            + ["description.json", "--url", service.url, "--header", f"Authorization: Bearer {service.key}"]
            + ["--checks", "all", "--seed", str(SEED), "--no-color", "--warnings", "off"]
            + ["--request-timeout", "120", "--max-response-time", "120", *options],
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")},
            cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=SECONDS_MAX,
        )  # fmt: skip
        assert done.returncode == status, done.stdout[-20_000:] + done.stderr[-2_000:]
        return done.stdout

    return run


def test_all_values_of_each_field_do_what_is_described(run):
    output = run(described(), "--phases", "coverage", "--continue-on-failure")
    (count,) = re.findall(r"(\d+) generated", output)
    assert int(count) > 1_000


def test_random_requests_do_what_is_described(run):
    run(described(), "--phases", "fuzzing", "--max-examples", str(EXAMPLES))


@pytest.mark.parametrize("path, schema", [("/v1/models", "Model"), ("/v1/completions", "CompletionChunk")])
def test_what_is_not_as_described_is_found(run, path, schema):
    """In a whole answer, and in an event of a stream."""
    description = described()
    description["components"]["schemas"][schema]["required"] = ["nonsense"]
    output = run(description, "--phases", "coverage", "--include-path", path, "--max-failures", "1", status=1)
    assert "violates schema" in output
