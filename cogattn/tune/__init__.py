"""Tune: capacity parameters from people's own data; how many trials that takes; what matters; a search for a goal.

>>> callable(fit)
True
"""

from pathlib import Path

from cogattn.mind import drop_stale
from cogattn.tune.amortised import Amortised, amortise, trained
from cogattn.tune.calibrating import Calibration, calibrate
from cogattn.tune.comparing import Between, between
from cogattn.tune.designs import Proposal, design
from cogattn.tune.fitting import Fit, fit
from cogattn.tune.posteriors import Posterior, drawn, posterior
from cogattn.tune.recovery import Recovery, published, recover
from cogattn.tune.sensitivities import Sensitivity, sensitivity
from cogattn.tune.sweeping import Sweep, sweep

drop_stale(Path(__file__).parent)  # likelihoods hold copies of laws, and of each other

__all__ = [
    "Amortised",
    "Between",
    "Calibration",
    "Fit",
    "Posterior",
    "Proposal",
    "Recovery",
    "Sensitivity",
    "Sweep",
    "amortise",
    "between",
    "calibrate",
    "design",
    "drawn",
    "fit",
    "posterior",
    "published",
    "recover",
    "sensitivity",
    "sweep",
    "trained",
]
