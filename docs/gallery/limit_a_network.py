"""
Your network under limits
=========================

Any torch module with attention layers can look through a gate for the length of a ``with`` block; its weights stay as
they are. Here the network is a plain ``torch.nn.TransformerEncoder``, untrained, so that nothing has to be fetched; put
yours in its place. Hugging Face models, and what to know before you trust a number: :doc:`/limit_your_own_network`.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import cogattn as ca

LOOKS = 400

torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
network = nn.TransformerEncoder(layer, 2).eval()
sentence = torch.randn(1, 12, 32)

# %%
# Without limits
# --------------

with torch.no_grad():
    free = network(sentence)

# %%
# The same network, limited
# -------------------------
#
# A policy spends chance before the network runs: it says what a limited observer takes in of twelve words in 100 ms.
# One row of the gate is one look; the batch repeats the sentence, so that every look is another one.

race = ca.Race(capacity=45.0, slots=4, threshold=0.015)
gate = race(torch.zeros(LOOKS, 12), exposure=0.1, generator=torch.Generator().manual_seed(0))
with torch.no_grad(), ca.nn.limit(network, gate, "last"):
    seen = network(sentence.expand(LOOKS, -1, -1))
with torch.no_grad():
    print("afterwards as before, to the last bit:", torch.equal(network(sentence), free))

# %%
# What it costs
# -------------
#
# Left: which words the first twelve looks let through. Then: how many that are as the time for a look grows, until the
# four slots are full; and how far the network's answer is from the free one. It is furthest with about one word: with
# none the layer is silent and what came from below goes on unchanged; one word alone is taken for the whole.

times = [0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4, 0.8]
taken, moved = [], []
for exposure in times:
    brief = race(torch.zeros(LOOKS, 12), exposure=exposure, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), ca.nn.limit(network, brief, "last"):
        moved.append(float((network(sentence.expand(LOOKS, -1, -1)) - free).norm(dim=-1).mean()))
    taken.append(float(brief.keep.sum(-1).float().mean()))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
left.imshow(gate.keep[:12].numpy(), cmap="Blues", vmax=1.3)
left.set(xlabel="word", ylabel="look", title="let through in 100 ms (dark)")
for ax, values, name in (
    (middle, taken, "words let through"),
    (right, moved, "distance from the free answer"),
):
    ax.plot([1000 * t for t in times], values, "o-", color="#0072B2")
    ax.set(xlabel="time for a look [ms]", title=name, ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)

# %%
# A gate on the last layer bounds what that layer reads, not what the layer below has already mixed into the words: see
# "it leaks" in :doc:`/limit_your_own_network`, and measure it with :func:`cogattn.nn.memory.leakage.leak`.
