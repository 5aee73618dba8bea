"""Budgets of what is read: bytes after unpacking, values, nesting, digits, memory; each refusal is a line, at once."""

from __future__ import annotations

import gzip
import json
import os
import time

import pandas as pd
import pytest

import cogattn as ca
from cogattn import files
from cogattn.errors import InputError
from cogattn.human import imports
from cogattn.observer import read_toml
from cogattn.runs import experiment

DEEP = 5000


def refused(call, *said):
    """One line, and within seconds."""
    start = time.process_time()  # others may work on this machine
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in said), str(error.value)
    assert time.process_time() - start < 10


def test_a_packed_file_that_swells_is_refused_before_it_is_unpacked(tmp_path):
    bomb = tmp_path / "bomb.json.gz"
    with gzip.open(bomb, "wb", 9) as file:
        file.write(b"[")
        for _ in range(110):
            file.write(b'{"a": 1},' * 111_111)
        file.write(b"{}]")
    assert bomb.stat().st_size < 400_000
    refused(lambda: imports.read(bomb), "bomb.json.gz", "as no trials do")
    refused(lambda: files.read_bytes(bomb), "as no trials do")
    rows = tmp_path / "bomb.csv.gz"
    with gzip.open(rows, "wb", 9) as file:
        file.write(b"a,b\n")
        for _ in range(110):
            file.write(b"1,2\n" * 250_000)
    refused(lambda: files.read_table(rows), "as no trials do")
    refused(lambda: files.read_bytes(rows, 10**6), "unpacks to more than 1 MB")


def test_a_json_of_too_many_values_is_refused_before_it_is_parsed(tmp_path):
    """90 MB within 175 KB: fewer bytes than the guard allows, more values than memory likes."""
    many = tmp_path / "many.json.gz"
    with gzip.open(many, "wb", 9) as file:
        file.write(b"[" + b"".join(b'{"a":1},' * 1000 for _ in range(6000)) + b"{}]")
    refused(lambda: imports.read(many), "values, more than 5,000,000")
    refused(lambda: files.json_value("[" + "1," * 20 + "1]", "x", most=10), "x holds some 21 values")


def test_nesting_and_digits_have_an_end(tmp_path):
    """Texts that made tracebacks, or were taken: each is one line."""
    number = "1" * 5000
    for text, said in (
        ("[" * DEEP + "]" * DEEP, "nested"),
        ("[" * 80 + "]" * 80, "nested"),
        ('{"a":' * DEEP + "1" + "}" * DEEP, "nested"),
        (f'{{"a": {number}}}', "digits"),
        (f'{{"a": {number[:1001]}}}', "digits"),
        ("[1, 2]", "must hold a JSON object"),
        ('"text"', "must hold a JSON object"),
        ("{", "is not JSON"),
    ):
        (tmp_path / "a.json").write_text(text)
        refused(lambda: files.read_json(tmp_path / "a.json"), said)
    for text, said in (
        ("a = " + "[" * DEEP + "]" * DEEP, "nested"),
        ("a = " + "[" * 80 + "]" * 80, "nested"),
        ("a" + ".a" * DEEP + " = 1", "nested"),
        ("[a" + ".a" * 80 + "]", "nested"),
        ("a = " + "{a=" * 80 + "1" + "}" * 80, "nested"),
        (f"a = {number}", "digits"),
        (f"a = {number[:1001]}", "digits"),
        ("a = 0x" + "f" * 5000, "digits"),
        ("a = ", "not a TOML file"),
        ("a = 1\n" * 10**6, "more than 4 MB"),
    ):
        (tmp_path / "a.toml").write_text(text)
        refused(lambda: read_toml(tmp_path / "a.toml"), said)
    (tmp_path / "a.toml").write_bytes(b"a = '\xff'")
    refused(lambda: read_toml(tmp_path / "a.toml"), "not a TOML file")
    refused(lambda: read_toml(tmp_path), "is a folder")
    refused(lambda: read_toml(tmp_path / "none.toml"), "No such file")
    (tmp_path / "a.toml").write_text(
        "b = \"[[[[#\"  # [[[[[\na = [[1, [2.5]], [3]]\nc.\"d.e\".f = '''\n[[['''\n"
    )
    assert read_toml(tmp_path / "a.toml") == {
        "b": "[[[[#",
        "a": [[1, [2.5]], [3]],
        "c": {"d.e": {"f": "[[["}},
    }


def test_a_sidecar_that_is_nested_deeply_is_one_line(tmp_path):
    (tmp_path / "sub-01_task-x_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\ta\n")
    (tmp_path / "sub-01_task-x_events.json").write_text("[" * DEEP + "]" * DEEP)
    refused(lambda: imports.read(tmp_path), "nested")


def test_a_table_of_too_many_cells_is_refused_before_memory_is_taken(tmp_path, monkeypatch):
    files.write_table(tmp_path / "t.parquet", pd.DataFrame({"a": range(1000), "b": 1.0}))
    monkeypatch.setattr(files, "MOST_CELLS", 1999)
    refused(lambda: files.read_table(tmp_path / "t.parquet"), "2,000 cells")
    monkeypatch.undo()
    monkeypatch.setattr(files, "free_memory", lambda: 10_000)
    refused(lambda: files.read_table(tmp_path / "t.parquet"), "0.0 GB are free")
    (tmp_path / "t.json").write_text(json.dumps({"a": list(range(1000))}))
    refused(lambda: files.read_json(tmp_path / "t.json"), "of memory")


def test_memory_is_asked_for_before_a_run_takes_it(tmp_path, monkeypatch):
    task = ca.paradigms.get("whole_report")(exposures=(0.05,))
    big = {"arms": "human", "people": 20_000, "trials": 1000}
    monkeypatch.setattr(files, "free_memory", lambda: 4 * 10**9)
    refused(lambda: ca.run(task, **big), "this run needs 8.0 GB", "give out=")
    plan = experiment.make_plan(task, "human", None, 2, 3, 0, None, None)
    assert experiment._in_memory(plan)
    monkeypatch.setattr(files, "free_memory", lambda: 1000)
    kept = ca.run(
        task, arms="human", people=3, trials=4, out=tmp_path
    )  # piece by piece, and all of it is there
    assert len(pd.read_parquet(kept.folder / "trials.parquet")) == 12
    monkeypatch.undo()
    assert files.free_memory() is None or files.free_memory() > 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.json"])
def test_a_pipe_with_a_name_is_refused_before_it_is_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    read = files.read_json if name.endswith("json") else files.read_table
    with pytest.raises(InputError, match="it is a pipe, and a file is needed"):
        read(tmp_path / name)
