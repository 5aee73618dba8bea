"""Files for readers: right ones of every kind, then damaged, truncated, nested, or with what does not belong there."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fuzz_doors import Input, specimens


def _frame(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        frame, path = specimens()["frame"], folder / f"data{suffix}"
        if suffix == ".parquet":
            frame.to_parquet(path)
        elif suffix == ".json":
            frame.astype(str).to_json(path, orient="records")
        else:
            frame.to_csv(path, index=False, sep="\t" if "tsv" in suffix else ",")
        return path

    return write


def _toml(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "odd.toml").write_text(text)
        return folder / "odd.toml"

    return write


def _bids(folder: Path) -> Path:
    path = folder / "sub-01_task-go_events.tsv"
    path.write_text("onset\tduration\ttrial_type\tresponse_time\n0.1\t0.2\tgo\t0.3\n1.1\t0.2\tgo\tn/a\n")
    side = folder / "sub-01_task-go_events.json"
    side.write_text(json.dumps({"response_time": {"Units": "s"}, "trial_type": {"Levels": {"go": "x"}}}))
    return side


def _run(folder: Path) -> Path:
    specimens()["trials"].save(folder / "run", figures=False)
    return folder / "run"


def _weights(folder: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.ones(3)}, folder / "w.safetensors")
    return folder / "w.safetensors"


def _scenario(folder: Path) -> Path:
    (folder / "s.txt").write_text(
        "0:00:00;sysmon;start\n0:00:05;sysmon;scales-1-failure;True\n0:00:20;sysmon;stop\n"
    )
    return folder / "s.txt"


def _conflict(folder: Path) -> Path:
    from cogattn.laws import stages

    stages.write_conflict(folder / "c.csv")
    return folder / "c.csv"


#: What reads, and then draws or estimates: an input in fifty.
SLOW = ("fit", "run")


@cache
def _readers() -> dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any]]]:
    """What is read: (a right file, how it is read)."""
    import cogattn as ca
    from cogattn import files
    from cogattn.explore import knobs
    from cogattn.human import imports
    from cogattn.laws import stages
    from cogattn.nn.networks import registry
    from cogattn.observer import read_toml
    from cogattn.paradigms import scenario

    def run_of(path: Path) -> Any:
        done = ca.load(path if path.is_dir() else path.parent)
        return done.summary(), done.findings(), done.remarks(), _closed(done.plot())

    def page_data(path: Path) -> Any:
        page = _page()
        said = page.answer(
            {"do": "data", "file": path.name, "bytes": base64.b64encode(path.read_bytes()).decode()}
        )
        return _told(said)

    tables = {
        f"import{s}": (_frame(s), lambda path: imports.summary(imports.read(path)))
        for s in (".csv", ".tsv", ".json", ".parquet", ".csv.gz")
    }
    return tables | {
        "observer": (_toml("capacity = 30.0\nslots = 2\n"), ca.Observer.from_file),
        "population": (
            _toml('[slots]\nkind = "constant"\nmean = 2.0\n'), lambda path: ca.Population.from_dict(read_toml(path))
        ),
        "page observer": (_toml("capacity = 30.0\n"),
         lambda path: knobs.from_text(path.read_bytes().decode("latin-1"))),
        "page data": (_frame(".csv"), page_data),
        "bids": (_bids, lambda path: imports.summary(imports.read(path.parent))),
        "run": (_run, run_of),
        "weights": (_weights, registry.read_weights),
        "scenario": (_scenario, lambda path: scenario.read(path).stream()),
        "conflict": (_conflict, stages.read_conflict),
        "table": (_frame(".parquet"), files.read_table),
        "fit": (_frame(".csv"), lambda path: ca.tune.fit("partial_report", imports.read(path).frame, ("slots",))),
    }  # fmt: skip


def _closed(figure: Any) -> None:
    from cogattn.view import plot

    plot.close(figure)


def _page() -> Any:
    from cogattn.explore.page import Page

    if "page" not in specimens():
        specimens()["page"] = Page("whole_report", people=1)
    return specimens()["page"]


def _told(said: dict[str, Any]) -> Any:
    from cogattn.errors import InputError

    json.dumps(said, allow_nan=False)
    if "fault of cogattn" in said.get("error", ""):
        raise AssertionError(said["error"])
    if "error" in said:
        raise InputError(said["error"])
    return said


# --- damage ----------------------------------------------------------------------------------------------------------


def _flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 5, 50))):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def _swap(data: bytes, rng: random.Random) -> bytes:
    """A piece of it becomes something of another kind."""
    pieces = (b"nan", b"-1", b"inf", b"", b"\xff\xfe", b"\0", b'"', b"x" * 10_000, b"1" * 5000, b"{}", b"[[", b",,,",
     b"\n\n",
              b"'", b"=", b"True", "é🙂".encode(), b"1e400", b"9" * 40, b"null")  # fmt: skip
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(pieces) + data[at + rng.choice((0, 1, 3, 10)) :]


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": lambda data, rng: data[: rng.randrange(len(data) + 1)],
    "flipped": _flip,
    "swapped": _swap,
    "swapped twice": lambda data, rng: _swap(_swap(data, rng), rng),
    "empty": lambda data, rng: b"",
    "doubled": lambda data, rng: data + data,
    "nested": lambda data, rng: rng.choice((b"[", b'{"a":', b"a = [[", b'{"a": {"Levels": ')) * rng.choice((3, 500,
     20_000)),
    "nested and closed": lambda data, rng: b"[" * (n := rng.choice((50, 900, 20_000))) + b"]" * n,
    "nested table": lambda data, rng: b"a = " + b"[" * (n := rng.choice((50, 900, 20_000))) + b"]" * n,
    "digits": lambda data, rng: b'{"a": ' + b"1" * 5000 + b"}",
    "digits of a table": lambda data, rng: b"capacity = " + b"1" * 5000,
    "a list": lambda data, rng: rng.choice((b"[]", b"[1, 2]", b"3", b"null", b'"x"', b"{}", b"[{}]", b"[null]")),
    "noise": lambda data, rng: rng.randbytes(200),
    "other rows": lambda data, rng: data.replace(b"whole_report", b"prp").replace(b"0", b"x"),
    "zipped": lambda data, rng: gzip.compress(data),
    "latin": lambda data, rng: data.replace(b"e", b"\xe9"),
}  # fmt: skip


def drawn(rng: random.Random, quick: bool = False) -> Input:
    """A file of one kind with damage of another."""
    readers = _readers()
    usual = [r for r in readers if r not in SLOW]
    name = rng.choice(usual) if quick or rng.random() < 0.98 else rng.choice(SLOW)
    kind, at = rng.choice(list(DAMAGE)), rng.random()
    state = rng.getrandbits(64)
    right, read = readers[name]

    def call() -> Any:
        import shutil
        import tempfile

        folder = Path(tempfile.mkdtemp(dir="."))
        try:
            path = right(folder)
            inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            target = inside[int(at * len(inside))]
            target.write_bytes(DAMAGE[kind](target.read_bytes(), random.Random(state)))
            return read(path)
        finally:
            shutil.rmtree(folder)

    return Input(f"{name}: {kind}", False, call)
