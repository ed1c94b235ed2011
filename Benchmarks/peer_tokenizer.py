"""Hugging Face's tokenizers with the vocabulary of a GGUF file that has Llama 3's pre-tokenizer, on one thread: a text on
standard input to its tokens and the seconds that they took. Run by serving.py."""

import json
import os
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import gguf
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

# As in Llama 3's tokenizer.json.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

reader = gguf.GGUFReader(sys.argv[1])
texts = {name: reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ["tokens", "merges"]}
vocabulary = {token: index for index, token in enumerate(texts["tokens"])}
merges = [tuple(merge.split(" ", 1)) for merge in texts["merges"]]
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)
text = sys.stdin.read()
tokenizer.encode("warm")
began = time.perf_counter()
tokens = tokenizer.encode(text, add_special_tokens=False).ids
seconds = time.perf_counter() - began
json.dump({"seconds": seconds, "tokens": tokens}, sys.stdout)
