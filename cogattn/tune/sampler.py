"""Draws from a density whose slopes are known: NUTS (Hoffman & Gelman 2014), by nutpie, and what went badly in it.

>>> import numpy as np
>>> q, stats = nuts(lambda q: (-0.5 * float(q @ q), -q), lambda rng: rng.normal(size=2), draws=200, chains=2, seed=1)
>>> q.shape, int(stats["diverging"].sum()), bool(abs(q.std() - 1) < 0.1)
((2, 200, 2), 0, True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cogattn.errors import RunError, needs

Array = npt.NDArray[Any]
Density = Callable[[Array], tuple[float, Array]]  #: log density, and its slope
TUNE = 500  # draws that find the size of a step, and are thrown away
ACCEPT = 0.9  # of proposals: kinks make long steps fail
RHAT = 1.01  # Vehtari et al. 2021, Bayesian Anal 16:667
ENOUGH = 400  # effective draws; the same source
_STATS = {"diverging": "diverging", "n_steps": "n_steps", "step_size": "step_size", "depth": "tree_depth",
          "mean_tree_accept": "acceptance_rate", "energy": "energy", "logp": "lp"}  # fmt: skip


def nuts(
    density: Density,
    start: Callable[[np.random.Generator], Array],
    *,
    draws: int,
    chains: int,
    seed: int,
    tune: int = TUNE,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Array, dict[str, Array]]:
    """(chains, draws, size) draws, and (chains, draws) of each statistic. start: where a chain begins.

    A chain hangs on the seed and its number alone: the same draws on any number of cores.
    """
    nutpie, pyfunc = needs("nutpie", "posterior"), needs("nutpie.compiled_pyfunc", "posterior")
    size, total, done = len(start(np.random.default_rng(seed))), chains * (draws + tune), [0]

    def expand(*_: int) -> Callable[[Array], Mapping[str, Array]]:
        def one(q: Array) -> Mapping[str, Array]:
            done[0] += 1
            return {"q": np.array(q)}

        return one

    model = pyfunc.from_pyfunc(
        size,
        lambda: lambda q: density(np.asarray(q)),
        expand,
        [np.dtype("float64")],
        [(size,)],
        ["q"],
        make_initial_point_fn=lambda chain_seed: start(np.random.default_rng(chain_seed)),
    )
    sampler = nutpie.sample(
        model,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=min(n_jobs, chains),
        seed=seed % 2**63,
        progress_bar=False,
        save_warmup=False,
        blocking=False,
        target_accept=ACCEPT,
        maxdepth=9,
    )
    try:
        trace = None
        while trace is None:
            try:
                trace = sampler.wait(timeout=0.1)
            except TimeoutError:
                if progress is not None:
                    progress(min(done[0], total), total)
    except RuntimeError as error:
        raise RunError(f"the sampler stopped: {str(error).partition('Stack')[0].strip()[:200]}") from None
    finally:
        sampler.cancel()  # its threads must not outlive an interruption
    stats = {ours: np.asarray(trace.sample_stats[theirs]) for theirs, ours in _STATS.items()}
    return np.asarray(trace.posterior["q"]), stats
