r"""Stopping a response: a race between going and stopping (Logan & Cowan 1984, Psychol Rev 91:295).

Going takes T (here `laws.conflict`), stopping takes S after its signal, which comes d after the other one. The response
is given if T < d + S; the two are independent. With S ~ N(mean, sd):

    P(respond | d) = integral of Phi((mean - (t - d)) / sd) dF(t)                     the inhibition function
    a response that escapes is a fast one:  its density is f(t) Phi((mean - (t - d)) / sd) / P(respond | d)

How long stopping takes is not seen; with a fixed S it is the quantile of T at P(respond | d), less d (`integrated`).

>>> t = np.linspace(0.0, 1.0, 1001)
>>> [round(float(p), 3) for p in escaping(t, t, [0.1, 0.3], 0.2, 0.0)]     # T uniform over a second
[0.3, 0.5]
>>> round(integrated(t, 0.3, 0.1), 3)
0.2
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from cogattn.errors import InputError, doors, number, values

Array = npt.NDArray[np.float64]


def escaping(t: npt.ArrayLike, going: npt.ArrayLike, delay: npt.ArrayLike, mean: float, sd: float) -> Array:
    """P(respond | delay), of a going time with the distribution function `going` at t (rising to 1)."""
    at, f = values("t", t), values("going", going, least=0.0, most=1.0 + 1e-9)
    if at.ndim != 1 or at.shape != f.shape or len(at) < 2:
        raise InputError("t and going must be two lists of one length, of at least two numbers")
    d, mean, sd = values("delay", delay), number("mean", mean, least=0), number("sd", sd, least=0)
    middle = (at[1:] + at[:-1]) / 2
    late = middle - d[..., None]
    escapes = special.ndtr((mean - late) / sd) if sd > 0 else (late < mean).astype(float)
    return np.asarray(escapes @ np.diff(f))


def integrated(times: npt.ArrayLike, responded: float, delay: float) -> float:
    """How long stopping takes (SSRT), by integration: the quantile of going times at P(respond | delay), less delay."""
    responded = number("responded", responded, least=0, most=1)
    return float(np.quantile(values("times", times), responded)) - number("delay", delay, least=0)


doors(__name__, arrays=True)
