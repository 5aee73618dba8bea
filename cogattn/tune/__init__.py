"""Tune: capacity parameters from people's own data.

>>> callable(fit)
True
"""

from pathlib import Path

from cogattn.mind import drop_stale
from cogattn.tune.comparing import Between, between
from cogattn.tune.fitting import Fit, fit
from cogattn.tune.recovery import Recovery, published, recover

drop_stale(Path(__file__).parent)  # likelihoods hold copies of laws, and of each other

__all__ = ["Between", "Fit", "Recovery", "between", "fit", "published", "recover"]
