"""The classic mechanisms as their papers write them: one pair of vectors at a time, numpy, float64, no tricks.

What `cogattn.nn.attention` computes is held against this. Shapes: q (B, H, L, D), k (B, H, S, D), v (B, H, S, D).
"""

from __future__ import annotations

import numpy as np


def similarity(name, q, k, parameters=None):
    """s(q, k) of one query and one key."""
    lengths = np.sqrt((q**2).sum()) * np.sqrt((k**2).sum()) if name != "additive" else None
    if name == "dot":
        return float((q * k).sum())
    if name == "scaled_dot":
        return float((q * k).sum() / np.sqrt(len(q)))
    if name == "norm_scaled":
        return float((q * k).sum() / np.sqrt(lengths)) if lengths else 0.0
    if name == "cosine":
        return float((q * k).sum() / lengths) if lengths else 0.0
    if name == "euclidean":
        return -float(np.sqrt(((q - k) ** 2).sum()))
    w_query, w_key, w = parameters
    return float(np.tanh(q @ w_query + k @ w_key) @ w)


def parameters_of(module, head):
    """The additive score's own (W_q, W_k, w) of one head, as numbers."""
    if not hasattr(module.mechanism, "w_score"):
        return None
    m = module.mechanism
    return [p.detach().double().numpy()[min(head, len(p) - 1)] for p in (m.w_query, m.w_key, m.w_score)]


def attend(module, q, k, v, *, name, may=True, added=0.0, gate=None, scale=1.0):
    """Output (B, H, L, Dv) and weights (B, H, L, S), one row after the other.

    may, added: anything that broadcasts to (B, H, L, S). scale: replaces what the name says, for all but scaled_dot.
    """
    (B, H, L, _), S = q.shape, k.shape[2]
    may, added = np.broadcast_to(may, (B, H, L, S)), np.broadcast_to(added, (B, H, L, S))
    weights = np.zeros((B, H, L, S))
    for b, h, i in np.ndindex(B, H, L):
        gain, bias, seen, share = limits(gate, b, h, i, L, S)
        own = parameters_of(module, h)
        logits = np.array([gain * scale * similarity(name, q[b, h, i], k[b, h, j], own) for j in range(S)])
        logits = logits + bias + added[b, h, i]
        seen = seen & may[b, h, i] & (logits > -np.inf)
        if seen.any():
            e = np.where(seen, np.exp(np.where(seen, logits, -np.inf) - logits[seen].max()), 0.0)
            weights[b, h, i] = e / e.sum() * share
    return weights @ v, weights


def limits(gate, b, h, i, L, S):
    """What a gate says to one query: gain, bias per key, which keys are seen, share per key."""
    g = {} if gate is None else {n: x.numpy() for n, x in vars(gate).items() if x is not None}
    gain = 1.0 if "gain" not in g else float(g["gain"][b] if g["gain"].ndim == 1 else g["gain"][b, h])
    bias = np.zeros(S) if "bias" not in g else (g["bias"][b] if g["bias"].ndim == 2 else g["bias"][b, h])
    seen = g["keep"][b].copy() if "keep" in g else np.ones(S, bool)
    if "index" in g:
        seen &= np.isin(np.arange(S), g["index"][b])
    if "t_on" in g:
        seen &= g["t_on"][b] <= g["t_query"][b, i]
    if "t_off" in g:
        seen &= g["t_query"][b, i] < g["t_off"][b]
    share = g.get("share", np.ones(len(next(iter(g.values()))) if g else b + 1))
    if share.ndim == 3:
        return gain, bias, seen, share[b, i, 0] if share.shape[2] == 1 else share[b, 0]
    if share.ndim == 1:
        return gain, bias, seen, share[b]
    return gain, bias, seen, share[b, i] if share.shape[1] == L else share[b]
