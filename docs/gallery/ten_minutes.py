"""
Ten minutes
===========

What happens to attention when it is as limited as ours? By the end of this page you have played an experiment, looked
into a single trial, changed a person's parameters, taken limits away one by one, and let a network look through them.
"""

import torch

import cogattn as ca
from cogattn.mind import cohort
from cogattn.view import gantt

PEOPLE = 40

# %%
# A first experiment
# ------------------
#
# Six letters flash, a mask ends them, the observer names what was seen. Two *arms* take the same displays with the same
# chances: ``human`` has all limits, ``softmax`` none; that is plain softmax attention. People (stars) are 59 adults.

trials = ca.run("whole_report", arms=("human", "softmax"), people=PEOPLE)
trials.plot()

# %%
# Softmax attention has everything, at once. People see more the longer the exposure, and never much more than three.
#
# Below the figure is the long table, one row per trial, in which nothing gets lost:
# arrived = answered + missed + censored.

trials.frame[["person", "arm", "exposure", "score", "arrived", "answered", "missed", "censored"]].head()

# %%
# Into one trial
# --------------
#
# Attention here is a race in time. Every letter is on its way at its share of the capacity C; who arrives before the
# mask, while a slot is free, is stored. This is one person in one trial, event by event.

flash = ca.paradigms.get("whole_report")(exposures=(0.1,))
stream = flash.stream(flash.conditions()[0])
one = cohort.play(stream, [ca.Observer()], person=0, trial=[4], record=True)
gantt.figure(one.events)

# %%
# Your own parameters
# -------------------
#
# A mind is an :class:`cogattn.observer.Observer`; its numbers have names and units. Half the capacity, in items per
# second, and a slot less:

slow = ca.Observer(capacity=32.0, slots=2.0)
ca.run("whole_report", observer=slow, people=PEOPLE).plot()

# %%
# The same as a file, for the command line (``cogattn run whole_report --observer mine.toml``):
#
# .. code-block:: toml
#
#    capacity = 32.0
#    slots = 2.0

# %%
# Which limit does it?
# --------------------
#
# An arm may have some limits only, joined by a plus. Without slots the curve does not level off, without a limit on
# capacity it does not rise.

ca.run("whole_report", arms=("human", "slots", "capacity+threshold", "softmax"), people=PEOPLE).plot()

# %%
# A network looks through the limits
# ----------------------------------
#
# ``digit_reader`` is a small trained network that reads handwritten digits. It weighs every display by its own
# attention, a mind races what it weighed, and the network reads what the mind has let through.

ca.run("partial_report", model="digit_reader", people=10, trials=40).plot()

# %%
# What passes between the two is a gate, and a gate is only tensors. You can put one on attention of your own:

generator = torch.Generator().manual_seed(0)
logits = torch.randn(2, 6, generator=generator)  # two displays of six items: what races
gate = ca.Race(capacity=45.0, slots=3, threshold=0.015)(logits, exposure=0.1, generator=generator)
q = k = v = torch.randn(2, 4, 6, 32, generator=generator)  # batch, heads, items, features
out = ca.nn.gated_attention(q, k, v, gate)
print(gate.keep)

# %%
# Where to go from here
# ---------------------
#
# :doc:`limit_a_network` puts limits on a network that is yours, :doc:`fit_your_data` finds a person's parameters,
# :doc:`write_a_paradigm` makes a new experiment. All classic ones are in :doc:`/made/paradigms/index`; why softmax
# attention is the human law without its limits is in :doc:`/theory`.
