"""
Your data, fitted
=================

A CSV with a row per trial goes in; C, K, t0 of each person come out, with intervals. The file of this page is made by
six simulated adults, so that we know what ought to be found. Which files are read, what is fitted, and other ways to
look at it: :doc:`/tune`.
"""

import tempfile
from pathlib import Path

import cogattn as ca
from cogattn.human.imports import read

PEOPLE = 6
TRIALS = 60

# %%
# A file
# ------
#
# Whatever names your columns have, these four are what is needed.

played = ca.run("whole_report", arms="human", people=PEOPLE, trials=TRIALS, seed=3)
path = Path(tempfile.mkdtemp()) / "mine.csv"
mine = played.frame.rename(columns={"person": "subject", "targets": "set_size", "score": "n_correct"})
mine[["subject", "exposure", "set_size", "n_correct"]].to_csv(path, index=False)
print(path.read_text()[:120])

# %%
# Read, and fit
# -------------
#
# On the command line the two are ``cogattn tune whole_report --data mine.csv --column score=n_correct``.

columns = ("person", "exposure", "targets", "distractors", "score")
data = read(path, columns, columns={"score": "n_correct"})
print(*data.notes, sep="\n")
found = ca.tune.fit("whole_report", data.frame, params=("capacity", "slots", "threshold"))
found.plot()

# %%
# Each person (items per second, items, seconds):

found.estimates.round(3)

# %%
# All of them; ``interval`` is the width of the 95 % interval of the person in the middle:

found.table().round(3)

# %%
# Was it right?
# -------------
#
# Here we can look, for these people are simulated: the number of slots that they really have, and what was found.

truth = [person.slots for person in ca.Population().sample(PEOPLE, seed=3)]
for real, estimate in zip(truth, found.estimates["slots"], strict=True):
    print(f"K = {real:.2f}, found {estimate:.2f}")

# %%
# The person in the middle goes on to any other experiment:

ca.run("change_detection", observer=found.observer(), people=20).plot()
