"""llama-server's own checks of rankings (tools/server/tests/unit/test_rerank.py), by name, by similarity and by a
cross-encoder."""

import json
import math
import random
import shutil
import struct

import pytest

import apus

QUERY = "Machine learning is"
DOCUMENTS = [
    "A machine is a physical system that uses power to apply forces and control movement to perform an action. The "
    "term is commonly applied to artificial devices, such as those employing engines or motors, but also to natural "
    "biological macromolecules, such as molecular machines.",
    "Learning is the process of acquiring new understanding, knowledge, behaviors, skills, values, attitudes, and "
    "preferences. The ability to learn is possessed by humans, non-human animals, and some machines; there is also "
    "evidence for some kind of learning in certain plants.",
    "Machine learning is a field of study in artificial intelligence concerned with the development and study of "
    "statistical algorithms that can learn from data and generalize to unseen data, and thus perform tasks without "
    "explicit instructions.",
    "Paris, capitale de la France, est une grande ville européenne et un centre mondial de l'art, de la mode, de la "
    "gastronomie et de la culture. Son paysage urbain est traversé par de larges boulevards et la Seine.",
]


def rank(server, path="/v1/rerank", **body):
    answer = server.http.post(path, json={"query": QUERY} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_rerank(embedding_server):
    results = rank(embedding_server, documents=DOCUMENTS)["results"]
    assert len(results) == 4
    assert results[0]["index"] == 2 and results[-1]["index"] == 3
    assert results[0]["relevance_score"] > results[-1]["relevance_score"]


def test_rerank_tei_format(embedding_server):
    results = rank(embedding_server, texts=DOCUMENTS)
    assert len(results) == 4
    assert results[0]["index"] == 2 and results[-1]["index"] == 3
    assert results[0]["score"] > results[-1]["score"]


@pytest.mark.parametrize("documents", [[], None, 123, [1, 2, 3]])
def test_invalid_rerank_req(embedding_server, documents):
    answer = embedding_server.http.post("/v1/rerank", json={"query": QUERY, "documents": documents})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("documents")


@pytest.mark.parametrize("documents", [["Machine learning is a field"], DOCUMENTS])
def test_rerank_usage(embedding_server, documents):
    usage = rank(embedding_server, documents=documents)["usage"]
    texts = [QUERY, *documents]
    counts = [
        embedding_server.http.post("/tokenize", json={"model": apus.EMBEDDER, "prompt": text}).json()["count"]
        for text in texts
    ]
    assert usage == {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}


@pytest.mark.parametrize("top_n,count", [(None, 4), (2, 2), (4, 4), (99, 4)])
def test_rerank_top_n(embedding_server, top_n, count):
    assert len(rank(embedding_server, documents=DOCUMENTS, top_n=top_n)["results"]) == count


@pytest.mark.parametrize("top_n,count", [(None, 4), (2, 2), (4, 4), (99, 4)])
def test_rerank_tei_top_n(embedding_server, top_n, count):
    assert len(rank(embedding_server, texts=DOCUMENTS, top_n=top_n)) == count


# --- Beyond llama-server's: a model with a head of its own for pairs


def write_cross_encoder(folder, embedder):
    """A BertForSequenceClassification of two small layers with random weights, and all-MiniLM-L6-v2's vocabulary."""
    config = json.loads((embedder / "config.json").read_text())
    width, wide = 32, 64
    config |= {
        "architectures": ["BertForSequenceClassification"],
        "hidden_size": width,
        "intermediate_size": wide,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "id2label": {"0": "LABEL_0"},
    }
    chance = random.Random(7)
    entries, data = {}, bytearray()

    def add(name, *shape, mean=0.0, spread=0.3):
        values = [chance.gauss(mean, spread) for _ in range(math.prod(shape))]
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data.extend(struct.pack(f"<{len(values)}f", *values))

    def linear(name, rows, columns):
        add(name + ".weight", rows, columns)
        add(name + ".bias", rows)

    def norm(name):
        add(name + ".weight", width, mean=1.0, spread=0.1)
        add(name + ".bias", width)

    add("bert.embeddings.word_embeddings.weight", config["vocab_size"], width)
    add("bert.embeddings.position_embeddings.weight", config["max_position_embeddings"], width)
    add("bert.embeddings.token_type_embeddings.weight", 2, width)
    norm("bert.embeddings.LayerNorm")
    for layer in range(2):
        block = f"bert.encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{block}.attention.{part}", width, width)
        norm(f"{block}.attention.output.LayerNorm")
        linear(f"{block}.intermediate.dense", wide, width)
        linear(f"{block}.output.dense", width, wide)
        norm(f"{block}.output.LayerNorm")
    linear("bert.pooler.dense", width, width)
    linear("classifier", 1, width)
    header = json.dumps(entries).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (embedder / name).exists():
            shutil.copy(embedder / name, folder / name)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory, embedder_folder):
    folder = tmp_path_factory.mktemp("models") / "tiny-cross-encoder"
    folder.mkdir()
    write_cross_encoder(folder, embedder_folder)
    server = apus.Server("none", "--embedding-model", str(folder))
    yield server
    server.stop()


def test_a_cross_encoder_scores_pairs(cross_encoder):
    raw = rank(cross_encoder, documents=DOCUMENTS, raw_scores=True)["results"]
    logits = {item["index"]: item["relevance_score"] for item in raw}
    assert len(set(logits.values())) == 4
    results = rank(cross_encoder, documents=DOCUMENTS)["results"]
    assert [item["index"] for item in results] == sorted(logits, key=logits.get, reverse=True)
    for item in results:
        assert item["relevance_score"] == pytest.approx(1 / (1 + math.exp(-logits[item["index"]])), abs=1e-5)
    for item in rank(cross_encoder, "/rerank", texts=DOCUMENTS, raw_scores=True):
        assert item["score"] == logits[item["index"]]
    # A document's score depends on no other document.
    alone = rank(cross_encoder, documents=DOCUMENTS[2:3], raw_scores=True)["results"]
    assert alone[0]["relevance_score"] == logits[2]
    # Query and document are not alike to it.
    turned = cross_encoder.http.post(
        "/v1/rerank", json={"query": DOCUMENTS[2], "documents": [QUERY], "raw_scores": True}
    ).json()["results"]
    assert turned[0]["relevance_score"] != logits[2]


def test_a_pair_that_is_too_long_is_refused_or_cut(cross_encoder):
    long = "learning " * 600
    answer = cross_encoder.http.post("/v1/rerank", json={"query": QUERY, "documents": ["x", long]})
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["param"] == "documents[1]"
    assert error["n_prompt_tokens"] > error["n_ctx"] == 512
    assert len(rank(cross_encoder, documents=["x", long], truncate=True)["results"]) == 2
