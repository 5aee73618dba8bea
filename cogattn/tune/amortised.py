"""Posteriors where no likelihood is known: a network that has seen thousands of simulated people (Cranmer et al. 2020).

People are drawn from the prior (adults, on the parameters' scales), the compiled minds take the task, and what they did
is condensed to statistics of each person: in every condition, kind of trial and third of a sitting, the share answered,
the share right, how often each score, quantiles of log response time. A network (neural posterior estimation, by
sbi) learns the density of the parameters given those statistics: it is trained once, and asked in milliseconds. It
knows the design that it was trained on and no other, and it is an approximation: hold it against simulations first.

A trained one is a folder: config.json and weights.safetensors, nothing that could carry code.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd

from cogattn import files, paradigms
from cogattn.errors import InputError, choice, doors, needs, whole
from cogattn.mind.draws import seed_of
from cogattn.notebook import Progress, ticker
from cogattn.paradigms import Paradigm
from cogattn.population import People
from cogattn.runs import experiment
from cogattn.runs.trials import Trials
from cogattn.tune import scales
from cogattn.tune.calibration import BINS, RANKED, Calibration
from cogattn.tune.densities import adults, mind
from cogattn.tune.fits import of_people

Array = npt.NDArray[Any]
BLOCK = 100  # people who are simulated at once
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
MOST = 8  # the highest score whose share is looked at
THIRDS = 90  # trials of a sitting from which it is looked at in thirds
SHARES = (
    "responded",
    "correct",
    "score",
    "accuracy",
    "both",
    "error",
)  # what else a trial can have, if it varies
_KINDS = ("decide", "signal", "changed")  # what a trial was, beside its condition


@dataclass(frozen=True)
class Amortised:
    """A network that knows the posterior of every person who takes this task.

    >>> import warnings
    >>> with warnings.catch_warnings():  # so few lessons are warned of
    ...     warnings.simplefilter("ignore")
    ...     amortise("partial_report", ("slots",), trials=4, simulations=50, hidden=4, epochs=2).params
    ('slots',)
    """

    task: Paradigm
    trials: int
    params: tuple[str, ...]
    names: tuple[str, ...]  #: of the statistics
    middle: Array  #: (statistics,) what a missing one is taken to be
    ends: Array  #: (2, statistics) least and most that was seen in training: beyond them a network knows nothing
    simulations: int
    seed: int
    network: Any  #: sbi's conditional density of the standard parameters
    size: dict[str, Any]  #: of the network
    loss: float  #: mean -log density of the parameters of people it was not trained on

    def draw(self, data: Trials | pd.DataFrame, draws: int = 2000, seed: int = 0) -> Any:
        """Each person's posterior as an InferenceData: one chain of independent draws."""
        az = needs("arviz", "posterior")
        draws, seed = whole("draws", draws, least=1, most=10**6), whole("seed", seed, most=2**63 - 1)
        table = self.statistics(of_people(data))
        mean, sd = adults(self.params)
        x = (mean + sd * self._standard(table, draws, seed).astype(float))[
            None
        ]  # (1, draws, people, parameters)
        own, people = scales.own(self.params, x), [str(p) for p in table.index]
        dims, coords = {name: ["person"] for name in self.params}, {"person": people}
        how = {"coords": coords, "dims": dims}
        found = az.from_dict(
            posterior={name: own[..., i] for i, name in enumerate(self.params)},
            observed_data={"statistics": table.to_numpy()},
            coords=coords | {"statistic": list(self.names)},
            dims=dims | {"statistics": ["person", "statistic"]},
            attrs={"paradigm": self.task.name, "seed": seed, "inference_library": "sbi"},
        )
        latent = az.from_dict(posterior={name: x[..., i] for i, name in enumerate(self.params)}, **how)
        found.add_groups(unconstrained_posterior=latent.posterior)
        return found

    def statistics(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A row per person: what the network looks at. Data of another design are refused."""
        table, rows = summarised(frame, self.task), _rows(self.task, self.trials)
        per = frame.groupby("person", sort=False).size()
        other = per[(per < 0.8 * rows) | (per > 1.25 * rows)]
        if len(other):
            raise InputError(
                f"this network was trained on people with {rows} trials, person {other.index[0]} has "
                f"{other.iloc[0]}: train one for these data, with trials="
            )
        known = {name for name in table.columns if table[name].notna().any()}
        lacking = [name for name in self.names if name not in known]
        if len(lacking) > len(self.names) // 10:
            raise InputError(
                f"the data are of another design than this network was trained on ({self.trials} of each of "
                f"{self.task.name}): {len(lacking)} of {len(self.names)} statistics are missing, e.g. {lacking[0]}"
            )
        return self._seen(table)

    def _seen(self, table: pd.DataFrame) -> pd.DataFrame:
        """The statistics that it knows; what is missing is taken to be as in the middle, nothing is beyond the ends."""
        asked = table.reindex(columns=list(self.names))
        return asked.fillna(dict(zip(self.names, self.middle, strict=True))).clip(*self.ends, axis=1)

    def _standard(self, table: pd.DataFrame, draws: int, seed: int) -> Array:
        """(draws, people, parameters): the standard parameters of people with these statistics."""
        torch = needs("torch", "amortised")
        from cogattn.nn.networks.training import seeded

        seen = torch.as_tensor(table.to_numpy(), dtype=torch.float32)
        with torch.no_grad():
            drawn: Array = seeded(lambda: self.network.sample(torch.Size((draws,)), seen), seed).numpy()
        return drawn

    def calibrate(
        self, people: int = 300, *, seed: int = 1, n_jobs: int = 1, progress: Progress | bool | None = None
    ) -> Calibration:
        """Can it be trusted? The ranks of the truth among its draws, for people of its prior whom it has never seen.

        >>> import warnings
        >>> with warnings.catch_warnings():  # so few lessons are warned of
        ...     warnings.simplefilter("ignore")
        ...     net = amortise("partial_report", ("slots",), trials=4, simulations=50, hidden=4, epochs=2)
        >>> len(net.calibrate(people=24).ranks)
        24
        """
        people, seed = whole("people", people, least=BINS, most=100_000), whole("seed", seed, most=2**62)
        if seed == self.seed:
            raise InputError(
                f"seed must be another than the {seed} that it was trained with: it knows those people"
            )
        tick = ticker(progress, f"simulate {self.task.name}")
        z, table = simulated(self.task, self.params, self.trials, people, seed, n_jobs, tick)
        drawn = self._standard(self._seen(table), RANKED, seed)
        rank, wide, (mean, sd) = (drawn < z).sum(0), drawn.std(0), adults(self.params)  # (people, parameters)
        rows = [
            {"replication": i, "parameter": name, "true": float(mean[k] + sd[k] * z[i, k]), "rank": int(rank[i, k]),
             "sd": float(wide[i, k]), "ess": float(RANKED), "diverged": 0}
            for i in range(people)
            for k, name in enumerate(self.params)
        ]  # fmt: skip
        return Calibration(self.task.name, pd.DataFrame(rows), f"learnt from {self.simulations:,} people")

    def save(self, folder: str | Path) -> Path:
        """config.json and weights.safetensors."""
        from safetensors.torch import save_file

        folder = Path(folder)
        state = {k: v.contiguous().clone() for k, v in self.network.state_dict().items()}
        files.place(folder / "weights.safetensors", lambda p: save_file(state, str(p)))
        files.write_json(
            folder / "config.json",
            {"paradigm": self.task.name, "options": self.task.options(), "trials": self.trials,
             "params": list(self.params), "statistics": list(self.names), "middle": self.middle.tolist(),
             "ends": self.ends.tolist(),
             "simulations": self.simulations, "seed": self.seed, "network": self.size, "loss": self.loss},
        )  # fmt: skip
        return folder


def trained(folder: str | Path) -> Amortised:
    """One that was trained and saved.

    >>> import tempfile, warnings
    >>> with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
    ...     warnings.simplefilter("ignore")
    ...     lately = amortise("partial_report", ("slots",), trials=4, simulations=50, hidden=4, epochs=2)
    ...     trained(lately.save(folder)).params
    ('slots',)
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    c = files.read_json(folder / "config.json")
    try:
        task = paradigms.make(c["paradigm"], c["options"])
        names, params, size = tuple(c["statistics"]), scales.names(c["params"]), c["network"]
        network = _network(len(params), len(names), **size)
        network.load_state_dict(load_file(str(folder / "weights.safetensors")))
    except (KeyError, TypeError, OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise InputError(f"{folder} holds no network of this version: {str(error).splitlines()[0]}") from None
    middle, ends = np.array(c["middle"]), np.array(c["ends"])
    made = (c["simulations"], c["seed"], network, size, c["loss"])
    return Amortised(task, c["trials"], params, names, middle, ends, *made)


def amortise(
    paradigm: str | Paradigm,
    params: Sequence[str],
    *,
    trials: int | None = None,
    simulations: int = 16_000,
    density: str = "mdn",
    hidden: int = 50,
    transforms: int = 4,
    epochs: int = 300,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | bool | None = None,
) -> Amortised:
    """Train a network on people who take this task. The same seed gives the same people and the same network.

    simulations: people; from 16,000 on posteriors were calibrated wherever that was tried, from 4,000 in five of eight.
    Calibrated is not narrow: of whole report, 50,000 bring means within a fifth of a sd of the exact ones (16,000: a
    third), and widths of slots within a quarter, in four minutes.
    density: "mdn" (ten normals, mixed: sturdy with few simulations), or a flow, "maf" or "nsf", of `transforms` steps
    (any shape; with a few hundred simulations one person in a hundred can come out absurd).

    >>> import warnings
    >>> with warnings.catch_warnings():  # so few lessons are warned of
    ...     warnings.simplefilter("ignore")
    ...     amortise("partial_report", ("slots",), trials=4, simulations=50, hidden=4, epochs=2).simulations
    50
    """
    needs("sbi", "amortised")
    task = paradigms.make(paradigm, {}) if isinstance(paradigm, str) else paradigm
    names = scales.names(params)
    simulations = whole("simulations", simulations, least=50, most=10**6)
    seed, n_jobs = whole("seed", seed, most=2**63 - 1), whole("n_jobs", n_jobs, least=1, most=1024)
    trials = task.usual_trials if trials is None else whole("trials", trials, least=1)
    z, table = simulated(
        task, names, trials, simulations, seed, n_jobs, ticker(progress, f"simulate {task.name}")
    )
    kept = table.loc[:, table.notna().mean() > 0.5]
    middle = kept.mean()
    kept = kept.fillna(middle).loc[:, lambda t: t.quantile(0.05) < t.quantile(0.95)]
    kept = kept.loc[:, ~kept.round(9).T.duplicated()]  # an answer that is right is an answer, in many a task
    if kept.empty:
        raise InputError(f"everybody does the same in {task.name}: there is nothing to learn from")
    size = {
        "density": choice("density", density, ("mdn", "maf", "nsf")),
        "hidden": whole("hidden", hidden, least=2),
        "transforms": whole("transforms", transforms, least=1),
    }
    network, loss = _train(z, kept.to_numpy(), size, whole("epochs", epochs, least=1), seed)
    at, ends = middle[kept.columns].to_numpy(), np.stack([kept.min(), kept.max()])
    return Amortised(
        task, trials, names, tuple(kept.columns), at, ends, simulations, seed, network, size, loss
    )


def simulated(
    task: Paradigm,
    names: Sequence[str],
    trials: int,
    n: int,
    seed: int,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[Array, pd.DataFrame]:
    """(n, parameters) standard parameters of people from the prior, and the statistics of what they did."""
    z = np.random.default_rng(seed).normal(size=(n, len(names)))
    mean, sd = adults(names)
    x = mean + sd * z
    starts = range(0, n, BLOCK)
    jobs = (
        joblib.delayed(_block)(task, names, x[i : i + BLOCK], trials, seed_of(seed, "amortise", str(i)) >> 1)
        for i in starts
    )  # fmt: skip
    found = []
    for part in joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs):
        found.append(part)
        if progress is not None:
            progress(len(found), len(starts))
    return z, pd.concat(found, ignore_index=True)


def _block(task: Paradigm, names: Sequence[str], x: Array, trials: int, seed: int) -> pd.DataFrame:
    """The statistics of some people."""
    crowd = People.of([mind(names, values) for values in x])
    plan = experiment.make_plan(task, "human", None, len(crowd), trials, seed, None, None)
    cells = [experiment.Cell("human", c) for c in task.conditions()]
    frame = pd.concat([experiment.play_cell(plan, cell, crowd, None) for cell in cells], ignore_index=True)
    return summarised(frame, task).reset_index(drop=True)


def summarised(frame: pd.DataFrame, task: Paradigm) -> pd.DataFrame:
    """A row per person: in each condition, kind of trial and third, shares and quantiles of log response time."""
    for name in ("person", *task.condition_columns):
        if name not in frame.columns:
            raise InputError(
                f"the data need a column {name!r}; they have {', '.join(map(str, frame.columns))}"
            )
    by = [*task.condition_columns, *(k for k in _KINDS if k in frame)]
    third = pd.Series(_third(frame) if task.sessions else 0, frame.index, name="third")
    keys: list[Any] = [frame["person"], *(frame[c] for c in by), third]
    parts = {name: frame[name].astype(float).groupby(keys).mean() for name in SHARES if name in frame}
    if "score" in frame:
        parts |= {f"score={k}": (frame["score"] == k).groupby(keys).mean() for k in range(MOST + 1)}
    if "rt" in frame and frame["rt"].notna().any():
        quantiles = np.log(frame["rt"].where(frame["rt"] > 0)).groupby(keys).quantile(list(QUANTILES))
        parts |= {f"rt {q:g}": quantiles.xs(q, level=-1) for q in QUANTILES}
    wide = pd.DataFrame(parts).astype(float).unstack([*by, "third"])
    wide.columns = [" ".join(map(_word, column)) for column in wide.columns]
    return wide


def _rows(task: Paradigm, trials: int) -> int:
    """How many trials a person has in all conditions."""
    plan = experiment.make_plan(task, "human", None, 1, trials, 0, None, None)
    return sum(plan.rows(c) for c in task.conditions())


def _word(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def _third(frame: pd.DataFrame) -> Array:
    """In which third of a sitting a trial came; all in one where a sitting is short."""
    if "trial" not in frame:
        raise InputError("the data need a column 'trial': which trial of its sitting each row is")
    n = int(frame["trial"].max()) + 1
    return frame["trial"].to_numpy() * 3 // n if n >= THIRDS else np.zeros(len(frame), np.int64)


def _network(p: int, s: int, density: str, hidden: int, transforms: int, z: Any = None, x: Any = None) -> Any:
    """The density of p parameters given s statistics, standardised by z and x if they are given."""
    torch, nets = needs("torch", "amortised"), needs("sbi.neural_nets", "amortised")
    more = {"num_components": 10} if density == "mdn" else {"num_transforms": transforms}
    build = nets.posterior_nn(density, hidden_features=hidden, **more)
    like = torch.randn(8, p), torch.randn(8, s)
    return build(*(like if z is None else (z, x))).eval()


class _Silent:
    """Training says nothing, and writes nowhere."""

    log_dir = None

    def log_metric(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    log_metrics = log_params = add_figure = flush = log_metric


def _train(z: Array, x: Array, size: dict[str, Any], epochs: int, seed: int) -> tuple[Any, float]:
    """The flow, and its loss on a tenth of the people that it was not trained on."""
    torch, inference = needs("torch", "amortised"), needs("sbi.inference", "amortised")
    from cogattn.nn.networks.training import seeded

    theta, seen = (torch.as_tensor(a, dtype=torch.float32) for a in (z, x))

    def work() -> tuple[Any, float]:
        def build(theta: Any, seen: Any) -> Any:
            return _network(theta.shape[1], seen.shape[1], **size, z=theta, x=seen)

        trainer = inference.NPE(density_estimator=build, tracker=_Silent(), show_progress_bars=False)
        trainer.append_simulations(theta, seen)
        batch = min(200, max(16, len(z) // 20))
        with redirect_stdout(io.StringIO()):  # it speaks in the midst of a progress bar
            network = trainer.train(training_batch_size=batch, max_num_epochs=epochs, stop_after_epochs=15)
        return network.eval(), float(trainer.summary["best_validation_loss"][-1])

    return seeded(work, seed % 2**63)  # type: ignore[arg-type]


doors(__name__, "amortise", "trained", first=True)
