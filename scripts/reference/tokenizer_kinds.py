"""Trains a small tokenizer of every kind that models have and writes each with what Hugging Face's Rust tokenizers make of many texts.

    python scripts/reference/tokenizer_kinds.py DIRECTORY

The texts are those of tokenizer_cases.py and random ones out of characters that tokenizers trip over. Where a token is plain bytes of
the text, reference.json also has its offsets.
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.implementations import (
    ByteLevelBPETokenizer,
    CharBPETokenizer,
    SentencePieceBPETokenizer,
    SentencePieceUnigramTokenizer,
)

import tokenizer_cases as base

LINES = base.corpus(None) + [text for text in base.TEXTS if text]
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

# Splitting as GPT-4o's descendants do (Phi-4), and as Mistral's (no contractions, single digits), and as DeepSeek's.
CASED = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])
TEKKEN = CASED.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
]


def byte_level(pre_tokenizer, normalizer=None, **bpe):
    tok = Tokenizer(models.BPE(**bpe))
    if normalizer is not None:
        tok.normalizer = normalizer
    tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tok.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False))
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    return tok


def split_by(*patterns):
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in patterns]
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def added_tokens():
    tok = byte_level(split_by(base.QWEN2), normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]))
    tok.add_tokens([AddedToken("<l>", lstrip=True), AddedToken("<r>", rstrip=True), AddedToken("word", single_word=True),
                    AddedToken("Norm", normalized=True), AddedToken("  b", normalized=False)])
    return tok


def normalized_tokens():
    """Which are decoded as they were normalized."""
    tok = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    tok.normalizer, tok.pre_tokenizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]), pre_tokenizers.Whitespace()
    tok.add_tokens([AddedToken("Né"), AddedToken("Xé", normalized=False)])
    tok.add_special_tokens(["</s>"])
    return tok


def byte_tokens():
    return [f"<0x{byte:02X}>" for byte in range(256)]


def without_byte_tokens(tok, **model):
    """Training adds the bytes as special tokens; in a tokenizer of this kind they are ordinary entries of the vocabulary."""
    raw = json.loads(tok.to_str())
    raw["added_tokens"] = [t for t in raw["added_tokens"] if not t["content"].startswith("<0x")]
    raw["model"] |= model
    return Tokenizer.from_str(json.dumps(raw))


def sentencepiece_bpe(normalizer, pre_tokenizer, *strip):
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    words = ["▁" + word for line in LINES for word in line.split()]
    special = ["<unk>", "<s>", "</s>", *byte_tokens()]
    tok.train_from_iterator(words, trainers.BpeTrainer(vocab_size=900, limit_alphabet=150, special_tokens=special, show_progress=False))
    tok = without_byte_tokens(tok)
    if normalizer is not None:
        tok.normalizer = normalizer
    if pre_tokenizer is not None:
        tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tok


def unigram_bytes():
    tok = Tokenizer(models.Unigram())
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    special = ["<unk>", "</s>", *byte_tokens()]
    tok.train_from_iterator(LINES, trainers.UnigramTrainer(vocab_size=600, special_tokens=special, unk_token="<unk>", show_progress=False))
    return without_byte_tokens(tok, byte_fallback=True)


def trained(implementation, **options):
    implementation.train_from_iterator(LINES, show_progress=False, **options)
    tok = implementation._tokenizer
    tok.add_special_tokens(["</s>"])
    return tok


def rare_bpe(decoder, pre_tokenizer=None, **model):
    """With an alphabet so small that most characters of other scripts are unknown."""
    tok = Tokenizer(models.BPE(**model))
    if pre_tokenizer is not None:
        tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoder
    marks = {key: model[key] for key in ("continuing_subword_prefix", "end_of_word_suffix") if key in model}
    special = ["<unk>", "</s>"]
    tok.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=500, limit_alphabet=60, special_tokens=special, show_progress=False, **marks))
    return tok


def wordpiece(pre_tokenizer, **model):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]", **model))
    tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=["[UNK]", "</s>"], show_progress=False)
    tok.train_from_iterator(LINES, trainer)
    return tok


def one_byte_a_token(normalizer):
    """Shows what a normalizer does: the model has nothing but bytes."""
    tok = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), normalizer)
    raw = json.loads(tok.to_str())
    raw["model"]["merges"] = []
    return Tokenizer.from_str(json.dumps(raw))


def metaspace(scheme, split=True):
    return pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme, split=split)


def kinds():
    n, p, d = normalizers, pre_tokenizers, decoders
    yield "gpt2", byte_level(p.ByteLevel(add_prefix_space=False))
    yield "gpt2 with a space before", byte_level(p.ByteLevel(add_prefix_space=True))
    yield "qwen2", byte_level(split_by(base.QWEN2), n.NFC())
    yield "llama3 and olmo2", byte_level(split_by(base.LLAMA3), ignore_merges=True)
    yield "phi4", byte_level(split_by(CASED))
    yield "tekken", byte_level(split_by(TEKKEN), ignore_merges=True)
    yield "deepseek", byte_level(split_by(*DEEPSEEK))
    yield "characters as their readers see them", byte_level(split_by(r"\X"))
    yield "starcoder", byte_level(p.Sequence([p.Digits(individual_digits=True), p.ByteLevel(add_prefix_space=False)]))
    yield "added tokens of every kind", added_tokens()
    yield "added tokens that normalization changes", normalized_tokens()
    strip = d.Strip(" ", 1, 0)
    yield "llama2, legacy", sentencepiece_bpe(n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), None, strip)
    yield "llama2", sentencepiece_bpe(None, metaspace("first", split=False), strip)
    yield "mistral", sentencepiece_bpe(None, metaspace("always", split=False), strip)
    yield "gemma", sentencepiece_bpe(n.Replace(" ", "▁"), p.Split(" ", behavior="merged_with_previous"))
    yield "sentencepiece bpe", trained(SentencePieceBPETokenizer(), vocab_size=700, special_tokens=["<unk>"])
    yield "sentencepiece unigram", trained(SentencePieceUnigramTokenizer(), vocab_size=600, unk_token="<unk>", special_tokens=["<unk>"])
    yield "unigram with bytes", unigram_bytes()
    yield "character bpe", trained(CharBPETokenizer(), vocab_size=900, special_tokens=["<unk>"])
    marks = dict(continuing_subword_prefix="##", end_of_word_suffix="</w>")
    yield "bpe with marks", rare_bpe(d.BPEDecoder(suffix="</w>"), p.Whitespace(), unk_token="<unk>", fuse_unk=True, **marks)
    yield "bpe without an unknown token", rare_bpe(d.Metaspace(replacement="e", prepend_scheme="never"))
    yield "bpe with an unknown token for each character", rare_bpe(d.Metaspace(replacement="e"), unk_token="<unk>")
    yield "wordpiece", wordpiece(p.BertPreTokenizer())
    yield "wordpiece of short words", wordpiece(p.Whitespace(), max_input_chars_per_word=7)
    options = dict(lowercase=True, unicode_normalizer="nfkc", add_prefix_space=True, trim_offsets=True)
    yield "byte-level bpe in lower case", trained(ByteLevelBPETokenizer(**options), vocab_size=600)
    for name, normalizer in {
        "nfd": n.NFD(), "nfkd": n.NFKD(), "nfkc": n.NFKC(), "lowercase": n.Lowercase(), "strip": n.Strip(),
        "strip on the left": n.Strip(left=True, right=False), "strip accents": n.Sequence([n.NFD(), n.StripAccents()]), "nmt": n.Nmt(),
        "prepend": n.Prepend("x"), "replace": n.Replace("a", "$&b"), "replace by pattern": n.Replace(Regex(r"\s{2,}"), " "),
        "byte level": n.ByteLevel(), "precompiled": n.Precompiled(base.character_map()),
    }.items():
        yield f"normalizer {name}", one_byte_a_token(normalizer)


def random_texts(rng):
    odd = [0x9, 0xA, 0xD, 0xA0, 0xE9, 0x301, 0x200D, 0x3042, 0x4E2D, 0xAC00, 0x1F600, 0x1F3FD, 0x661, 0xBD, 0x130, 0xDF, 0xFB01, 0xFF21,
           0x2028, 0xFEFF, 0xE000, 0x10FFFF, 0x85, 0x1C5, 0x345, 0x3A3, 0xE33, 0x1100, 0x1161, 0x2581, 0x915, 0x94D, 0x937]
    pool = [chr(code) for code in [*range(0x20, 0x7F), *odd]] + [" "] * 20 + ["  ", "<s>", "</s>", "<|im_end|>", " ▁"]
    return ["".join(rng.choice(pool) for _ in range(rng.randrange(1, 40))) for _ in range(150)]


def main():
    out = Path(sys.argv[1])
    base.TEXTS += random_texts(random.Random(3))
    for name, tok in kinds():
        folder = out / name
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_text(tok.to_str())
        eos = "</s>" if tok.token_to_id("</s>") is not None else "<|im_end|>"
        (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": eos}))
        reference = base.cases(tok, random.Random(0))
        if name in ("gpt2", "llama3 and olmo2", "tekken", "gemma"):
            tok.encode_special_tokens = False
            for case in reference["encode"]:
                case["offsets"] = tok.encode(case["text"], add_special_tokens=False).offsets
        (folder / "reference.json").write_text(json.dumps(reference))


if __name__ == "__main__":
    main()
