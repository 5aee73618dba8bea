"""Tune: capacity parameters from people's own data.

>>> callable(fit)
True
"""

from cogattn.tune.comparing import Between, between
from cogattn.tune.fitting import Fit, fit
from cogattn.tune.recovery import Recovery, published, recover

__all__ = ["Between", "Fit", "Recovery", "between", "fit", "published", "recover"]
