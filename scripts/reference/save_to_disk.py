"""Writes the directories trainer/data/testdata/saved and saved-splits with Hugging Face datasets: python save_to_disk.py. They hold the rows of rows.json."""

import json
import pathlib
import shutil

from datasets import Dataset, DatasetDict, Features, LargeList, List, Value

here = pathlib.Path(__file__).resolve().parents[2] / "trainer" / "data" / "testdata"
rows = json.loads((here / "rows.json").read_text())
features = Features(
    {
        "question": Value("large_string"),
        "answer": Value("int32"),
        "big": Value("int64"),
        "level": Value("string"),
        "missing": Value("string"),
        "messages": List({"role": Value("string"), "content": Value("string")}),
        "options": {"A": Value("string"), "B": Value("large_string")},
        "tags": LargeList(Value("string")),
    }
)
whole = Dataset.from_list(rows, features=features)
for name in ["saved", "saved-splits"]:
    shutil.rmtree(here / name, ignore_errors=True)
whole.save_to_disk(here / "saved", num_shards=3)
splits = DatasetDict({"train": whole.select(range(8)), "held_out": whole.select([11, 8])})
splits.save_to_disk(here / "saved-splits")
