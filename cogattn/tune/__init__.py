"""Tune: capacity parameters from people's own data; how many trials that takes; what matters; a search for a goal.

>>> callable(fit)
True
"""

from cogattn._renamed import old_names
from cogattn.tune.amortised import Amortised, amortise, trained
from cogattn.tune.calibration import Calibration, calibrate
from cogattn.tune.covariates import Regression, regress
from cogattn.tune.designs import Proposal, design
from cogattn.tune.fits import Fit, fit
from cogattn.tune.joint import fit_jointly
from cogattn.tune.law_comparison import LawComparison, compare_laws
from cogattn.tune.posteriors import Posterior, posterior, sample_posterior
from cogattn.tune.prediction import PeoplePrediction, predict_people
from cogattn.tune.recovery import Recovery, published, recover
from cogattn.tune.sensitivities import Sensitivity, sensitivity
from cogattn.tune.sweeps import Sweep, sweep
from cogattn.tune.verdict import Verdict

__all__ = [
    "Amortised",
    "Calibration",
    "Fit",
    "LawComparison",
    "PeoplePrediction",
    "Posterior",
    "Proposal",
    "Recovery",
    "Regression",
    "Sensitivity",
    "Sweep",
    "Verdict",
    "amortise",
    "calibrate",
    "compare_laws",
    "design",
    "fit",
    "fit_jointly",
    "posterior",
    "predict_people",
    "published",
    "recover",
    "regress",
    "sample_posterior",
    "sensitivity",
    "sweep",
    "trained",
]

old_names(__name__, Between="LawComparison", between="compare_laws", drawn="sample_posterior")
