import openai
import pytest

import apus


def pytest_sessionstart(session):
    if not apus.BINARY.exists():
        pytest.exit(f"{apus.BINARY} is not built; `make test` builds it, or set APUS_BINARY", returncode=1)


def present(model):
    if not model.exists():
        pytest.skip(f"{model} is absent; scripts/fetch-model --test-models fetches it")
    return model


@pytest.fixture(scope="session")
def smollm2():
    return present(apus.SMOLLM2)


@pytest.fixture(scope="session")
def gemma():
    return present(apus.GEMMA)


@pytest.fixture(scope="session")
def server(smollm2):
    """One server with the default model and defaults, shared by all tests that leave it as it was."""
    server = apus.Server(smollm2)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def embedder_folder():
    folder = apus.MODELS / apus.EMBEDDER
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; scripts/fetch-model --embedding fetches it")
    return folder


@pytest.fixture(scope="session")
def embedding_server(smollm2, embedder_folder):
    """A model that embeds beside the default one, which embeds too; shared by all tests that leave it as it was."""
    server = apus.Server(smollm2, "--embedding-model", str(embedder_folder))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gemma_server(gemma):
    server = apus.Server(gemma)
    yield server
    server.stop()


@pytest.fixture
def own_server(smollm2):
    """A server for one test that stops or burdens it."""
    server = apus.Server(smollm2)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def client(server):
    """OpenAI's own client. Without retries: the first answer counts."""
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def model(client):
    """The id under which the server offers its model."""
    return client.models.list().data[0].id


@pytest.fixture(scope="session")
def service(smollm2):
    """One server with what clients may ask for: a key, `service.key`, and a model that embeds."""
    folder = present(apus.MODELS / apus.EMBEDDER)
    key = "sk-of-the-clients-tests"
    server = apus.Server(smollm2, "--embedding-model", folder, environment={"APUS_API_KEY": key})
    server.key, server.base = key, server.url + "/v1"
    server.http.headers["Authorization"] = f"Bearer {key}"
    yield server
    server.stop()
