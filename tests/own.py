"""A tiny specialist and a tiny judge for the tests: their sources, as a user's files."""

COPYIST = '''
import numpy as np

from cogattn.mind.draws import DISPLAY, uniforms
from cogattn.world.stream import one_by_one
from cogattn.nn.networks.registry import PICTURE, TaskDesign


class Copyist:
    """Is told words, one a second, and hands back those it still has."""

    name, gap = "copyist", 1.0
    design = TaskDesign("Copying words", "words", (2, 4, 8), "words", "share kept", chance=0.0)

    def stream(self, value):
        return one_by_one(8, 1.0, shown=0.5)

    def show(self, value, keys):
        self.gates = []
        u = uniforms(keys[:, None], DISPLAY, PICTURE + np.arange(8))
        return np.where(np.arange(8) < value, u, -np.inf)

    def weigh(self, display):
        return display

    def answer(self, display, gate):
        self.gates.append(gate)
        here = np.isfinite(display)
        kept = here if gate is None else here & gate.keep.numpy()
        words = np.array([" ".join(f"{x:.1f}" for x in row[keep]) for row, keep in zip(display, kept)])
        return {"score": kept.sum(1) / here.sum(1), "first": kept[:, 0], "response": words}

    def allocate(self, display, gate):
        here = np.isfinite(display)
        kept = here if gate is None else here & gate.keep.numpy()
        return kept / here.sum(1, keepdims=True)

    def elements(self, display, row):
        return [f"{x:.2f}" for x in display[row] if np.isfinite(x)]


def load(device):
    return Copyist()
'''

#: A user's own paradigm, as his file: names on a display, given back.
NAMES = '''
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cogattn.paradigms.base import Metric, Paradigm, curve, pens_of
from cogattn.view import plot
from cogattn.world.stream import display


@dataclass(frozen=True)
class Names(Paradigm):
    """Options: how many names, how long they are shown [s]."""

    sizes: tuple = (2, 4)
    shown: float = 0.2

    name = "names_back"
    title = "Names, given back"
    source = "made up"
    condition_columns = ("size",)
    banded = False

    def __post_init__(self):
        object.__setattr__(self, "sizes", tuple(self.sizes))

    def conditions(self):
        return [{"size": n} for n in self.sizes]

    def stream(self, condition):
        return display(targets=condition["size"], exposure=self.shown)

    def score(self, condition, answers):
        n = answers.right.shape[1]
        given, late = answers.given.sum(1), answers.censored.sum(1)
        right = answers.right.sum(1)
        return {
            "correct": right == n,
            "score": right,
            "arrived": np.full(len(right), n),
            "answered": given,
            "missed": n - given - late,
            "censored": late,
        }

    def metrics(self, frame):
        by = frame.groupby("size")["score"].mean()
        return [Metric("names", f"of {n}", f"size={n}", float(s), np.nan, {"size": n}) for n, s in by.items()]

    def human(self):
        return pd.DataFrame(columns=["size", "mean", "sd", "n"], dtype=float)

    def figure(self, frame, axes=None):
        with plot.style() as plt:
            ax = plt.subplots()[1] if axes is None else np.ravel(axes)[0]
            curve(ax, frame, "score", "size", pens_of(frame), xlabel="names", ylabel="given back")
            return plot.finish(ax.figure, [ax], "names")
'''

#: it never knows whether a letter is that of n ago
OWL = """
import numpy as np

class Owl:
    name, places, alphabet = "owl", 20, 5
    def judge(self, letters, n, plan=None):
        return np.full(letters.shape, -1, np.int8)

def load(device):
    return Owl()
"""
