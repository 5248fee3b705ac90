"""Writes the Parquet files of trainer/data/testdata with pyarrow: python parquet.py. Each holds the rows of rows.json, in two row groups."""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).resolve().parents[2] / "trainer" / "data" / "testdata"
rows = [
    {
        "question": f"What is {i} * 7? é😀",
        "answer": i * 7,
        "big": 2**53 + 1 + i,
        "level": ["easy", "hard"][i % 2],
        "missing": None if i % 3 == 0 else f"m{i}",
        "messages": [
            {"role": "user", "content": f"What is {i} * 7?"},
            {"role": "assistant", "content": f"#### {i * 7}"},
        ],
        "options": {"A": "one", "B": "two"},
        "tags": ["x"] * (i % 3),
    }
    for i in range(12)
]
(here / "rows.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
table = pa.Table.from_pylist(rows)
table = table.set_column(table.schema.get_field_index("level"), "level", table["level"].dictionary_encode())
for codec in ["none", "snappy", "zstd", "gzip"]:
    pq.write_table(table, here / f"{codec}.parquet", compression=codec, row_group_size=7, data_page_version="2.0" if codec == "zstd" else "1.0")
