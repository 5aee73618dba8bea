"""What do limits cost a Hugging Face model? Ratios to the same GPT-2 on transformers' own attention, in one run.

    python benchmarks/huggingface.py                 # minutes, on one CPU core
    python benchmarks/huggingface.py --rounds 41     # steadier

A small GPT-2 with random weights (4 layers, width 256, 8 heads), 8 sequences of 128 tokens: one pass, and 32 words
written greedily. The peer is a copy of the model that nobody limits; neighbours in time are compared. Needs the extra
`huggingface`.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import torch
import transformers
from attention import paired_ratio, seconds

from cogattn.nn.gate import GateState, Race
from cogattn.nn.huggingface import limit

BATCH, TOKENS, WORDS, NEW = 8, 128, 1000, 32


def gpt2() -> transformers.GPT2LMHeadModel:
    shape = {"n_embd": 256, "n_layer": 4, "n_head": 8, "n_positions": 256}
    config = transformers.GPT2Config(
        vocab_size=WORDS, bos_token_id=0, eos_token_id=None, pad_token_id=0, **shape
    )
    return transformers.GPT2LMHeadModel(config).eval()


def gates() -> dict[str, GateState]:
    """What a policy may emit, from nothing to four slots."""
    keys = (BATCH, TOKENS)
    keep = torch.arange(TOKENS).expand(BATCH, -1) % 2 == 0
    return {
        "no limit": GateState(),
        "half of the keys": GateState(keep=keep),
        "keep, bias, gain": GateState(keep=keep, bias=torch.randn(keys), gain=torch.full((BATCH,), 1.3)),
        "race, 4 slots": Race(60.0, 4)(torch.randn(keys), generator=torch.Generator().manual_seed(0)),
    }


def forward(model: transformers.GPT2LMHeadModel, ids: torch.Tensor) -> Callable[[], object]:
    return lambda: model(ids)


def writing(model: transformers.GPT2LMHeadModel, ids: torch.Tensor) -> Callable[[], object]:
    mask = torch.ones_like(ids)
    return lambda: model.generate(ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    plain = gpt2()
    ours, ids = copy.deepcopy(plain), torch.randint(0, WORDS, (BATCH, TOKENS))
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {args.threads} thread(s)\n")
    print("| gate | layers | pass: plain | limited | ratio | 32 words: ratio |\n|---|---|---|---|---|---|")
    with torch.no_grad():
        for name, gate in gates().items():
            for layers in (-1, "all"):
                with limit(ours, gate, layers):
                    base, took, ratio = paired_ratio(forward(plain, ids), forward(ours, ids), args.rounds)
                    written = paired_ratio(writing(plain, ids), writing(ours, ids), max(5, args.rounds // 4))[
                        2
                    ]
                where = "last" if layers == -1 else layers
                times = f"{1e3 * base:.1f} ms | {1e3 * took:.1f} ms | {ratio:.3f}"
                print(f"| {name} | {where} | {times} | {written:.3f} |", flush=True)

    def door() -> None:
        with limit(ours, gates()["half of the keys"], "all"):
            pass

    print(f"\nentering and leaving the block: {1e3 * min(seconds(door, False) for _ in range(50)):.2f} ms")


if __name__ == "__main__":
    main()
