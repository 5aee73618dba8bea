"""
Write your own paradigm
=======================

A paradigm is one class: what is shown, how it is scored, how it is drawn. This one asks which of two letters came first
(temporal order judgement), as a complete experiment with people of different capacity who tire and lapse. Its law is
that of :doc:`write_a_law`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn.paradigms.base import Metric, pens_of
from cogattn.paradigms.divided import Divided, account, guesses

PEOPLE = 40

# %%
# The experiment
# --------------
#
# Fields are the options. ``trial`` is the world of one trial, ``score_session`` what becomes of it:
# ``seen.element_times.encoded`` says when each element got into the store (NaN = never). Whoever has seen neither
# guesses.


@dataclass(frozen=True)
class OrderJudgement(Divided):
    """Options: head start of the first letter [s], trials per head start."""

    soas: tuple[float, ...] = (0.0, 0.01, 0.02, 0.04, 0.08)
    trials: int = 60

    name = "order_judgement"
    title = "Which was first?"
    source = "Hirsh & Sherrick 1961, J Exp Psychol 62:423 (published summary; no table of people here)"
    condition_columns = ("soa",)
    banded = False

    @property
    def per_condition(self):
        return self.trials

    def conditions(self):
        return [{"soa": s} for s in self.soas]

    def trial(self, condition):
        soa = float(condition["soa"])
        task = ca.Task("judge", demand=1.0, monotony=0.5)
        letters = (ca.Stimulus("first", 0.0, task="judge"), ca.Stimulus("second", soa, task="judge"))
        return ca.TaskStream(letters, end=1.0 + soa, tasks=(task,))

    def score_session(self, _condition, _session, seen):
        when = np.nan_to_num(seen.element_times.encoded, nan=np.inf)
        first, second = when[..., 0], when[..., 1]
        right = np.where(first == second, guesses(seen)[..., 0] < 0.5, first < second)
        return account(right.astype(int)) | {
            "rt": np.full(right.shape, np.nan),
            "response": right.astype(str),
        }

    def metrics(self, frame):
        share = frame.groupby("soa")["score"].mean()
        return [
            Metric(self.name, f"right at {1000 * s:.0f} ms", f"soa={s:g}", p, np.nan, {"soa": s})
            for s, p in share.items()
        ]

    def human(self):
        return pd.DataFrame({"soa": [], "mean": [], "sd": [], "n": []})

    def drawn(self, frame):
        def curve(ax):
            self.panel(
                ax,
                frame,
                "score",
                "soa",
                pens_of(frame),
                scale=1000,
                xlabel="head start [ms]",
                ylabel="right order",
            )
            ax.plot(20, 0.75, "*", color="#111111", label="75 % at about 20 ms (1961)", markersize=11)

        return self.sheets(frame, [curve])

    def finding(self, frame):
        share = frame[frame["soa"] == 0.02].groupby("arm", sort=False)["score"].mean()
        return f"{self.title} Right at 20 ms: " + ", ".join(f"{arm} {x:.2f}" for arm, x in share.items())


# %%
# Check it
# --------
#
# ``check`` tries every promise of a paradigm, plays it in both drivers and says in words what is wrong. It raises
# nothing. Here is the same paradigm with a mistake in it, then as it is.

task = OrderJudgement()


class Mistaken(OrderJudgement):
    name = "mistaken"

    def conditions(self):
        return [{"soa": s} for s in (*self.soas, 0.0)]


print(ca.paradigms.check(Mistaken()))
print(ca.paradigms.check(task))
assert ca.paradigms.check(task).ok

# %%
# Run it
# ------
#
# An instance goes where a name would. Arms, people, seeds, cores and accounting come with it, and so do summaries,
# figures and run folders.

trials = ca.run(task, arms=("human", "softmax"), people=PEOPLE)
trials.plot()

# %%
# Its numbers, each with what became of the trials that it is made of:

trials.summary().round(3)

# %%
# Test it
# -------
#
# A mind that neither tires nor wanders must do what the law says, here at a capacity of 40 items per second. And what
# arrived must be accounted for.

steady = ca.Observer(capacity=40.0, wandering=0.0, fast_loss=0.0, slow_loss=0.0)
frame = ca.run(task, arms="human", people=PEOPLE, observer=steady).frame
for soa, own in frame.groupby("soa"):
    law = 1 - 0.5 * np.exp(-40.0 * soa)
    z = (own["score"].mean() - law) / np.sqrt(law * (1 - law) / len(own))
    print(f"{1000 * soa:3.0f} ms: law {law:.3f}, mind {own['score'].mean():.3f}, z = {z:+.1f}")
    assert abs(z) < 4
assert (frame["arrived"] == frame["answered"] + frame["missed"] + frame["censored"]).all()

# %%
# What fails
# ----------
#
# Without limits the order is right as soon as there is one. The mind is better than people: it tells what is 10 ms
# apart nearly as well as they tell 20 ms, for it knows to the microsecond when each letter got into its store.
#
# To keep it
# ----------
#
# Save the imports and the class as ``order.py``. Its path goes wherever a name does: ``cogattn run order.py``,
# ``ca.run("order.py")``. In a notebook, ``ca.paradigms.register`` makes the class known by its name. Run folders keep
# the file's name and its hash, never its code: ``ca.load(folder, paradigm="order.py")`` and ``cogattn plot RUN
# --paradigm order.py`` read them again. A file in ``cogattn/paradigms/`` is found without a line anywhere else, and its
# page on this site makes itself.

ca.paradigms.register(OrderJudgement)
assert "order_judgement" in ca.paradigms.names()
ca.paradigms.unregister("order_judgement")
