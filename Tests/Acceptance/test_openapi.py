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


def described(service):
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
    paths["/v1/models/{id}"]["get"]["parameters"][0]["schema"]["enum"] = [MODEL, EMBEDDER]
    return description


@pytest.fixture(scope="module")
def run(service, tmp_path_factory):
    """Runs schemathesis on a description in a folder of its own; gives what it wrote."""
    folder = tmp_path_factory.mktemp("schemathesis")
    (folder / "description.json").write_text(json.dumps(described(service)))

    def run(*options, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"]
            + ["description.json", "--url", service.url, "--header", f"Authorization: Bearer {service.key}"]
            + ["--checks", "all", "--seed", str(SEED), "--request-timeout", "120", "--max-response-time", "120", "--no-color", "--warnings", "off"]
            + list(options),
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")}, cwd=folder,
            capture_output=True, encoding="utf-8", timeout=SECONDS_MAX,
        )  # fmt: skip
        assert done.returncode == status, done.stdout[-20_000:] + done.stderr[-2_000:]
        return done.stdout

    return run


def test_all_values_of_each_field_do_what_is_described(run):
    output = run("--phases", "coverage", "--continue-on-failure")
    (count,) = re.findall(r"(\d+) generated", output)
    assert int(count) > 1_000


def test_random_requests_do_what_is_described(run):
    run("--phases", "fuzzing", "--max-examples", str(EXAMPLES))
