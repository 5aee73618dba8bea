"""A text read by a language model under human limits, beside itself without: what is known when, and at what price.

cogattn read FILE.txt --model smollm2 --slots 4 --question "Who came?"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cogattn.errors import counted
from cogattn.view import plot
from cogattn.view.result import Files, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cogattn.nn.language import ReadText, TextReader

ARMS = ("human", "softmax")
FELT = 0.05  #: bits that a word must cost more to be named: less is 0 in the one decimal that is told


@dataclass(frozen=True)
class TextReading(Result):
    """What `read` found: one text, two arms."""

    arms: dict[str, ReadText]
    title: str
    slots: float
    question: str | None = None

    def table(self) -> pd.DataFrame:
        """A row per chunk: its words, the bits of its words in each arm, whether it is still known at the end."""
        human, free = (self.arms[arm] for arm in ARMS)
        rows = []
        for c, chunk in enumerate(human.chunks):
            bits = {arm: [b for _, of, b in self.arms[arm].words() if of == c] for arm in ARMS}
            lost = next((r for r in range(c + 1, len(human.held)) if c not in human.held[r]), None)
            row: dict[str, Any] = {
                "chunk": c,
                "text": shorten(chunk, 60),
                "words": len(bits["human"]),
                "known_then": len(human.held[c]),
                "lost_at": "" if lost is None else str(lost),
                "known_at_end": c in human.held[-1],
            }
            row |= {f"bits_{arm}": float(np.mean(bits[arm])) if bits[arm] else np.nan for arm in ARMS}
            if free.answer_heed is not None and human.answer_heed is not None:
                row |= {
                    "asked_human": float(human.answer_heed[c]),
                    "asked_softmax": float(free.answer_heed[c]),
                }
            rows.append(row)
        return pd.DataFrame(rows)

    def words(self) -> pd.DataFrame:
        """A row per word: its chunk, and its surprisal in bits in each arm."""
        human, free = (self.arms[arm].words() for arm in ARMS)
        rows = [(w, c, b, f) for (w, c, b), (_, _, f) in zip(human, free, strict=True)]
        return pd.DataFrame(rows, columns=["word", "chunk", "human", "softmax"])

    def heeded(self) -> pd.DataFrame:
        """A row per arm, chunk that was read and chunk that was looked at: the share of attention."""
        rows = []
        for arm in ARMS:
            heed = self.arms[arm].heed
            rows += [(arm, r, c, heed[r, c]) for r in range(len(heed)) for c in range(r + 1)]
        return pd.DataFrame(rows, columns=["arm", "reads", "looks_at", "share"])

    def findings(self) -> list[str]:
        """What was found, in sentences."""
        words, table = self.words(), self.table()
        known = int(table["known_at_end"].sum())
        still = f"{known} {'is' if known == 1 else 'are'} still known at the end"
        out = [
            f"{self.title}: of {counted(len(table), 'chunk')} {still} with {self._with()}; a word costs "
            f"{words['human'].mean():.2f} bits, {words['softmax'].mean():.2f} without limits."
        ]
        dear = words.assign(price=words["human"] - words["softmax"]).nlargest(3, "price")
        dear = dear[dear["price"] >= FELT]
        told = ", ".join(f"“{w}” ({p:+.1f} bits)" for w, p in zip(dear["word"], dear["price"], strict=True))
        if told:
            out.append(f"What was lost is missed most at {told}.")
        if self.question is not None:
            out += [f"{self.question} {arm}: “{self.arms[arm].answer}”" for arm in ARMS]
            top = int(table["asked_softmax"].idxmax())
            state = (
                "still known" if table["known_at_end"][top] else f"lost (at chunk {table['lost_at'][top]})"
            )
            out.append(f"Without limits the answer looks most at chunk {top}, {state} in the human arm.")
        return out

    def remarks(self) -> list[str]:
        """What the arms are."""
        return [
            "human: K chunks in store, one of them displaced by each newcomer; softmax: all of the text is there"
        ]

    def heading(self) -> str:
        """Which text it is."""
        return f"{self.title}, {self._with()}"

    def _with(self) -> str:
        return f"{self.slots:g} {'slot' if self.slots == 1 else 'slots'}"

    def plot(self) -> Figure:
        """Who got attention when, in each arm; what is known when; the surprisal along the text."""
        known = plot.pens(ARMS)
        with plot.style() as plt:
            figure, axes = plt.subplots(2, 2, figsize=(10.0, 7.0), layout="constrained")
        top = max(float(np.quantile(arm.heed[np.tri(len(arm.heed)) > 0], 0.98)) for arm in self.arms.values())
        for ax, arm in zip(axes[0], ARMS, strict=True):
            heed = np.where(np.tri(len(self.arms[arm].heed)) > 0, self.arms[arm].heed, np.nan)
            image = ax.imshow(heed.T, aspect="auto", origin="lower", cmap="Blues", vmin=0, vmax=top)
            ax.set(
                title=f"{arm}: who gets attention when", xlabel="chunk that is read", ylabel="chunk looked at"
            )
        figure.colorbar(image, ax=axes[0].tolist(), label="share of attention")
        for ax in (*axes[0], axes[1][0]):
            ax.grid(visible=False)
        held = np.zeros((len(self.arms["human"].chunks),) * 2)
        for r, chunks in enumerate(self.arms["human"].held):
            held[r, list(chunks)] = 1
        axes[1][0].imshow(held.T, aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=1)
        axes[1][0].set(title="human: what is known", xlabel="chunk that was read", ylabel="chunk")
        mean = self.words().groupby("chunk")[list(ARMS)].mean()
        for arm, pen in known.items():
            axes[1][1].plot(
                mean.index, mean[arm], pen.mark, ls=pen.dash, color=pen.color, ms=pen.size, label=arm
            )
        axes[1][1].set(title="surprisal", xlabel="chunk", ylabel="bits per word")
        axes[1][1].legend(frameon=False)
        return figure

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """One figure."""
        yield "reading", self.plot()

    def files(self) -> Files:
        """Chunks, words, and who looked where."""
        return {"table.csv": self.table(), "words.csv": self.words(), "attention.parquet": self.heeded()}


def read(
    reader: TextReader,
    text: str,
    *,
    title: str = "text",
    slots: float = 4.0,
    words: int | None = None,
    question: str | None = None,
    seed: int = 0,
    **limits: Any,
) -> TextReading:
    """Both arms over one text; `limits` are those of `HumanCache`."""
    how: dict[str, Any] = {"words": words, "question": question, "seed": seed}
    arms = {"human": reader.read(text, slots=slots, **limits, **how), "softmax": reader.read(text, **how)}
    return TextReading(arms, title, slots, question)
