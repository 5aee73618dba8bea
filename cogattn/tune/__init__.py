"""Tune: capacity parameters from people's own data.

>>> callable(fit)
True
"""

from cogattn.tune.fitting import Fit, fit

__all__ = ["Fit", "fit"]
