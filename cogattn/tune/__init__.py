"""Tune: capacity parameters from people's own data; how many trials that takes; what matters; a search for a goal.

>>> callable(fit)
True
"""

from cogattn.tune.comparing import Between, between
from cogattn.tune.fitting import Fit, fit
from cogattn.tune.recovery import Proposal, Recovery, design, published, recover
from cogattn.tune.sensitivities import Sensitivity, sensitivity
from cogattn.tune.sweeping import Sweep, sweep

__all__ = [
    "Between",
    "Fit",
    "Proposal",
    "Recovery",
    "Sensitivity",
    "Sweep",
    "between",
    "design",
    "fit",
    "published",
    "recover",
    "sensitivity",
    "sweep",
]
