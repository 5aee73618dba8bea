"""How much memory does attention under a gate take beside plain attention, where causality or times are in it?

    python benchmarks/peak_memory.py [--keys 8192] [--to FILE.csv]

Each row is a process of its own: one call of one head of 64 features, after a small one that warms up; the peak of its
memory above what it had before, and the largest difference from the formula written out (at 1,024 keys).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from cogattn.nn import functional, gated_attention
from cogattn.nn.gate import GateState

WAYS = ("plain, causal", "keep + causal", "times", "keep + mask of the caller")
WHOLE = 2**62  #: no mask is so large: it is made as a whole


def call(way: str, n: int) -> Any:
    """A function that attends, and one that does so by the formula."""
    dice = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, n, 64, generator=dice) for _ in range(3))
    if way == "plain, causal":
        return lambda **_: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    gate = GateState(keep=torch.rand(1, n, generator=dice) < 0.7)
    how: dict[str, Any] = {"is_causal": way == "keep + causal"}
    if way == "times":
        now = torch.arange(n, dtype=torch.float32)[None]
        gate = GateState(t_on=now, t_off=now + 400, t_query=now)
    if way == "keep + mask of the caller":
        how["attn_mask"] = torch.ones(n, n, dtype=torch.bool).tril()
    return lambda **more: gated_attention(q, k, v, gate, **how, **more)


def one(way: str, n: int, stretch: int) -> dict[str, Any]:
    """What one call takes."""
    torch.set_num_threads(1)
    functional.STRETCH_FROM = stretch
    small, gap = call(way, 1024), 0.0
    functional.STRETCH_FROM = min(stretch, 2**16)
    with torch.no_grad():
        if way != "plain, causal":
            gap = float((small() - small(impl="eager")).abs().max())
        functional.STRETCH_FROM = stretch
        attend = call(way, n)
        before, start = _peak(), time.perf_counter()
        attend()
    return {"seconds": time.perf_counter() - start, "MiB": _peak() - before, "gap": gap}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=8192)
    parser.add_argument("--to", help="a .csv file for the table")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], asked.keys, int(asked.one[1]))))
        return
    lines = ["way,mask,keys,MiB,seconds,gap"]
    for way in WAYS:
        for name, stretch in (("whole", WHOLE), ("some queries at a time", functional.STRETCH_FROM)):
            if way == "plain, causal" and name != "whole":
                continue
            said = subprocess.run(
                [sys.executable, __file__, "--keys", str(asked.keys), "--one", way, str(stretch)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            got = json.loads(said.stdout)
            mask = "none" if way == "plain, causal" else name
            lines.append(
                f"{way.replace(',', '')},{mask},{asked.keys},{got['MiB']:.0f},{got['seconds']:.1f},{got['gap']:.1e}"
            )
            print(lines[-1], flush=True)
    if asked.to:
        Path(asked.to).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
