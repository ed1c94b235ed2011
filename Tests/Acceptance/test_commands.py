"""The commands other than serve, as a person or a script uses them."""

import json

import apus
import pexpect
import pytest

GOLDEN = apus.ROOT / "Tests/TokenizationTests/golden"
COMMANDS = ["serve", "complete", "chat", "inspect", "tokenize", "template", "bench"]


def test_help_lists_every_command():
    answer = apus.run("--help")
    assert answer.returncode == 0
    assert all(command in answer.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    answer = apus.run(command, "--help")
    assert answer.returncode == 0 and "USAGE" in answer.stdout
    assert "--model" in answer.stdout or command in ("inspect", "template")


def test_serve_names_its_options():
    text = apus.run("serve", "--help").stdout
    assert all(option in text for option in ["--model", "--host", "--port", "--threads", "--precision"])


@pytest.mark.parametrize("command", ["serve", "complete", "inspect", "tokenize", "bench"])
def test_a_file_that_is_no_model_is_a_clear_error(command, tmp_path):
    model = tmp_path / "no-model.gguf"
    model.write_bytes(b"This is no model.")
    option = [model] if command == "inspect" else ["--model", model]
    prompt = ["Hello"] if command == "complete" else []
    answer = apus.run(command, *option, *prompt, input="[]")
    assert answer.returncode != 0 and "no-model.gguf" in answer.stderr
    assert answer.returncode > 0, "it ended by a signal"


def test_a_missing_default_model_names_the_command_that_fetches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("APUS_MODELS", str(tmp_path))
    answer = apus.run("serve", "--port", "0")
    assert answer.returncode > 0 and "fetch-model" in answer.stderr


TEMPLATES = apus.ROOT / "Tests/ChatTests/golden"
NOON = "1768478400"  # of the day on which the renderings were made


@pytest.mark.parametrize("name", ["Qwen3.5-4B", "openai-gpt-oss-120b", "mistralai-Mistral-Nemo-Instruct-2407"])
def test_template_renders_as_hugging_face_does(name):
    cases = TEMPLATES / "cases.json"
    answer = apus.run("template", TEMPLATES / f"{name}.jinja", "--cases", cases, "--now", NOON)
    assert answer.returncode == 0, answer.stderr
    golden = json.loads((TEMPLATES / f"{name}.json").read_text())
    got = json.loads(answer.stdout)
    assert got.keys() == golden.keys()
    for case, expected in golden.items():
        assert "skip" in expected or got[case] == expected, case


def test_template_says_what_is_wrong(tmp_path):
    template, cases = tmp_path / "t.jinja", tmp_path / "c.json"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}{{ 1 / x }}")
    cases.write_text('{"a": {"messages": [{"role": "user", "content": "Hi"}], "x": 1}, "b": {"x": 0}}')
    answer = apus.run("template", template, "--cases", cases)
    assert answer.returncode == 0, answer.stderr
    got = json.loads(answer.stdout)
    assert got["a"] == {"text": "Hi1.0"} and "line 1" in got["b"]["error"]
    template.write_text("{% if %}")
    assert "t.jinja" in apus.run("template", template, "--cases", cases).stderr
    cases.write_text("[")
    assert "c.json" in apus.run("template", template, "--cases", cases).stderr


def golden_strings():
    path = GOLDEN / "strings.json"
    return json.loads(path.read_text())["strings"]


@pytest.mark.parametrize(("options", "kind"), [([], "plain"), (["--special"], "special")])
def test_tokenize_gives_the_reference_ids(smollm2, options, kind):
    golden = json.loads((GOLDEN / "smollm2.json").read_text())[kind]
    answer = apus.run("tokenize", "--model", smollm2, *options, input=json.dumps(golden_strings()))
    assert answer.returncode == 0, answer.stderr
    assert [json.loads(line) for line in answer.stdout.splitlines()] == golden


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["a"', '"a"'])
def test_tokenize_refuses_what_is_no_array_of_strings(smollm2, text):
    answer = apus.run("tokenize", "--model", smollm2, input=text)
    assert answer.returncode > 0 and answer.stderr and not answer.stdout


def test_inspect_tells_what_is_in_the_file(smollm2):
    answer = apus.run("inspect", smollm2)
    assert answer.returncode == 0, answer.stderr
    for word in ["llama", "general.architecture", "token_embd.weight", "Q4_1", "KV"]:
        assert word in answer.stdout


def test_complete_continues_a_text(smollm2):
    options = ["--model", smollm2, "--max-tokens", "8", "--temperature", "0"]
    answer = apus.run("complete", *options, "The capital of France is")
    assert answer.returncode == 0, answer.stderr
    assert "Paris" in answer.stdout


def bench(model, *options):
    """The JSON lines of `apus bench`."""
    answer = apus.run("bench", "--model", model, "--threads", "2", "--runs", "1", "--json", *options)
    assert answer.returncode == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert all(line["engine"] == "apus" for line in lines)
    return lines


def test_bench_writes_one_json_object_a_line(smollm2):
    lines = bench(smollm2, *"--prompt 32 --generate 4 --batch 1,2 --depth 100 --precision q8".split())
    assert [(line["test"], line["tokens"], line["batch"], line["depth"]) for line in lines] == [
        ("prefill", 32, 1, 100),
        ("decode", 4, 1, 100),
        ("decode", 4, 2, 100),
    ]
    for line in lines:
        assert line["threads"] == 2 and line["precision"] == "q8" and line["tokens_per_second"] > 0
        for fraction in ["of_integer_peak", "of_read_bandwidth"]:
            # Far from it: the machine may have others' work beside one of the two measurements.
            assert 0 < line[fraction] < 10
        assert line["of_integer_peak"] * line["gmac_per_second_max"] == pytest.approx(
            line["gmac_per_second"], rel=0.01, abs=0.01
        )


def test_bench_measures_what_8_bits_cost(smollm2):
    (line,) = bench(smollm2, "--divergence")
    assert line["test"] == "divergence" and line["positions"] > 400
    assert 0 < line["mean_kl"] < 0.003 and line["same_greedy"] > 0.9


def test_ctrl_c_stops_the_answer_and_not_the_chat(smollm2):
    options = ["chat", "--model", str(smollm2), "--temperature", "0"]
    chat = pexpect.spawn(str(apus.BINARY), options, encoding="utf-8", timeout=60)
    try:
        chat.expect("> ")
        chat.sendline("Write a very long story about a bird.")
        chat.expect(r"\w+ \w+ \w+ \w+ \w+ \w+ \w+ \w+ \w+ \w+")
        chat.sendintr()
        chat.expect("> ")
        chat.sendline("/new")
        chat.expect("> ")
        chat.sendline("What is the capital of France?")
        chat.expect("Paris")
        chat.expect("> ")
        chat.sendeof()
        chat.expect(pexpect.EOF)
        chat.close()
        assert chat.exitstatus == 0
    finally:
        chat.close(force=True)
