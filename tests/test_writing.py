"""One way to write: whole or not at all, what is there keeps its kind, the same table is the same bytes."""

from __future__ import annotations

import gzip
import os
import signal
import stat
import subprocess
import sys
import time

import pandas as pd
import pytest

from cogattn import files
from cogattn.errors import InputError, RunError
from cogattn.human import imports
from cogattn.paradigms import scenario
from cogattn.view import plot

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")
TABLE = pd.DataFrame({"x": [0.1, 0.2], "name": ["a", "b"]})


@posix
def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path):
    real, link = tmp_path / "deep" / "real.csv", tmp_path / "link.csv"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    files.write_table(link, TABLE)
    assert link.is_symlink()
    assert pd.read_csv(real).equals(TABLE)
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to(tmp_path / "new.csv")
    files.write_table(dangling, TABLE)
    assert dangling.is_symlink()
    assert (tmp_path / "new.csv").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dangling.csv", "deep", "link.csv", "new.csv"]


@posix
def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@posix
def test_what_is_no_file_is_refused_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "full.csv").symlink_to("/dev/full")
    said = {
        "pipe.csv": "a pipe",
        "folder.csv": "a folder",
        "loop.csv": "symbolic links",
        "full.csv": "a device",
    }
    for name, what in said.items():
        kind = (tmp_path / name).lstat().st_mode
        with pytest.raises(InputError, match=what):
            files.write_table(tmp_path / name, TABLE)
        assert (tmp_path / name).lstat().st_mode == kind
    for path, what in (("/dev/full", "a device"), ("", "a folder"), ("a\0b.txt", "null byte")):
        with pytest.raises(InputError, match=what):
            files.write_text(files.Path(path), "x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_what_is_read_only_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "a.txt").chmod(0o444)
    with pytest.raises(InputError, match="read-only"):
        files.write_text(tmp_path / "a.txt", "new")
    (tmp_path / "shut").mkdir(mode=0o555)
    with pytest.raises(RunError, match="Permission denied"):
        files.write_text(tmp_path / "shut" / "a.txt", "new")


def test_an_ending_is_honoured_or_refused(tmp_path):
    for name in ("t.csv", "t.tsv", "t.parquet", "t.csv.gz", "t.tsv.gz", "T.CSV"):
        files.write_table(tmp_path / name, TABLE)
        assert files.read_table(tmp_path / name).equals(TABLE) or name == "T.CSV"
    assert (tmp_path / "t.tsv").read_text() == "x\tname\n0.1\ta\n0.2\tb\n"
    for name in ("t.xlsx", "t.csv.zip", "t", "t.gz", "csv"):
        with pytest.raises(InputError, match=r"known are \.parquet, \.csv"):
            files.write_table(tmp_path / name, TABLE)
        assert not (tmp_path / name).exists()
    with pytest.raises(InputError, match="xlsx"):
        imports.write(imports.Imported(TABLE, []), tmp_path / "t.xlsx")


def test_the_same_table_is_the_same_bytes(tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        files.write_table(tmp_path / name, TABLE)
    a, b = ((tmp_path / n).read_bytes() for n in ("a.csv.gz", "b.csv.gz"))
    assert a == b
    assert a[3] == 0  # no name in its head
    assert a[4:8] == bytes(4)  # and no time
    assert gzip.decompress(a) == b"x,name\n0.1,a\n0.2,b\n"


def test_it_is_flushed_before_it_is_renamed_and_so_is_the_folder(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: (done.append(os.fstat(f).st_size), fsync(f)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("renamed"), replace(a, b)))
    files.write_text(tmp_path / "a.txt", "12345")
    assert done[:2] == [5, "renamed"]
    assert len(done) == 3


@posix
def test_what_a_killed_process_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    words = """
import pathlib, sys, time
from cogattn import files
files.place(pathlib.Path(sys.argv[1]), lambda p: (p.write_text("half"), print("on", flush=True), time.sleep(60)))
"""
    with subprocess.Popen(
        [sys.executable, "-c", words, str(tmp_path / "a.txt")], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"on\n"
        (tmp_path / ".trials.csv.gz.99999999.part.csv.gz").write_text("of an earlier version")
        (tmp_path / ".hidden.part").write_text("not ours")
        files.sweep(tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir() if ".part" in p.name)[-1] == ".hidden.part"
        assert len(list(tmp_path.iterdir())) == 2  # one is being written
        other.send_signal(signal.SIGKILL)
        other.wait(10)
    files._swept.discard(tmp_path)
    files.write_text(tmp_path / "a.txt", "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden.part", "a.txt"]


@posix
def test_a_disk_that_is_full_leaves_the_old_file_and_one_line(tmp_path):
    """A limit on the size of files stands for the disk: the system refuses, not a test's stand-in."""
    import resource

    (tmp_path / "a.csv").write_text("old")
    big = pd.DataFrame({"x": range(50_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        for name in ("a.csv", "b.csv.gz", "c.parquet"):
            with pytest.raises(RunError, match=rf"cannot write .*{name}: .*File too large"):
                files.write_table(tmp_path / name, big)
        with plot.style() as plt, pytest.raises(RunError, match="cannot write"):
            plot.keep(plt.figure(), tmp_path, "d")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_text_that_is_none_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no letter"):
        files.write_text(tmp_path / "a.txt", "a\ud800")
    assert not list(tmp_path.iterdir())


def test_figures_and_scenarios_are_written_in_the_same_way(tmp_path, monkeypatch):
    seen, real = [], files.place
    for module in (files, plot):
        monkeypatch.setattr(module, "place", lambda path, write: (seen.append(path.name), real(path, write)))
    with plot.style() as plt:
        plot.keep(plt.figure(), tmp_path, "figure")
    scenario.write(scenario.parse("0:00:00;sysmon;start"), tmp_path / "mine.txt")
    assert seen == [*(f"figure.{kind}" for kind in plot.FORMATS), "mine.txt"]
    assert time.time() - (tmp_path / "mine.txt").stat().st_mtime < 60
