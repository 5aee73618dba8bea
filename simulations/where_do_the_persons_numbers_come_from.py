"""Where do the spreads of persons come from? How much adults differ in eight tasks, and what goes together.

    python simulations/where_do_the_persons_numbers_come_from.py

From `human/people_across_tasks*.csv` (281 adults, the means, sds and correlations marked `fit`): how much speed differs
between people and, within them, from day to day (each task is a sitting of its own), the time of eye and hand, the
lead; how speed and hand go together; and how much of alpha acts on what is told (`laws.conflict.SELECTED`). The laws
give each person's expected time in each task (a quadratic surface, fitted to 150 evaluations of the law; off by 2 to 6
ms); the trials of the study add their noise. Lapsing by slips, and how much the speed of one person varies, follow from
their own rows. What is found stands beside the rounded numbers in use. About 3 min.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special, stats
from scipy.optimize import least_squares

import cogattn as ca
from cogattn import human
from cogattn.laws.conflict import SELECTED, Conflict
from cogattn.paradigms import get
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL, ADULTS = ca.Observer(), ca.Population.adults()
#: task: its measures of RT and of the effect, trials of each kind, sd within a person [s]
TASKS = {
    "ant": ("ant_mean", "ant_flanker", 48, 0.12), "stroop": ("stroop_con", "stroop_effect", 48, 0.17),
    "simon": ("simon_mean", "simon_effect", 50, 0.12), "choice_rt": ("crt_mean", "", 100, 0.12),
}  # fmt: skip
NAMES = ("speed.sd", "day_sd.mean", "hand.sd", "evidence_threshold.sd", "speed and hand", "selected")
SAID = {"speed.sd": "speed [1/s]", "hand.sd": "the hand [share]", "evidence_threshold.sd": "the lead"}
MEANS = ("srt_mean", "crt_mean", "ant_mean", "stroop_con", "gng_rt")
PEOPLE = human.fit("people_across_tasks").set_index("measure")
TOGETHER = human.fit("people_across_tasks_correlations").set_index("measure")

MANY = 2**13  #: people, if nobody says how many


def features(speed: np.ndarray, lead: np.ndarray, weight: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """What a decision's mean time is regressed on."""
    s, w = np.log(speed), weight / (1 + weight)
    return np.column_stack(
        [np.ones_like(s), s, s**2, lead, lead * s, w, w**2, w * lead, w * s, sd / speed, lead**2]
    )


def surface(name: str, kind: str) -> np.ndarray:
    """The law's mean decision time of a task, as a quadratic surface over persons."""
    rng = np.random.default_rng(0)
    task: Any = get(name)()
    n = 150
    speed, lead = np.exp(rng.normal(0, 0.16, n)), rng.uniform(1.6, 4.4, n)
    weight, sd = np.exp(rng.normal(-0.4, 0.5, n)), np.exp(rng.normal(np.log(0.5), 0.3, n))
    push = getattr(task, "activation", 0.0)
    beside = getattr(task, "weight", 0.0)
    mean = [
        Conflict(task.evidence_rate * USUAL.speed * s, r, w * beside, push, getattr(task, "peak", 0.1),
                 variation=min(0.5, v / (USUAL.speed * s))).summary(kind).mean
        for s, r, w, v in zip(speed, lead, weight, sd, strict=True)
    ]  # fmt: skip
    return np.asarray(np.linalg.lstsq(features(speed, lead, weight, sd), np.array(mean), rcond=None)[0])


def simulated(people: int, seed: int) -> Callable[[np.ndarray], pd.DataFrame]:
    """What people with these spreads (`NAMES`; speed as a share of its mean) do in all tasks."""
    law = {
        (name, kind): surface(name, kind)
        for name in TASKS
        for kind in (("congruent", "incongruent") if TASKS[name][1] else ("congruent",))
    }
    chances = stats.qmc.Sobol(5, seed=1 + 10 * seed).random(people)
    z = stats.norm.ppf(chances * (1 - 2e-9) + 1e-9).T
    days = np.random.default_rng(1 + 10 * seed).standard_normal((6, people))
    noise = np.random.default_rng(2 + 10 * seed).standard_normal((6, 2, people))
    sigma = np.sqrt(np.log1p((ADULTS.alpha.sd / ADULTS.alpha.mean) ** 2))
    sds = ADULTS.speed_sd.at(stats.norm.cdf(z[4]))

    def played(x: np.ndarray) -> pd.DataFrame:
        own, day, hand, lead_sd, r, selected = x
        other = r * z[0] + np.sqrt(1 - r * r) * z[1]
        lead = np.clip(USUAL.evidence_threshold + lead_sd * z[2], 1.2, None)
        weight = (ADULTS.alpha.mean * np.exp(sigma * z[3] - sigma**2 / 2)) ** selected
        out: dict[str, np.ndarray] = {}
        for i, (name, (mean, effect, trials, sd)) in enumerate(TASKS.items()):
            task: Any = get(name)()
            pace = np.exp(day * days[i])
            s, beside = np.exp(own * z[0]) * pace, task.non_decision_time * np.exp(hand * other) / pace
            at = features(s, lead, weight, sds)
            easy = at @ law[name, "congruent"] + beside + sd / np.sqrt(trials) * noise[i, 0]
            if not effect:
                out[mean] = easy
                continue
            hard = at @ law[name, "incongruent"] + beside + sd / np.sqrt(trials) * noise[i, 1]
            out[mean] = easy if mean.endswith("con") else (easy + hard) / 2
            out[effect] = hard - easy
        for i, (mean, usual) in enumerate((("srt_mean", 0.328), ("gng_rt", 0.367)), len(TASKS)):
            s = USUAL.speed * np.exp(own * z[0] + day * days[i])
            out[mean] = usual * USUAL.speed / s * (1 + np.minimum(sds / s, 0.4) ** 2) + 0.008 * noise[i, 0]
        return pd.DataFrame(out)

    return played


def off(frame: pd.DataFrame) -> np.ndarray:
    """sd by a quarter (of effects: by a half), correlations by .15 (of effects: by .2)."""
    r, sd = frame.corr(method="spearman"), 1000 * frame.std()
    rows = [np.log(sd[k] / PEOPLE.loc[k, "sd"]) / 0.25 for k in MEANS]
    rows += [np.log(sd[k] / PEOPLE.loc[k, "sd"]) / 0.5 for k in ("ant_flanker", "stroop_effect")]
    rows += [(r.loc[a, b] - TOGETHER.loc[a, b]) / 0.15 for i, a in enumerate(MEANS) for b in MEANS[:i]]
    pairs = [("ant_flanker", "ant_mean"), ("ant_flanker", "stroop_effect"), ("stroop_effect", "stroop_con")]
    return np.array(rows + [(r.loc[a, b] - TOGETHER.loc[a, b]) / 0.2 for a, b in pairs])


def unforced() -> pd.DataFrame:
    """Errors where nothing conflicts: the share of each task, its sd between people, and how many trials each had."""
    cells = {"stroop": "condition == 'congruent'", "simon_sro": "condition == 'congruent'",
             "ant_sro": "cue == 'ALL' and flanker_type == 'congruent'"}  # fmt: skip
    rows = []
    for name, cell in cells.items():
        row = human.fit(name).query(cell).iloc[0]
        rows.append((name, 1 - row["acc_mean"], row["acc_sd_sub"], row["n_trials"] / row["n_sub"]))
    crt = PEOPLE.loc["crt_acc"]
    rows.append(("choice_rt", 1 - crt["mean"], crt["sd"], TASKS["choice_rt"][2]))
    return pd.DataFrame(rows, columns=["table", "share", "sd", "trials"])


def slips_and_speed() -> dict[str, tuple[float, float]]:
    """From their own rows: how much speed varies within a person, in people (the sd of the CV of go RT, as a share of
    it); errors where nothing conflicts in four tasks (the mean of their shares, the geometric mean of their sds), less
    what the trials scatter by themselves."""
    cv, t = PEOPLE.loc["gng_cv"], unforced()
    p = t["share"].mean()
    own = np.sqrt(t["sd"] ** 2 - t["share"] * (1 - t["share"]) / t["trials"])
    spread_of = float(np.exp(np.log(own).mean()))
    u = (np.arange(4000) + 0.5) / 4000

    def moments(x: np.ndarray) -> np.ndarray:
        share = special.expit(x[0] + np.exp(x[1]) * stats.norm.ppf(u))
        return np.array([share.mean() / p - 1, share.std() / spread_of - 1])

    middle, spread = least_squares(moments, [-4.2, 0.0]).x
    n, sd, tables = float(cv["n"]), float(USUAL.speed_sd * cv["sd"] / cv["mean"]), np.sqrt(len(t))
    mean, width = float(special.expit(middle)), float(np.exp(spread))
    return {  # of slips the tables differ more than people scatter
        "speed_sd.sd": (sd, sd / np.sqrt(2 * n)),
        "slip.mean": (mean, float(mean * np.log(t["share"]).std() / tables)),
        "slip.sd": (width, float(width * np.log(own).std() / tables)),
    }


def estimated(
    people: int, seed: int
) -> tuple[dict[str, tuple[float, float]], Callable[[np.ndarray], pd.DataFrame]]:
    """Each number with its standard error (the misfit's own scale), and what people with such numbers do."""
    played = simulated(people, seed)
    start, low = [0.11, 0.08, 0.12, 0.5, -0.6, 0.5], [0.02, 0.0, 0.02, 0.05, -0.95, 0.05]
    fit = least_squares(
        lambda x: off(played(x)), start, bounds=(low, [0.3, 0.3, 0.3, 1.0, 0.9, 1.0]), diff_step=0.02
    )
    scale = 2 * fit.cost / (len(fit.fun) - len(fit.x))
    error = np.sqrt(np.diag(np.linalg.pinv(fit.jac.T @ fit.jac)) * scale)
    found = dict(zip(NAMES, zip(fit.x.tolist(), error.tolist(), strict=True), strict=True))
    v, e = found["speed.sd"]
    found["speed.sd"] = (v * ADULTS.speed.mean, e * ADULTS.speed.mean)
    return found | slips_and_speed(), played


def in_use() -> np.ndarray:
    """The rounded numbers that adults have."""
    hand = ADULTS.correlations["speed"]["hand"]
    return np.array([
        ADULTS.speed.sd / ADULTS.speed.mean, ADULTS.day_sd.mean, ADULTS.hand.sd, ADULTS.evidence_threshold.sd, hand,
        SELECTED,
    ])  # fmt: skip


def draw(shown: pd.DataFrame) -> Figure:
    """How much people differ in each task, and how much those of the model do."""
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(7.0, 3.8))
        at, pen = np.arange(len(shown)), plot.pens(["human"])["human"]
        ax.bar(at, shown["sd of the model"], 0.6, color=pen.color, label="model, numbers in use")
        ax.plot(at, shown["people"], "*", color=plot.PEOPLE, markersize=9, label="people")
        ax.set_xticks(at, [name.replace("_", "\n") for name in shown["measure"]])
        ax.set(ylabel="sd between people [ms]")
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure


def main() -> None:
    asked = program.asked(__doc__, __file__, people=MANY)
    found, played = estimated(asked.people, asked.seed)
    table = pd.DataFrame([(k, *v) for k, v in found.items()], columns=["number", "found", "standard_error"])
    frame = played(in_use())
    r = frame.corr(method="spearman")
    shown = pd.DataFrame({"sd of the model": 1000 * frame.std(), "people": PEOPLE["sd"].reindex(list(frame))})
    shown = shown.rename_axis("measure").reset_index()
    people = TOGETHER.reindex(index=list(frame), columns=list(frame))  # without what is kept for tests
    off_r = (r - people).to_numpy()[np.triu_indices(len(r), 1)]
    tables = {"table": table, "spreads": shown, "correlations": r.rename_axis("measure").reset_index()}
    told = ", ".join(
        program.about(found[n][0], 1.96 * found[n][1], ".2g") + f" in {what}" for n, what in SAID.items()
    )
    asked.keep(
        f"Adults differ by an sd of {told}; with the numbers in use "
        f"correlations between tasks are off by {np.sqrt(np.nanmean(off_r**2)):.2f}",
        tables,
        draw(shown),
        f"misfit in use {(off(frame) ** 2).sum():.1f}",
    )


if __name__ == "__main__":
    program.run(main)
