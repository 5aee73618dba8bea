"""A tiny specialist for the tests: its source, as a user's file."""

COPYIST = '''
import numpy as np

from cogattn.mind.draws import DISPLAY, uniforms
from cogattn.world.stream import one_by_one
from cogattn.nn.networks.subjects import PICTURE, Exam


class Copyist:
    """Is told words, one a second, and hands back those it still has."""

    name, gap = "copyist", 1.0
    exam = Exam("Copying words", "words", (2, 4, 8), "words", "share kept", chance=0.0)

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
