"""Makes openai-schemas.json from OpenAI's description of its API, so that tests can do without that:

    python openai_schemas.py openai-openapi.yaml.gz > openai-schemas.json

It keeps the schemas of answers and what they refer to, as JSON Schema 2020-12, without prose. The description is
OpenAPI 3.1, but in places says `nullable` as 3.0 did; both become the type `null`.
"""

import gzip
import json
import sys

import yaml

ROOTS = [
    "CreateChatCompletionResponse",
    "CreateChatCompletionStreamResponse",
    "CreateCompletionResponse",
    "CreateEmbeddingResponse",
    "ListModelsResponse",
    "Model",
    "ErrorResponse",
]
PROSE = {"description", "title", "example", "examples", "deprecated", "default", "discriminator", "format"}
PREFIX = "#/components/schemas/"


def plain(node, *, names=False):
    """The schema without prose and with `null` as a type; `names`: its keys are names of properties."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: plain(value) for key, value in node.items()}
    schema = {
        key: plain(value, names=key == "properties")
        for key, value in node.items()
        if key not in PROSE and key != "nullable" and not key.startswith("x-")
    }
    if "$ref" in schema:
        schema["$ref"] = schema["$ref"].replace(PREFIX, "#/$defs/")
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") else schema


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/$defs/")
        node = list(node.values())
    for item in node if isinstance(node, list) else []:
        yield from references(item)


def extract(description):
    schemas, found, waiting = description["components"]["schemas"], {}, list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = plain(schemas[name])
            waiting += references(found[name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Of OpenAI's description of its API, version {description['info']['version']}, by openai_schemas.py. Copyright OpenAI, MIT license.",
        "$defs": dict(sorted(found.items())),
    }


if __name__ == "__main__":
    opened = gzip.open if sys.argv[1].endswith(".gz") else open
    with opened(sys.argv[1], "rt") as file:
        json.dump(extract(yaml.load(file, yaml.CSafeLoader)), sys.stdout, indent=1)
    print()
