"""Loads exported files with the libraries that they are meant for, and prints the loss that each would train on.

    losses.py MODEL FOLDER     reads FOLDER/{labels,completion-mask}.{jsonl,parquet}
"""

import json
import sys

import datasets
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()


def rows(name, kind):
    loader = {"jsonl": "json", "parquet": "parquet"}[kind]
    path = f"{sys.argv[2]}/{name}.{kind}"
    return list(datasets.load_dataset(loader, data_files=path, cache_dir=f"{sys.argv[2]}/cache")["train"])


def loss(batch):
    """What transformers' Trainer computes: the mean over all labels of the batch."""
    with torch.no_grad():
        return model(**{k: batch[k] for k in ("input_ids", "attention_mask", "labels")}).loss.item()


def padded(lists, value):
    longest = max(map(len, lists))
    return torch.tensor([own + [value] * (longest - len(own)) for own in lists])


def labels(kind):
    batch = rows("labels", kind)
    fill = {"input_ids": 0, "attention_mask": 0, "labels": -100}
    return loss({k: padded([row[k] for row in batch], v) for k, v in fill.items()})


def completion_mask(kind):
    """TRL's SFTTrainer makes labels of the mask if it is told to; its first batch is all rows. Rows come tokenized, so any tokenizer will do."""
    words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 2}, unk_token="<pad>"))
    config = SFTConfig(
        output_dir=f"{sys.argv[2]}/trl",
        per_device_train_batch_size=9,
        max_length=None,
        completion_only_loss=True,
        report_to=[],
        use_cpu=True,
        bf16=False,
        dataset_num_proc=None,
    )
    data = datasets.Dataset.from_list(rows("completion-mask", kind))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    trainer = SFTTrainer(model, args=config, train_dataset=data, processing_class=tokenizer)
    model.eval()
    return loss(next(iter(trainer.get_train_dataloader())))


print(json.dumps({f"{f.__name__} {kind}": f(kind) for f in (labels, completion_mask) for kind in ("jsonl", "parquet")}))
