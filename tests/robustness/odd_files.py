"""Files that are not what their names say, or worse: written once into a folder, for every command to meet."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

TABLE = pd.DataFrame({"a": range(60), "b": list("xyz") * 20, "y": [0, 1] * 30})
CSV = TABLE.to_csv(index=False)

#: Sources that are no file in the folder.
PLACES = [
    "/dev/zero", "/dev/null", "/dev/stdin", "/dev/random", "/dev/tty", "~nosuch/x.csv", "~/nosuch.csv",
    "x" * 300 + ".csv", "a/" * 3000 + "x.csv", "http://[::1", "http://", "https://nohost.invalid/a.csv", "s3://",
    "s3://nosuch/b.csv", "gs://a/b.csv", "ftp://127.0.0.1:1/a.csv", "file:///nosuch.csv", "file://", "sqlite://",
    "sqlite:///nosuch.db::t", "sqlite:///corrupt.db::t", "sqlite:///corrupt.db", "postgresql://127.0.0.1:1/x::t",
    "nodialect://x::t", "sqlite:///good.csv::SELECT 1; DROP TABLE x", "openml:", "", " ", "\x1b[31m", "a\nb.csv", ".",
    "/", "..", "good.csv::x", "http://127.0.0.1:1/x.csv?sig=SECRET", "${NOSUCH}/x.csv",
    "postgresql://u:SECRET@127.0.0.1:1/x::t", "data:text/csv,a", "\udcff.csv", "http://127.0.0.1:99999/x.csv",
]  # fmt: skip


def write_files(folder: Path) -> list[str]:
    """Write every odd file into ``folder`` and return their names."""
    chance = random.Random(0)
    noise = {"csv": 5000, "parquet": 5000, "xlsx": 5000, "feather": 500, "csv.zst": 400, "csv.xz": 400, "csv.bz2": 400}
    files: dict[str, bytes | str] = {f"noise.{ending}": chance.randbytes(size) for ending, size in noise.items()}
    files |= {
        "empty.csv": "", "blank.csv": "\n\n\n", "bom.csv": b"\xef\xbb\xbf", "header.csv": "a,b,y\n",
        "nul.csv": CSV.replace("x", "\0"), "sep.csv": "sep=;\n", "twice.csv": "a,a,y\n1,2,0\n3,4,1\n",
        "wide.csv": ",".join(f"c{i}" for i in range(2001)) + "\n" + ",".join("1" for _ in range(2001)) + "\n",
        "long_cell.csv": f"{CSV}1,{'q' * 300_000},1\n", "open_quote.csv": CSV + '1,"abc,1\n' * 3,
        "nested.json": "[" * 20_000 + "]" * 20_000, "nested_names.json": '{"a":' * 20_000 + "1" + "}" * 20_000,
        "nested.jsonl": '{"a":' * 5000 + "1" + "}" * 5000 + "\n", "broken.json": "{{{", "number.json": "5",
        "null.json": "null", "texts.jsonl": '"a"\n"b"\n', "mixed.jsonl": '{"a":1}\n[1]\n',
        "format.json": '{"format": 99}',
        "infinite.json": '[{"a": Infinity, "y": 1e999}]', "surrogate.json": '[{"a":"\\ud800","y":1},{"a":"b","y":0}]',
        "ragged.csv": "a,b,y\n1,2\n1,2,3,4,5\n" * 5, "utf16.csv": CSV.encode("utf-16")[:-1],
        "utf32.csv": CSV.encode("utf-32"),
        "escapes.csv": CSV.replace("a,b", "a\x1b[31m,b\x07"), "name\x1b[31m.csv": CSV, "one.csv": "y\n" + "1\n0\n" * 20,
        "quotes.csv": '"""' * 1000, "returns.csv": CSV.replace("\n", "\r"), "whole.csv": f"a,y\n{'9' * 400},1\n1,0\n",
        "floats.csv": "a,y\n" + "1e999,1\n-1e999,0\n" * 20, "dates.csv": "a,y\n" + "9999-99-99,1\n0000-00-00,0\n" * 20,
        "pickle.pkl": b"\x80\x04cos\nsystem\n.", "table.unknown": CSV, "no_ending": CSV,
        "corrupt.db": b"SQLite format 3\0" + chance.randbytes(4000),
        "tag.yaml": "a: !!python/object/apply:os.getcwd []\n",
        "anchors.yaml": "a: &a [1]\nb: &b [*a,*a]\nc: [*b,*b]\n", "stars.yaml": f"name: {'*' * 30}\nrules: []\n",
        "nested.yaml": "[" * 5000, "twice.yaml": "data: a\ndata: b\n", "nulls.yaml": "data: null\ntarget: []\n",
        "notebook.ipynb": '{"cells": 5, "metadata": [], "nbformat": 4, "nbformat_minor": 5}',
        "old.ipynb": '{"nbformat": 2}', "cells.ipynb": '{"cells": [{"cell_type": "code", "source": 5, "metadata": 3}], '
        '"metadata": {"kernelspec": 7}, "nbformat": 4, "nbformat_minor": 5}',
        "cut.csv.gz": gzip.compress(CSV.encode())[:-10], "plain.csv.gz": CSV, "old.xls": chance.randbytes(3000),
        "bomb.csv.bz2": bz2.compress(b"0" * 50_000_000), "bomb.csv.xz": lzma.compress(b"0" * 50_000_000, preset=0),
        "bomb.csv.zip": _zip({"a.csv": "0" * 50_000_000}), "two.zip": _zip({"a.csv": CSV, "b.csv": CSV}),
        "none.zip": _zip({}), "cut.zip": _zip({"a.csv": CSV})[:50],
    }  # fmt: skip
    packed = io.BytesIO()
    TABLE.to_parquet(packed)
    files |= {"cut.parquet": packed.getvalue()[:-20], "head.parquet": packed.getvalue()[:300]}
    packed = io.BytesIO()
    TABLE.to_feather(packed)
    files |= {"cut.feather": packed.getvalue()[:-60]}
    for name, (part, edit) in WORKBOOKS.items():
        files[name] = _workbook(part, edit)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "folder.csv").mkdir()
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "dangling.csv").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(folder / "socket.csv"))
    (folder / "good.csv").write_text(CSV)
    return [*files, "folder.csv", "loop.csv", "dangling.csv", "pipe.csv", "socket.csv"]


WORKBOOKS: dict[str, tuple[str, Callable[[bytes], bytes | None]]] = {
    "cut.xlsx": ("sheet1.xml", lambda content: content[: len(content) // 2]),
    "no_sheet.xlsx": ("sheet1.xml", lambda _: None),
    "empty_sheet.xlsx": ("sheet1.xml", lambda _: b""),
    "entity.xlsx": ("sheet1.xml", lambda _: b"<!DOCTYPE a [<!ENTITY x 'y'>]><worksheet>&x;</worksheet>"),
    "no_book.xlsx": ("xl/workbook.xml", lambda _: None),
    "cut_book.xlsx": ("xl/workbook.xml", lambda content: content[:100]),
    "odd_styles.xlsx": ("styles.xml", lambda _: b"<x/>"),
}


def _workbook(part: str, edit: Callable[[bytes], bytes | None]) -> bytes:
    book = io.BytesIO()
    TABLE.to_excel(book, index=False)
    with zipfile.ZipFile(book) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    edited = {name: edit(content) if name.endswith(part) else content for name, content in parts.items()}
    return _zip({name: content for name, content in edited.items() if content is not None})


def _zip(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
