"""Embeddings by a model for them and by the model that generates, asked by OpenAI's client and in the shapes of
rerankers."""

import concurrent.futures
import json

import httpx
import openai
import pytest

import apus

GOLDEN = apus.ROOT / "Tests" / "ModelsTests" / "golden" / "embeddings-all-minilm-l6-v2.json"
NAME = apus.EMBEDDER
DOCUMENTS = ["hi", "A panda is a bear that lives in China.", "The car is red."]


@pytest.fixture(scope="module")
def embeddings(embedding_server):
    with openai.OpenAI(base_url=embedding_server.url + "/v1", api_key="none", max_retries=0) as client:
        yield client.embeddings


def golden():
    """Cases that sentence-transformers does not cut."""
    return [case for case in json.loads(GOLDEN.read_text())["cases"] if len(case["tokens"]) < 256]


def cosine(a, b):
    dot = lambda x, y: sum(p * q for p, q in zip(x, y, strict=True))
    return dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5


def test_embeddings_are_those_of_the_original(embeddings):
    cases = golden()
    # The client asks for base64 unless told otherwise.
    answer = embeddings.create(model=NAME, input=[case["text"] for case in cases])
    assert [item.index for item in answer.data] == list(range(len(cases)))
    assert answer.usage.prompt_tokens == sum(len(case["tokens"]) for case in cases)
    for item, case in zip(answer.data, cases):
        assert cosine(item.embedding, case["embedding"]) >= 0.9999, case["text"]
        assert abs(sum(x * x for x in item.embedding) - 1) < 1e-5


def test_forms_of_input_and_answer_agree(embeddings):
    text = "How do I reset my password?"
    tokens = next(case["tokens"] for case in golden() if case["text"] == text)
    packed = embeddings.create(model=NAME, input=text).data[0].embedding
    plain = embeddings.create(model=NAME, input=[text], encoding_format="float").data[0].embedding
    by_ids = embeddings.create(model=NAME, input=tokens).data[0].embedding
    by_lists = embeddings.create(model=NAME, input=[tokens, tokens]).data[1].embedding
    assert packed == pytest.approx(plain, abs=1e-7)
    assert by_ids == packed and by_lists == packed
    short = embeddings.create(model=NAME, input=text, dimensions=16).data[0].embedding
    assert len(short) == 16 and cosine(short, packed[:16]) == pytest.approx(1)


def test_many_texts_of_all_lengths_share_steps(embeddings):
    texts = [" ".join(["word"] * (1 + 7 * n % 90)) for n in range(300)]
    answer = embeddings.create(model=NAME, input=texts)
    alone = embeddings.create(model=NAME, input=texts[217])
    assert answer.data[217].embedding == alone.data[0].embedding


@pytest.mark.parametrize(
    "body,param",
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["x", {}]}, "input[1]"),
        ({"input": [1, 999999]}, "input[1]"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "x", "dimensions": 385}, "dimensions"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
        ({"input": "x", "timeout_ms": 0}, "timeout_ms"),
        ({"input": "x", "priority": 1001}, "priority"),
    ],
)
def test_what_is_wrong_is_named(embedding_server, body, param):
    answer = embedding_server.http.post("/v1/embeddings", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_text_that_is_too_long_is_refused_with_the_numbers_or_cut(embedding_server):
    long = embedding_server.http.post("/v1/embeddings", json={"input": "x " * 600})
    error = long.json()["error"]
    assert long.status_code == 400 and error["code"] == "context_length_exceeded"
    assert (error["n_prompt_tokens"], error["n_ctx"]) == (602, 512)
    cut = embedding_server.http.post("/v1/embeddings", json={"input": "x " * 600, "truncate_prompt_tokens": -1})
    assert cut.status_code == 200 and cut.json()["usage"]["prompt_tokens"] == 512


def test_each_model_is_asked_by_its_name(embedding_server, server):
    def model_of(server, **body):
        return server.http.post("/v1/embeddings", json={"input": "x"} | body).json()["model"]

    generator = apus.SMOLLM2.stem
    assert embedding_server.http.post("/v1/embeddings", json={"input": "x", "model": "gpt-4"}).status_code == 404
    assert model_of(embedding_server) == NAME
    assert model_of(embedding_server, model=generator) == model_of(server) == generator
    listed = [model["id"] for model in embedding_server.http.get("/v1/models").json()["data"]]
    assert listed == [generator, NAME]
    answer = embedding_server.chat(model=NAME)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "unsupported_model"


def test_embeddings_of_the_generating_model_are_the_same_beside_answers(server):
    """A prompt is embedded alone, in a cache's company, and while others are answered: to the same bits."""
    text = "The quick brown fox jumps over the lazy dog. " * 20

    def embed(text):
        answer = server.http.post("/v1/embeddings", json={"input": text})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]["embedding"]

    alone = embed(text)
    assert len(alone) == 576 and sum(x * x for x in alone) == pytest.approx(1, abs=1e-5)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(server.complete, prompt=f"Story {n}:", max_tokens=40) for n in range(4)]
        others = [pool.submit(embed, f"{n} {text}") for n in range(3)]
        assert embed(text) == alone
        assert all(len(other.result()) == 576 for other in others)
        assert all(answer.result().status_code == 200 for answer in answers)
    near, far = embed("A fast brown fox leaps over a sleepy dog."), embed("Quarterly revenue grew by four percent.")
    assert cosine(embed("The quick brown fox jumps over the lazy dog."), near) > cosine(near, far)


@pytest.mark.parametrize("model", [NAME, apus.SMOLLM2.stem])
def test_time_that_is_over_is_told(embedding_server, model):
    texts = [" ".join(["word"] * 400)] * 500
    answer = embedding_server.http.post(
        "/v1/embeddings", json={"model": model, "input": texts, "timeout_ms": 300}, timeout=30
    )
    assert answer.status_code == 408
    assert answer.json()["error"]["code"] == "deadline_exceeded"


def test_documents_are_ranked_in_the_shapes_of_jina_cohere_and_tei(embedding_server):
    def post(path, **body):
        answer = embedding_server.http.post(path, json={"query": "What is a panda?"} | body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    jina = post("/v1/rerank", model=NAME, documents=DOCUMENTS, top_n=2, return_documents=True)
    assert jina["object"] == "list" and jina["model"] == NAME
    assert [item["index"] for item in jina["results"]][0] == 1 and len(jina["results"]) == 2
    assert jina["results"][0]["document"] == {"text": DOCUMENTS[1]}
    scores = [item["relevance_score"] for item in jina["results"]]
    assert scores == sorted(scores, reverse=True)
    cohere = post("/v2/rerank", model=NAME, documents=DOCUMENTS)
    assert cohere["id"] and cohere["results"][0]["index"] == 1 and len(cohere["results"]) == 3
    tei = post("/rerank", texts=DOCUMENTS, return_text=True)
    assert tei[0] == {"index": 1, "score": pytest.approx(scores[0]), "text": DOCUMENTS[1]}


@pytest.mark.parametrize("body", [{"query": "x"}, {"documents": ["x"]}, {"query": "x", "documents": []}])
def test_a_ranking_without_query_or_documents_is_refused(embedding_server, body):
    assert embedding_server.http.post("/v1/rerank", json=body).status_code == 400


@pytest.mark.parametrize("model", [NAME, apus.SMOLLM2.stem])
def test_a_client_that_goes_away_costs_no_more_than_the_step_that_runs(embedding_server, model):
    texts = [" ".join(["word"] * 400)] * 2000
    with pytest.raises(httpx.ReadTimeout):
        embedding_server.http.post("/v1/embeddings", json={"model": model, "input": texts}, timeout=3)
    answer = embedding_server.http.post("/v1/embeddings", json={"model": model, "input": "x"}, timeout=30)
    assert answer.status_code == 200


def test_a_model_that_embeds_is_served_alone(embedder_folder):
    server = apus.Server("none", "--embedding-model", str(embedder_folder))
    try:
        case = golden()[0]
        answer = server.http.post("/v1/embeddings", json={"input": case["text"]}).json()
        assert cosine(answer["data"][0]["embedding"], case["embedding"]) >= 0.9999
        assert [model["id"] for model in server.http.get("/v1/models").json()["data"]] == [NAME]
        assert server.http.post("/tokenize", json={"prompt": case["text"]}).json()["tokens"] == case["tokens"]
        assert server.http.post("/v1/rerank", json={"query": "x", "documents": DOCUMENTS}).status_code == 200
        for path in ("/health", "/readyz", "/livez", "/metrics"):
            assert server.http.get(path).status_code == 200, path
        for refused in (server.chat(), server.complete()):
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "unsupported_model"
        assert server.chat(model="gpt-4").status_code == 404
    finally:
        server.terminate()
        assert server.wait() == 0
        server.stop()


def test_nothing_is_no_model():
    result = apus.run("serve", "--model", "none", "--port", "0")
    assert result.returncode != 0 and "--embedding-model" in result.stderr
    result = apus.run("complete", "--model", "none", "x")
    assert result.returncode != 0 and "only embeds" in result.stderr


def test_what_the_embedder_does_is_counted(embedding_server, embeddings):
    def figures():
        lines = embedding_server.http.get("/metrics").text.splitlines()
        return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    before = figures()
    usage = embeddings.create(model=NAME, input=DOCUMENTS).usage
    after = figures()

    def change(name):
        return after["apus_embedding_" + name] - before["apus_embedding_" + name]

    assert change("inputs_total") == len(DOCUMENTS)
    assert change("tokens_total") == usage.prompt_tokens
    assert change("request_duration_seconds_count") == 1 <= change("step_duration_seconds_count")
    assert change("requests_cancelled_total") == 0
    for name in ("requests_waiting", "tokens_waiting", "inputs_running"):
        assert after["apus_embedding_" + name] == 0
