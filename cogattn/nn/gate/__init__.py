"""What the mind lets through, as tensors: the gate between a limited observer and a network's attention.

Attention without limits is a Luce choice, softmax(s). A gate puts limits on it in two places and never
confuses them: *who wins* acts before softmax, *how much is granted at all* acts after it and is not
renormalised, because a loss that is common to all keys would be invisible to softmax:

    weights = softmax(gain * scale * q.k + bias, over the visible keys) * share
    visible = keep and listed in index and t_on <= t_query < t_off

A `GateState` holds these quantities; every field is optional and None means no limit. A policy (`Race`,
`TopK`, `Soft`, `Lapse`, `Slots`, `Compose`) emits one, and spends all randomness when it does, so that a
gate can be replayed, shared by two models and compiled. The race is Bundesen's (1990, Psychological
Review 97, 523-547; Theory of Visual Attention): element x finishes at t0 + Exp(v_x), v_x = C w_x / sum w.

Shapes: B batch (observers x trials), H heads, L queries, S keys, Kmax slots, T moments of a schedule.

>>> import torch
>>> race = Race(capacity=45.0, slots=4, threshold=0.015)
>>> gate = race(torch.zeros(2, 8), exposure=0.2, generator=torch.Generator().manual_seed(0))
>>> gate.keep.shape, gate.index.shape, bool((gate.keep.sum(-1) <= 4).all())
(torch.Size([2, 8]), torch.Size([2, 4]), True)
>>> Race(capacity=float("inf"), slots=float("inf"))(torch.zeros(2, 8)).is_identity
True
"""

from inspect import isclass

from cogattn.nn.gate import policies
from cogattn.nn.gate.policies import *  # noqa: F403 (every policy, whatever there is)
from cogattn.nn.gate.policy import Display as Display
from cogattn.nn.gate.policy import Policy as Policy
from cogattn.nn.gate.policy import Setting as Setting
from cogattn.nn.gate.state import GateState as GateState

#: every policy by its name
POLICIES: dict[str, type[Policy]] = {
    name: x
    for name, x in vars(policies).items()
    if isclass(x) and issubclass(x, Policy) and x.__module__ == policies.__name__
}
