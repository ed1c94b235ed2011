"""What the clients' tests ask of the default model, and what it is known to say."""

from apus import EMBEDDER, SMOLLM2

MODEL = SMOLLM2.stem
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ABOUT_WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
TEXTS = ["A panda is a bear that lives in China.", "The car is red.", "Giant pandas eat bamboo."]


def dot(a, b):
    """The similarity of embeddings, which have length 1."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def assert_embeddings_of_texts(vectors):
    """Two texts are about pandas, and one is not."""
    bear, car, giant = vectors
    assert all(abs(dot(v, v) - 1) < 1e-3 for v in vectors)
    assert dot(bear, giant) > 0.4 > 0.2 > dot(bear, car)
