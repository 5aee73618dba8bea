r"""
Write your own law
==================

A law is a pure function: no clock, no state, no chance. It says what must come out, so that a simulation of events can
be compared with it. Here is a small new one, from the first line to its test.

Two things appear, one of them :math:`s` seconds after the other. Which seems to have come first? While the first is
alone the race gives it the whole capacity :math:`C`; from then on they share it, and by symmetry each finishes first in
half of the cases. So the order is right unless the head start was not enough, and a coin fell wrong:

.. math::

   P(\text{right order}) = 1 - \tfrac{1}{2}\, e^{-C s}

(Two exponential racers, as in the theory of prior entry: Tünnermann, Petersen & Scharlau 2015, J Vision 15(3):1.)
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import cogattn as ca
from cogattn.mind import cohort

TRIALS = 4000

# %%
# The law
# -------


def right_order(soa, capacity):
    """P(what came first by `soa` seconds is encoded first), two equal items, `capacity` items per second."""
    return 1 - 0.5 * np.exp(-capacity * np.asarray(soa))


# %%
# What the mind does
# ------------------
#
# The same world, played as events: two stimuli, onsets apart, until both are in the store. Who was encoded first is in
# the times of the elements.


def played(soa, capacity, seed=0):
    """How often the first is encoded first, in TRIALS trials of one mind."""
    stream = ca.TaskStream((ca.Stimulus("first", 0.0), ca.Stimulus("second", soa)), end=30.0)
    mind = ca.Observer(capacity=capacity, slots=4.0, threshold=0.01)
    times = cohort.play(
        stream, [mind], person=0, trial=np.arange(TRIALS), seed=seed, details=True
    ).element_times
    return float((times.encoded[:, 0] < times.encoded[:, 1]).mean())


# %%
# Held against each other
# -----------------------
#
# Not "looks alike", but how many standard errors apart. Beyond four we would not believe the law, or the mind.

soas = np.array([0.0, 0.005, 0.01, 0.02, 0.04, 0.08])
figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for capacity, color in ((20.0, "#0072B2"), (65.0, "#009E73")):
    law = right_order(soas, capacity)
    found = np.array([played(s, capacity) for s in soas])
    z = (found - law) / np.sqrt(law * (1 - law) / TRIALS)
    print(f"C = {capacity:.0f}: z =", z.round(1))
    assert np.abs(z).max() < 4
    fine = np.linspace(0, soas[-1], 200)
    ax.plot(1000 * fine, right_order(fine, capacity), color=color, label=f"law, C = {capacity:.0f} items/s")
    ax.plot(1000 * soas, found, "o", color=color, label="the mind")
ax.axhline(0.75, color="#999999", linewidth=0.8)
ax.set(xlabel="head start [ms]", ylabel="P(right order)", title="Who was first? The law and the mind")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

# %%
# A check that cannot fail is none. A law that forgets the coin is refused at once:

wrong = 1 - math.exp(-65.0 * 0.01)
z = (played(0.01, 65.0) - wrong) / math.sqrt(wrong * (1 - wrong) / TRIALS)
print(f"without the coin: z = {z:.0f}")
assert abs(z) > 4

# %%
# Where it would live
# -------------------
#
# In ``cogattn/laws/``, with its formula and its source in the docstring, an example that is run, and a test like that
# above. To have ``cogattn verify`` play it for every user, write a generator beside those of
# :mod:`cogattn.reports.verify`. :doc:`write_a_paradigm` makes an experiment of it.
