"""llama-server's own checks of embeddings (tools/server/tests/unit/test_embedding.py), by name. Its test model is
replaced by all-MiniLM-L6-v2, and where both kinds of model embed, by the model that generates too.

Not here: `pooling_none`. Embeddings of single tokens are not offered.
"""

import base64
import struct

import openai
import pytest

import apus
from test_embeddings import cosine, golden

TEXT = "I believe the meaning of life is"
OTHERS = [
    "Write a joke about AI from a very long prompt which will not be truncated",
    "This is a test",
    "This is another test",
]


@pytest.fixture(params=["encoder", "decoder"])
def name(request, embedding_server):
    """Both models of the server embed: the one of --embedding-model, and the one that generates."""
    return apus.EMBEDDER if request.param == "encoder" else apus.SMOLLM2.stem


@pytest.fixture(scope="module")
def library(embedding_server):
    with openai.OpenAI(base_url=embedding_server.url + "/v1", api_key="none", max_retries=0) as client:
        yield client.embeddings


def post(server, **body):
    answer = server.http.post("/v1/embeddings", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def vectors(answer):
    return [item["embedding"] for item in answer["data"]]


def length(vector):
    return sum(x * x for x in vector) ** 0.5


def test_embedding_single(embedding_server, name):
    (vector,) = vectors(post(embedding_server, model=name, input=TEXT))
    assert len(vector) > 1
    assert length(vector) == pytest.approx(1, abs=1e-5)


def test_embedding_multiple(embedding_server, name):
    found = vectors(post(embedding_server, model=name, input=[TEXT, *OTHERS]))
    assert len(found) == 4
    assert all(length(vector) == pytest.approx(1, abs=1e-5) for vector in found)


@pytest.mark.parametrize(
    "input,count",
    [
        ("", 1),
        ("string", 1),
        ([12, 34, 56], 1),
        ([12, 34, "string", 56, 78], 1),
        (["string1", "string2"], 2),
        (["string1", [12, 34, 56]], 2),
        ([[12, 34, 56], [12, 34, 56]], 2),
        ([[12, 34, 56], [12, "string", 34, 56]], 2),
        ([[12, 34, 56], [12, 34, "string", 56, 78]], 2),
        (["string1", [12, 34, "string", 56, 78]], 2),
        (["string1", [12, 34, 56], [12, 34, "string", 56, 78]], 3),
    ],
)
def test_embedding_mixed_input(embedding_server, name, input, count):
    answer = embedding_server.http.post("/v1/embeddings", json={"model": name, "input": input})
    if input == "" and name != apus.EMBEDDER:
        # Nothing frames a text of this vocabulary: there is no token to embed.
        assert answer.status_code == 400
        return
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) == count


def test_embedding_content_text_same_as_string(embedding_server, name):
    plain, object, parts = vectors(
        post(
            embedding_server,
            model=name,
            input=[TEXT, {"content": TEXT}, {"content": [{"type": "text", "text": TEXT}]}],
        )
    )
    assert plain == object == parts
    assert vectors(post(embedding_server, model=name, content=TEXT)) == [plain]


@pytest.mark.parametrize("input", [[], None, 123, [[]], [{"a": 1}], ["x", -1, None]])
def test_embedding_invalid_input(embedding_server, name, input):
    answer = embedding_server.http.post("/v1/embeddings", json={"model": name, "input": input})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("input")


def test_embedding_pooling_mean(embedding_server):
    case = golden()[0]
    (vector,) = vectors(post(embedding_server, model=apus.EMBEDDER, input=case["text"]))
    assert cosine(vector, case["embedding"]) >= 0.9999


def test_embedding_pooling_mean_multiple(embedding_server):
    cases = golden()
    for vector, case in zip(
        vectors(post(embedding_server, model=apus.EMBEDDER, input=[case["text"] for case in cases])), cases, strict=True
    ):
        assert cosine(vector, case["embedding"]) >= 0.9999


def test_embedding_openai_library_single(library, name):
    answer = library.create(model=name, input=TEXT)
    assert len(answer.data) == 1 and len(answer.data[0].embedding) > 1
    assert answer.model == name


def test_embedding_openai_library_multiple(library, name):
    answer = library.create(model=name, input=[TEXT, *OTHERS])
    assert [item.index for item in answer.data] == [0, 1, 2, 3]
    assert all(len(item.embedding) > 1 for item in answer.data)


def test_embedding_error_prompt_too_long(embedding_server, name):
    answer = embedding_server.http.post("/v1/embeddings", json={"model": name, "input": "This is a test " * 3000})
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["code"] == "context_length_exceeded"
    assert error["n_prompt_tokens"] > error["n_ctx"] > 0


def test_same_prompt_give_same_result(embedding_server, name):
    found = vectors(post(embedding_server, model=name, input=[TEXT] * 5))
    assert all(vector == found[0] for vector in found)
    # Alone, among others, and when a cache has it.
    assert vectors(post(embedding_server, model=name, input=[*OTHERS, TEXT]))[3] == found[0]
    assert vectors(post(embedding_server, model=name, input=TEXT)) == found[:1]


@pytest.mark.parametrize("text", ["I believe the meaning of life is", "This is a test"])
def test_embedding_usage_single(embedding_server, name, text):
    usage = post(embedding_server, model=name, input=text)["usage"]
    tokens = embedding_server.http.post("/tokenize", json={"model": name, "prompt": text}).json()["count"]
    assert usage == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_embedding_usage_multiple(embedding_server, name):
    one = post(embedding_server, model=name, input=TEXT)["usage"]["prompt_tokens"]
    two = post(embedding_server, model=name, input=[TEXT, TEXT])["usage"]
    assert two == {"prompt_tokens": 2 * one, "total_tokens": 2 * one}


def test_embedding_openai_library_base64(embedding_server, name):
    (plain,) = vectors(post(embedding_server, model=name, input=TEXT, encoding_format="float"))
    (packed,) = vectors(post(embedding_server, model=name, input=TEXT, encoding_format="base64"))
    data = base64.b64decode(packed)
    assert struct.unpack(f"<{len(data) // 4}f", data) == pytest.approx(plain, abs=1e-7)


def test_embedding_prompt_is_counted(embedding_server):
    """Of test_metrics.py."""

    def computed():
        lines = embedding_server.http.get("/metrics").text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith("apus_prompt_tokens_total "))

    before = computed()
    tokens = post(embedding_server, model=apus.SMOLLM2.stem, input="Nobody has asked for this text before, has he?")
    assert computed() == before + tokens["usage"]["prompt_tokens"]
