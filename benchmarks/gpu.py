"""What a gate costs on a GPU: attention.py and transformer.py on CUDA, into the README's table.

    python benchmarks/gpu.py [--quick]     # minutes, on a GPU; without one it says so and that is all

attention.py prints the floor of each row beside it: what its bytes and operations take at an H200's peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime

import measure
import torch

JOBS = (
    ("attention.py", "--device", "cuda"),
    ("attention.py", "--device", "cuda", "--dtype", "bfloat16"),
    ("transformer.py", "--device", "cuda"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds; the README stays as it is")
    quick = parser.parse_args(arguments).quick
    if not torch.cuda.is_available():
        print("torch finds no CUDA device here: nothing was measured, and the README stays as it is.")
        return 0
    parts = [f"`python benchmarks/gpu.py`, {datetime.now(UTC):%Y-%m-%d}, {torch.cuda.get_device_name()}."]
    for script, *args in JOBS:
        command = [sys.executable, str(measure.HERE / script), *args, *["--rounds", "5"] * quick]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"{script} {' '.join(args)} failed; the README stays as it is", file=sys.stderr)
            return 1
        parts.append(f"{script} {' '.join(args)}: {done.stdout.strip()}")
        print(parts[-1], flush=True)
    if not quick:
        measure.write("gpu", "\n\n".join(parts))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
