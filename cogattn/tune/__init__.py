"""Tune: capacity parameters from people's own data.

>>> callable(fit)
True
"""

from cogattn.tune.amortised import Amortised, amortise, trained
from cogattn.tune.calibrating import Calibration, calibrate
from cogattn.tune.comparing import Between, between
from cogattn.tune.fitting import Fit, fit
from cogattn.tune.posteriors import Posterior, drawn, posterior
from cogattn.tune.recovery import Recovery, published, recover

__all__ = [
    "Amortised",
    "Between",
    "Calibration",
    "Fit",
    "Posterior",
    "Recovery",
    "amortise",
    "between",
    "calibrate",
    "drawn",
    "fit",
    "posterior",
    "published",
    "recover",
    "trained",
]
