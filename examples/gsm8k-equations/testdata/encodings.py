"""Writes encodings.json: what transformers' own Qwen2 tokenizer makes of some texts with the example's tokenizer.json.

python examples/gsm8k-equations/testdata/encodings.py   (transformers 5.23)
"""

import json
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).parent
TEXTS = [
    "a = 48/2, b = 48+a. What is b?\n",
    "Here is our plan. To start it is simple that a will be 48/2 = 24. After that, b is 48+24 = 72. With that, the final result should be #### 72",
    "a = (12.5+0.05)*4/3-1. What is a?\n",
    "Okay, let us see; so my last number must be #### 0.25<|endoftext|>",
    "<|im_start|>user\nIt's I'll we're<|im_end|>",
    "words that are   not in it\t,\r\n\n naïve cafe\u0301 \u00e9 数学 \U0001f9ee 1234567890 ½ ²",
    "A A a a b b c d e ## ### #### ##### +a *b (c) =d",
    "",
    " ",
]

tokenizer = AutoTokenizer.from_pretrained(HERE.parent / "model")
cases = [{"text": text, "ids": tokenizer.encode(text), "decoded": tokenizer.decode(tokenizer.encode(text))} for text in TEXTS]
(HERE / "encodings.json").write_text(json.dumps(cases, indent=2) + "\n")
