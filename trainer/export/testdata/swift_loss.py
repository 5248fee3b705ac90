"""Prints the loss of the first step that ms-swift trains on an exported file.

    swift_loss.py MODEL FILE OUT     FILE of the format loss-scale; MODEL needs no tokenizer: rows come as tokens
"""

import json
import shutil
import sys

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

model, file, out = sys.argv[1:]
shutil.copytree(model, f"{out}/model", dirs_exist_ok=True)
words = Tokenizer(WordLevel({"<pad>": 0, "a": 1, "<eos>": 2, "<bos>": 3}, unk_token="<pad>"))
# As Llama's: every text begins with a token of its own, which the rows have already.
words.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 3)])
PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>").save_pretrained(f"{out}/model")

from swift.arguments import SftArguments  # noqa: E402
from swift.pipelines.train.sft import SwiftSft  # noqa: E402

arguments = SftArguments(
    model=f"{out}/model",
    model_type="qwen2",
    dataset=[file],
    # What a user sets: the rows are tokens already, with floats for weights and their own end tokens.
    external_plugins=[__file__.replace("swift_loss", "swift_template")],
    template="tokens",
    is_binary_loss_scale=False,
    remove_unused_columns=False,
    tuner_type="full",
    torch_dtype="float32",
    check_model=False,
    use_hf=True,
    load_from_cache_file=False,
    split_dataset_ratio=0,
    dataset_num_proc=1,
    strict=True,
    output_dir=f"{out}/trained",
    max_steps=1,
    per_device_train_batch_size=9,
    gradient_accumulation_steps=1,
    logging_steps=1,
    save_strategy="no",
    report_to=[],
    gradient_checkpointing=False,
    use_cpu=True,
)
print(json.dumps(SwiftSft(arguments).run()["log_history"][0]["loss"]))
