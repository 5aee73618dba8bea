"""What does a gate cost a whole transformer? A training step and the writing of telegrams, side by side in one run.

    python benchmarks/transformer.py --threads 1     # half a minute on one core
    python benchmarks/transformer.py --rounds 5      # quicker, rougher
    python benchmarks/transformer.py --width 512 --heads 8 --hidden 2048 --layers 6     # the base model of the paper
    python benchmarks/transformer.py --device cuda   # compiled, under bfloat16 autocast

The network is that of models/transformer.py, on reports of 12 sentences. Three variants: without a gate; with one that
leaves each sentence open with a chance of one half; and a peer, the layers of torch.nn.Transformer of the same size in
the same places, which has neither gate nor priorities. Each round times two of them one after the other; a ratio is the
median over the rounds of (variant / without a gate), and words/s are those without a gate over that ratio. A training
step is forward, backward and AdamW.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from attention import paired_ratio
from torch import Tensor, nn

from cogattn.mind.draws import trial_keys
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry

model = registry.module("transformer")  # models/transformer.py

SENTENCES = 12
VARIANTS = ("without a gate", "gate", "torch.nn.Transformer")
AIM, TARGET = ("training step", "gate"), 1.15  # of the time without a gate, on a CPU
Call = Callable[[], object]


class Peer(model.Transformer):
    """The same network around torch's own layers: no gate, no priorities."""

    def __init__(self, width: int, heads: int, hidden: int, layers: int) -> None:
        super().__init__(width, heads, hidden, layers)
        plain = nn.Transformer(width, heads, layers, layers, hidden, dropout=0.0, batch_first=True)
        self.encoder, self.decoder = plain.encoder.layers, plain.decoder.layers

    def encode(self, words: Tensor) -> tuple[Tensor, Tensor]:
        absent, x = words == 0, model.embed(self.reads, words)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=absent)
        return x, x.new_zeros(len(x))

    def decode(self, said: Tensor, memory: Tensor, gate: GateState):
        x, absent = model.embed(self.says, said), ~gate.keep
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        for layer in self.decoder:
            x = layer(x, memory, tgt_mask=later, memory_key_padding_mask=absent)
        return self.answer(x), []


@dataclass(frozen=True)
class Job:
    """What all variants are given."""

    lesson: model.Lesson
    device: str
    bf16: bool
    compiled: bool

    @property
    def words(self) -> int:
        """Words read and written in one step."""
        return int((self.lesson.words > 0).sum() + (self.lesson.target > 0).sum())

    def cast(self):
        """Mixed precision, where it is asked for."""
        return torch.autocast(self.device.split(":")[0], torch.bfloat16) if self.bf16 else nullcontext()


def lesson(batch: int, device: str) -> model.Lesson:
    """Whole reports, and for the gate an open half of their sentences."""
    report = model.write_reports(trial_keys(0, 0, np.arange(batch)), SENTENCES, "train")
    target = model.telegrams(report.facts, np.ones(report.where.shape, bool))
    keep = np.random.default_rng(0).random(report.sentence.shape) < 0.5
    said = np.pad(target[:, :-1], ((0, 0), (1, 0)))
    arrays = (model.language().table[report.sentence], said, keep, target)
    return model.Lesson(*(torch.from_numpy(x).to(device) for x in arrays))


def training_step(network: nn.Module, gate: GateState | None, job: Job) -> Call:
    """Forward, backward, AdamW."""
    network = network.train()
    adam = torch.optim.AdamW(network.parameters(), 1e-5)
    run = torch.compile(network) if job.compiled else network
    x = job.lesson

    def step() -> None:
        with job.cast():
            scores = run(x.words, x.said, gate)
        loss = F.cross_entropy(scores.float().flatten(0, 1), x.target.flatten(), ignore_index=0)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def writing(network: nn.Module, gate: GateState | None, job: Job) -> Call:
    """The telegrams of all reports, word by word (greedy)."""
    network = network.eval()
    decode = torch.compile(network.decode, dynamic=True) if job.compiled else network.decode

    @torch.inference_mode()
    def write() -> Tensor:
        words = job.lesson.words
        with job.cast():
            memory, priority = network.encode(words.flatten(0, 1))
            own = model.word_gate(words > 0, priority.view(words.shape[:2]), gate)
            memory = memory.reshape(len(words), -1, memory.shape[-1])

            def step(said: Tensor) -> Tensor:
                scores = decode(said.flatten(0, 1).to(words.device), memory, own)[0][:, -1]
                return scores.float().log_softmax(-1).view(*said.shape[:2], -1)

            return model.beam_search(step, len(words), 1, model.MOST_WORDS)[0]

    return write


def variants(job: Job, size: tuple[int, int, int, int], kind: Callable[..., Call]) -> list[Call]:
    """Without, gate, peer."""
    shut = GateState(keep=job.lesson.keep)
    makers = [(model.Transformer, None), (model.Transformer, shut), (Peer, None)]
    return [kind(make(*size).to(job.device), gate, job) for make, gate in makers]


def table(job: Job, size: tuple[int, int, int, int], rounds: int) -> str:
    """A row per task and variant."""
    lines = [
        "| task | variant | words/s | time over that without a gate | target | met |",
        "|---|---|---|---|---|---|",
    ]
    cuda = job.device.startswith("cuda")
    for task, kind in (("training step", training_step), ("writing", writing)):
        plain, *others = variants(job, size, kind)
        pairs = [paired_ratio(plain, other, rounds, cuda) for other in others]
        rate = job.words / min(base for base, _, _ in pairs)
        for name, ratio in zip(VARIANTS, (1.0, *(ratio for _, _, ratio in pairs)), strict=True):
            asked = f"{TARGET:.2f} | {'yes' if ratio <= TARGET else 'NO'}" if (task, name) == AIM else "|"
            lines.append(f"| {task} | {name} | {rate / ratio:,.0f} | {ratio:.3f} | {asked} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--batch", type=int, default=model.BATCH)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, default in zip(
        ("width", "heads", "hidden", "layers"),
        (model.WIDTH, model.HEADS, model.HIDDEN, model.LAYERS),
        strict=True,
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    for switch, what in (("bf16", "bfloat16 autocast"), ("compile", "torch.compile")):
        parser.add_argument(
            f"--{switch}", action=argparse.BooleanOptionalAction, help=f"{what} (default: on a GPU)"
        )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    cuda = args.device.startswith("cuda")
    bf16, compiled = (cuda if x is None else x for x in (args.bf16, args.compile))
    size = (args.width, args.heads, args.hidden, args.layers)
    print(
        f"torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, bf16 {bf16}, compile {compiled}"
    )
    print(f"width, heads, hidden, layers {size}; {args.batch} reports of {SENTENCES} sentences\n")
    print(table(Job(lesson(args.batch, args.device), args.device, bf16, compiled), size, args.rounds))


if __name__ == "__main__":
    main()
