"""A store of K slots as the key-value cache of a network: it forgets as a person does, and the same way every time.

A `Plan` says beforehand what each step will find in the store: it comes from the events of a mind (`plan_from_events`)
or is drawn by itself (`eviction_plan`). All chance is spent when it is made. One plan can then be read in two ways
that give the same numbers: as a mask of one batched pass (`Plan.mask`, `remember`), or step by step by a `SlotCache`
that never holds more than K keys and values.

The convention: the item at hand is compared *before* it takes a slot, and it can always attend to itself. With random
displacement from K full slots an item n steps back is therefore still held with probability

    (1 - 1/K) ** (n - 1)

A mask on keys does not bound what a *deep* network knows: an early layer copies items onward before they are lost.
So `remember` limits one memory-read layer unless told otherwise, the layers before it should see their own item
alone, and `leak` measures whether a network knows more than its memory holds.

Shapes: B sequences, T steps, H heads, D features, K slots; step t looks, item s is looked at.

>>> import torch
>>> from cogattn.nn.functional import gated_attention
>>> plan = eviction_plan(3, length=8, policy="oldest", batch=2)
>>> plan.held(3)[0].tolist()  # the item three back: there from step 3 on
[False, False, False, True, True, True, True, True]
>>> q = k = v = torch.randn(2, 4, 8, 16)
>>> cache = SlotCache(3, plan)
>>> steps = [cache.step(*(x[:, :, t : t + 1] for x in (q, k, v))) for t in range(8)]
>>> batched = gated_attention(q, k, v, attn_mask=plan.mask())
>>> torch.allclose(torch.cat(steps, 2), batched, atol=1e-6), cache.keys.shape
(True, torch.Size([2, 4, 3, 16]))
"""

from cogattn.nn.memory.leakage import Leak, leak
from cogattn.nn.memory.plan import NOWHERE, POLICIES, Plan, Policy, eviction_plan, plan_from_events
from cogattn.nn.memory.store import SlotCache, remember

__all__ = [
    "NOWHERE",
    "POLICIES",
    "Leak",
    "Plan",
    "Policy",
    "SlotCache",
    "eviction_plan",
    "leak",
    "plan_from_events",
    "remember",
]
