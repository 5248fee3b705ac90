"""Trains the small tokenizers of trainer/tokenizer/testdata and writes what Hugging Face's Rust tokenizers make of the test texts.

    python scripts/reference/tokenizer_cases.py [gsm8k.jsonl [KIND ...]]

needs `pip install tokenizers==0.23.3 transformers jinja2`. Without the file the texts below are all there is to learn from.
"""
import base64
import json
import random
import sys
import zlib
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = Path(__file__).parents[2] / "trainer/tokenizer/testdata"
HERE = Path(__file__).parent

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

SENTENCES = [
    "The quick brown fox doesn't jump over 13 lazy dogs; it's tired, and they'll wait. She'd say I'm wrong.",
    "So the answer is 42. That means 6 * 7 = 42, and 84 / 2 = 42 as well.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "Où est passée la clé de l'hôtel ? Elle était là, près de l'œuvre.",
    "El pingüino comió piña en la montaña mañana por la mañana.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "我今天吃了三个苹果和两个橙子，一共五个水果。答案是五。",
    "今日はとても良い天気ですね。答えは四十二です。",
    "오늘은 날씨가 아주 좋습니다. 정답은 마흔둘입니다.",
    "مرحبا بالعالم، الجواب هو ٤٢ فقط.",
    "שלום עולם, התשובה היא 42.",
    "नमस्ते दुनिया, उत्तर बयालीस है।",
    "สวัสดีชาวโลก คำตอบคือสี่สิบสอง",
    "def add(a, b):\n    return a + b  # sum\n\n\nif __name__ == '__main__':\n\tprint(add(1, 2))\n",
    "x = {\"key\": [1, 2, 3], 'other': None}; y <<= 2 && !z || w != 0x1F",
    "\\frac{1}{2} + \\sqrt{x^2 + 1} \\le \\boxed{42}",
]

TEXTS = SENTENCES + [
    "", " ", "  ", "   a", "a   ", "a  b   c    d", "\n", "\n\n\n", " \n \n", "\r\n\r\n", "\t\tx\t", "a\u00a0b\u3000c\u2009d", "a\u0085b\u2028c\ufeffd",
    "0", "1234567890", "12 345,67", "3.14159e-10", "٤٢ ४२ ４２ ½ ² Ⅻ", "1,000,000.00 $5 €7 £9 ¥3",
    "don't DON'T Don'T we'LL I'd'VE 'sup it's's", "it\u2019s \u2018quoted\u2019 \u201cdouble\u201d",
    "😀", "😀😀 text 👩‍👩‍👧‍👦 family", "🇺🇸🇩🇪 flags", "👍🏽 skin", "e\u0301 vs \u00e9", "Å Å", "ﬁ ﬂ ligatures",
    "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "<|im_end|", "a<|im_end|>b", " <|im_end|> ", "<tool_call>{\"a\": 1}</tool_call>",
    "<think>\nhmm\n</think>", "<|im_start|><|im_start|>", "<|im_<|im_end|>end|>",
    "naïve café résumé", "ﷺ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "ǅ ß ẞ İ ı", "a\u0300\u0301\u0302b", "\u200b\u200d\u200e", "\x00\x01\x7f", "...!!!???---", "a.b.c...d", " .,;:",
    "'", "''", "' s", "'\u017f", "snake_case camelCase kebab-case", "http://example.com/a?b=c&d=%20#e", "end with spaces    ", "\n  indented\n    more\n",
    "x" * 300, "ab " * 100, "9" * 50,
]


# In the manner of ChatML: a default system message, and roles written out.
CHATML = """{%- if messages[0]['role'] == 'system' -%}
    {%- set system = messages[0]['content'] -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set system = 'You solve problems.' -%}
    {%- set rest = messages -%}
{%- endif -%}
{{- '<|im_start|>system\\n' + system + '<|im_end|>\\n' -}}
{%- for message in rest -%}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}
        {{- raise_exception('roles must go user, assistant, user, ...') -}}
    {%- endif -%}
    {{- '<|im_start|>' + message.role + '\\n' + (message.content | trim if message.role == 'assistant' else message.content) + '<|im_end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

# In the manner of header templates: writes the beginning token itself, uses a namespace, a date and a filter.
HEADERS = """{{- bos_token }}
{%- set ns = namespace(count=0) %}
{%- set date = strftime_now('%d %b %Y') if strftime_now is defined else '01 Jan 2025' %}
{{- date }}
{%- for message in messages %}
    {%- set ns.count = ns.count + 1 %}
    {{- '<|im_start|>' ~ message['role'] ~ '|' ~ ns.count ~ '\\n' }}{{ message['content'] | trim }}{{ '<|im_end|>' }}
{%- endfor %}
{%- if tools is not none %}tools{% endif %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant|' }}{{ ns.count + 1 }}
    {{- '\\n' }}
{%- endif %}
"""

CHATS = [
    [{"role": "user", "content": "What is 6 * 7?"}],
    [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "  spaces around  "}],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " 42 \n"}, {"role": "user", "content": "Sure?"}],
    [{"role": "user", "content": "ünï 😀 {{ braces }} {% tags %}"}],
    [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}],
]


def chat_cases(tok, config):
    from transformers import PreTrainedTokenizerFast

    # The date must not be part of a reference: the template's own fallback is.
    template = config["chat_template"].replace("strftime_now is defined", "false")
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, **{k: v for k, v in config.items() if k.endswith("_token")})
    out = []
    for messages in CHATS:
        for add in (False, True):
            case = {"messages": messages, "addGenerationPrompt": add}
            try:
                case["text"] = fast.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=add)
                case["ids"] = tok.encode(case["text"], add_special_tokens=False).ids
            except Exception as error:
                case["error"] = str(error)
            out.append(case)
    return out


def corpus(path):
    lines = list(SENTENCES) * 8
    if path:
        for line in Path(path).read_text().splitlines()[:800]:
            row = json.loads(line)
            lines += [row["question"], row["answer"]]
    return lines


def qwen2(lines, pattern=QWEN2, size=1400, **bpe):
    tok = Tokenizer(models.BPE(**bpe))
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.train_from_iterator(
        lines,
        trainers.BpeTrainer(vocab_size=size, special_tokens=[], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False),
    )
    special = [AddedToken(t, special=True, normalized=False) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    tok.add_special_tokens(special)
    tok.add_tokens([AddedToken(t, special=False, normalized=False) for t in ("<tool_call>", "</tool_call>", "<think>", "</think>")])
    return tok


def llama3(lines):
    tok = qwen2(lines, LLAMA3, size=900, ignore_merges=True)
    tok.normalizer = None
    tok.add_special_tokens([AddedToken("<|begin_of_text|>", special=True, normalized=False)])
    tok.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", tok.token_to_id("<|begin_of_text|>"))]),
        ]
    )
    return tok


def metaspace(lines):
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    words = [w for line in lines for w in line.split()]
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    tok.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=900, limit_alphabet=150, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens, show_progress=False)
    )
    # Training marks the bytes as special; in a real tokenizer of this kind they are ordinary entries of the vocabulary.
    raw = json.loads(tok.to_str())
    raw["added_tokens"] = [t for t in raw["added_tokens"] if not t["content"].startswith("<0x")]
    raw["post_processor"] = json.loads(
        processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)]).__getstate__()
    )
    return Tokenizer.from_str(json.dumps(raw))


def unigram(lines):
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.NFKC()])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Metaspace()
    tok.train_from_iterator(
        lines, trainers.UnigramTrainer(vocab_size=600, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False)
    )
    return tok


# A character map as SentencePiece compiles it (zlib, base64), of these replacements and a few of Hangul and combining letters:
#   ﬁ fi, Ａ A, １ 1, ideographic, no-break and zero-width space and tab to a space, ½ 1/2, ㍿ 株式会社, … ..., ’ ', ß ss
CHARACTER_MAP = (
    "eNod03dsTVEAx/HfvSpBkIo/jETiD9Rs1d577733KCUotecrrZaqtrYafaVKq3j26uLVSl7sUft1aYitqO17e5NPfmfmnnvPOfKQVF0qXU7WY3NVNhVUUqpK"
    "2V5BKkPGUq9EOsiKZLCHKVtYCWV7mgopMhVHe13abfGmTNLDKpdlzEApvaUUkWGqGm1BVaTUuZIn5YSaUikymrnlSZagnVekZLcpulQDXqiFOqiNeip+jxqg"
    "PnwQ11YKvyE1pNwYKYWmmpJN0BzNwBLUAq3RCkxRG7RHO3REB3RGJ3RFF3RHN/RED/RGL/RFH/RHP/CZGoDBGIShGILhGIaRGIHRGIWxGIPxGIeJmIDJmISp"
    "mIJp8IM/pmMmZmCWNSbM1BxyNvilCkAg5mEB5mMRFmIJFmMZlmIFlmMVViLI2niswWqEIBihWIt1CEM41iMCGxCJjYhGFDZjE7ZiC7Zjm7Wv2IFdiMEe7EYs"
    "9lp7CDv2Yx8OIB4HkYBEHMJhJOEIknEMR3EcDpzECZzGKZzFGZzHOVzEBaRa5wTpSMMlZMCJy+AYKhPXcBUcL123+hyGnAGGMrMMuajfwk3cwW3cw108wH08"
    "wkM8Rhae4gme4xle4gWy4UYucpCPPBTgg93Qa2tMsKEct6HcIkPvqL+1+vAen/ARX/AZX1GI7/iGHyjCL/zEH/zGP/wtvv5e8vb2lq98fRpxG/z85e8KVWCg"
    "nIl6ZU/KT4nMS4kpiE/TG4dN/wHARbGD"
)


def character_map():
    return zlib.decompress(base64.b64decode(CHARACTER_MAP))


def sentencepiece(lines):
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.Precompiled(character_map()), normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    tok.train_from_iterator(
        lines, trainers.UnigramTrainer(vocab_size=500, special_tokens=["<unk>", "</s>"] + byte_tokens, unk_token="<unk>", show_progress=False)
    )
    raw = json.loads(tok.to_str())
    raw["added_tokens"] = [t for t in raw["added_tokens"] if not t["content"].startswith("<0x")]
    raw["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(raw))


def words():
    vocab = ["[UNK]", "[EOS]", "so", "then", "the", "answer", "is", " ", "\n", "+", "-", "*", "/", "=", "####"] + list("0123456789")
    tok = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]"))
    tok.pre_tokenizer = pre_tokenizers.Split(Regex(r"####|[0-9]|[A-Za-z]+|\s|."), behavior="isolated")
    tok.decoder = decoders.Fuse()
    tok.add_special_tokens(["[EOS]"])
    return tok


def cases(tok, rng):
    out = []
    for text in TEXTS:
        tok.encode_special_tokens = False
        with_special = tok.encode(text).ids
        ids = tok.encode(text, add_special_tokens=False).ids
        tok.encode_special_tokens = True
        plain = tok.encode(text, add_special_tokens=False).ids
        out.append({"text": text, "ids": ids, "withSpecial": with_special, "plain": plain,
                    "decoded": tok.decode(ids, skip_special_tokens=False), "skipped": tok.decode(with_special, skip_special_tokens=True)})
    size = tok.get_vocab_size()
    pieces = []
    for _ in range(60):
        # Any id sequence must decode as in Rust: mostly invalid UTF-8, as a model may sample it.
        ids = [rng.randrange(size) for _ in range(rng.randrange(1, 12))]
        pieces.append({"ids": ids, "decoded": tok.decode(ids, skip_special_tokens=False), "skipped": tok.decode(ids, skip_special_tokens=True)})
    for _ in range(20):
        ids = [rng.randrange(min(size, 256)) for _ in range(rng.randrange(1, 9))]
        pieces.append({"ids": ids, "decoded": tok.decode(ids, skip_special_tokens=False), "skipped": tok.decode(ids, skip_special_tokens=True)})
    return {"encode": out, "decode": pieces}


def pre_tokenizer_cases():
    """How each pre-tokenizer splits: the words without their offsets."""
    p = pre_tokenizers
    kinds = [p.Whitespace(), p.WhitespaceSplit(), p.Digits(individual_digits=True), p.Digits(individual_digits=False), p.BertPreTokenizer(),
             p.CharDelimiterSplit("a"), p.ByteLevel(add_prefix_space=False), p.ByteLevel(add_prefix_space=True), p.Metaspace(),
             p.Metaspace(prepend_scheme="never"), p.Metaspace(prepend_scheme="first", split=False), p.FixedLength(length=3),
             p.Sequence([p.Digits(individual_digits=True), p.ByteLevel(add_prefix_space=False)])]
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        kinds.append(p.Punctuation(behavior=behavior))
        for invert in (False, True):
            kinds.append(p.Split(Regex(r"\w+|[.,]"), behavior=behavior, invert=invert))
    # A pre-tokenizer never sees an empty text.
    texts = [text for text in TEXTS if 0 < len(text) < 48]
    out = []
    for kind in kinds:
        tok = Tokenizer(models.BPE())
        tok.pre_tokenizer = kind
        config = json.loads(tok.to_str())["pre_tokenizer"]
        out.append({"config": config, "words": [[w for w, _ in kind.pre_tokenize_str(text)] for text in texts]})
    return {"texts": texts, "kinds": out}


def main():
    lines = corpus(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else None)
    kinds = {"qwen2": qwen2(lines), "llama3": llama3(lines), "metaspace": metaspace(lines), "unigram": unigram(lines), "sentencepiece": sentencepiece(lines), "words": words()}
    eos = {"qwen2": "<|im_end|>", "llama3": "<|im_end|>", "metaspace": "</s>", "unigram": "</s>", "sentencepiece": "</s>", "words": "[EOS]"}
    chosen = sys.argv[2:] or kinds
    for name, tok in kinds.items():
        if name not in chosen:
            continue
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps(json.loads(tok.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        config = {"eos_token": eos[name], "tokenizer_class": "PreTrainedTokenizerFast"}
        if name in ("qwen2",):
            config |= {"pad_token": "<|endoftext|>", "chat_template": CHATML}
        if name in ("llama3",):
            config |= {"bos_token": "<|begin_of_text|>", "chat_template": HEADERS}
        if name == "metaspace":
            config |= {"bos_token": "<s>", "unk_token": "<unk>"}
        reference = cases(tok, random.Random(0))
        tok.encode_special_tokens = False
        if "chat_template" in config:
            (folder / "chat.json").write_text(json.dumps(chat_cases(tok, config), ensure_ascii=True) + "\n")
        if name == "llama3":
            (folder / "chat_template.jinja").write_text(config.pop("chat_template"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
        (folder / "reference.json").write_text(json.dumps(reference, ensure_ascii=True, separators=(",", ":")) + "\n")
        print(name, tok.get_vocab_size(), sum(len(c["ids"]) for c in reference["encode"]), "tokens")
    (OUT / "pre-tokenizers.json").write_text(json.dumps(pre_tokenizer_cases(), ensure_ascii=True, separators=(",", ":")) + "\n")
    print("now format them: npx biome check --write trainer/tokenizer/testdata")


if __name__ == "__main__":
    main()
