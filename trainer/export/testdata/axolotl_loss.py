"""Prints the loss of the first step that Axolotl trains on an exported file, and the rows of its batch without their padding.

    axolotl_loss.py MODEL FILE OUT     FILE of the format labels; MODEL needs no tokenizer: rows come as tokens
"""

import json
import shutil
import sys


def main(model, file, out):
    from axolotl.cli.config import load_cfg
    from axolotl.common.datasets import load_datasets
    from axolotl.train import train
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    shutil.copytree(model, f"{out}/model", dirs_exist_ok=True)
    words = Tokenizer(WordLevel({"<pad>": 0, "a": 1, "<eos>": 2}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    tokenizer.save_pretrained(f"{out}/model")
    settings = {
        "base_model": f"{out}/model",
        # What a user sets: the type is left empty, since rows are tokens already.
        "datasets": [{"path": file, "ds_type": {"jsonl": "json", "parquet": "parquet"}[file.rsplit(".")[-1]], "type": None}],
        "sequence_len": 64,
        "dataset_prepared_path": f"{out}/prepared",
        "dataset_num_proc": 1,
        "output_dir": f"{out}/trained",
        "max_steps": 1,
        "micro_batch_size": 9,
        "gradient_accumulation_steps": 1,
        "logging_steps": 1,
        "learning_rate": 1e-3,
        "optimizer": "adamw_torch",
        "lr_scheduler": "constant",
        "attn_implementation": "eager",
        "bf16": False,
        "save_strategy": "no",
    }
    with open(f"{out}/config.yaml", "w") as config:
        json.dump(settings, config)
    cfg = load_cfg(f"{out}/config.yaml")
    _, _, trainer = train(cfg=cfg, dataset_meta=load_datasets(cfg=cfg))
    batch = next(iter(trainer.get_train_dataloader()))
    lengths = batch["attention_mask"].sum(1).tolist()
    rows = [{k: batch[k][i, :n].tolist() for k in ("input_ids", "attention_mask", "labels")} for i, n in enumerate(lengths)]
    print(json.dumps({"loss": trainer.state.log_history[0]["loss"], "rows": rows}))


# The library starts processes that read this file again.
if __name__ == "__main__":
    main(*sys.argv[1:])
