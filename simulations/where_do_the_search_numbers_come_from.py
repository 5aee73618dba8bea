"""Where do the numbers of visual search come from? One set for a person, two for each kind of display.

    python simulations/where_do_the_search_numbers_come_from.py

`laws.search` is fitted to feature search, conjunction search and searching a 2 among 5s at once: how long a visit is
in relation to another (shape, hit), how many items it takes (group) and how soon one quits (dq) are the same in all
three, and the verdict is told as fast as a colour is (`laws.conflict`); a display has its guidance (feature search:
10 000, whatever is left) and the time that a visit takes. Then practice: one number more (learning), fitted to how
feature and conjunction search become faster over 4000 trials; the slope of a 2 among 5s is left out and is the test.
A few seconds.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares, minimize_scalar

import cogattn as ca
from cogattn import human
from cogattn.laws import search as law
from cogattn.laws.conflict import Conflict
from cogattn.paradigms.selection import TOLD
from cogattn.runs import program
from cogattn.view import plot

SIZES, TASKS, ME = np.array([3, 6, 12, 18]), ("feature", "conjunction", "spatial_2v5"), ca.Observer()
BINS = 125 + 250.0 * np.arange(16)
VERDICT = Conflict(TOLD * ME.speed, ME.evidence_threshold, variation=ME.speed_sd / ME.speed).summary(
    "neutral"
)
PERCEIVE_MOVE = 0.183  # s, as in `prp`
CELLS = human.fit("visual_search").sort_values(["task", "tp", "setsize"]).set_index("task")
SEEN = {
    t: [CELLS.loc[t, c].to_numpy().reshape(2, 4) for c in ("RT_mean", "RT_within_sd", "error")] for t in TASKS
}
SLOPES = human.fit("visual_search_slopes").set_index(["task", "target_present"])
CURVES = human.fit("visual_search_practice").pivot(index="bin", columns="task", values="mean")
START = {"group": 5.0, "dq": 0.2, "shape": 1.5, "hit": 0.9, "feature s": 0.15,
         "conjunction s": 0.25, "spatial_2v5 s": 0.5, "conjunction g": 3.0, "spatial_2v5 g": 1.2}  # fmt: skip


def predict(v: dict[str, float], task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in ms, and errors."""
    rt, sd, error = law.search(
        SIZES, guidance=v.get(f"{task} g", 1e4), dq=v["dq"], group=v["group"], inspect=v[f"{task} s"],
        shape=v["shape"], hit=v["hit"], base=PERCEIVE_MOVE + VERDICT.mean,
        base_sd=VERDICT.sd, slip=ME.slip,
    )  # fmt: skip
    return 1000 * rt, 1000 * sd, error


def misfit(x: np.ndarray) -> np.ndarray:
    """RT off by 5 %, sd by 30 %, a miss rate by .01 and a slope by half its sd over people count alike."""
    v, parts = dict(zip(START, np.exp(x), strict=True)), []
    for task in TASKS:
        (rt, sd, error), (rt_, sd_, error_) = predict(v, task), SEEN[task]
        parts += [np.log(rt / rt_).ravel() / 0.05, np.log(sd / sd_).ravel() / 0.3]
        parts += [(error[1] - error_[1]) / 0.01]
        for there in (0, 1):
            row = SLOPES.loc[(task, there)]
            s = law.slope(SIZES, rt[there])
            parts += [np.array([(s - row["slope_ms_item"]) / max(1.0, row["slope_sd"] / 2)])]
    return np.concatenate(parts)


def practice(v: dict[str, float], task: str, learning: float) -> np.ndarray:
    """Mean RT in each bin: of the part that is inspection, `practised` is left; its mean over all bins is people's."""
    base = 1000 * (PERCEIVE_MOVE + VERDICT.mean)
    share = law.practised(BINS, learning, v["shape"])
    return CURVES[task].mean() + (predict(v, task)[0].mean() - base) * (share / share.mean() - 1)


def rms(v: dict[str, float], learning: float, tasks: tuple[str, ...]) -> float:
    """Relative misfit of the curves of practice."""
    off = [practice(v, t, learning) / CURVES[t].to_numpy() - 1 for t in tasks]
    return float(np.sqrt(np.mean(np.square(off))))


def change(learning: float, shape: float) -> float:
    """How much of the slope the last 1000 trials of 4000 have lost against the first."""
    share = law.practised(np.arange(4000.0), learning, shape)
    return float(share[3000:].mean() / share[:1000].mean() - 1)


def main() -> None:
    asked = program.asked(__doc__, __file__)
    x = least_squares(misfit, np.log(list(START.values())), bounds=(-6, 4)).x
    v: dict[str, float] = dict(zip(START, map(float, np.exp(x)), strict=True))
    out = {t: predict(v, t) for t in TASKS}
    fits: dict[str, Any] = {}
    for name, tasks in {"feature, conjunction": TASKS[:2], **{t: (t,) for t in TASKS}}.items():
        best = minimize_scalar(lambda a, on=tasks: rms(v, np.exp(a), on), bounds=(-12, 0), method="bounded")
        fits[name] = float(np.exp(best.x))
    v["learning"] = fits["feature, conjunction"]
    s = {(t, i): law.slope(SIZES, out[t][0][i]) for t in TASKS for i in (0, 1)}
    spread = float(np.mean([out[t][1] / out[t][0] for t in TASKS]))
    twos = "spatial_2v5"
    got = [s["feature", 1], s["conjunction", 1], s[twos, 1], s[twos, 0], s[twos, 0] / s[twos, 1],
           *out[twos][2][1, [0, 3]], spread, change(v["learning"], v["shape"])]  # fmt: skip
    bands = human.fit("targets").query("phenomenon == 'visual search' or metric.str.contains('2-among-5s')")
    bands = bands[["metric", "human", "low", "high"]].assign(law=got)
    bands["inside"] = human.inside(bands["law"], bands["low"], bands["high"])
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(12, 3.8))
        for task, (name, pen) in zip(TASKS, plot.pens(list(TASKS)).items(), strict=True):
            for there, dash in ((0, "--"), (1, "-")):
                axes[0].plot(SIZES, SEEN[task][0][there], "*", color=plot.PEOPLE)
                label = name if there else None
                axes[0].plot(SIZES, out[task][0][there], color=pen.color, linestyle=dash, label=label)
            axes[1].plot(SIZES, SEEN[task][2][1], pen.mark, color=plot.PEOPLE, fillstyle="none")
            axes[1].plot(SIZES, out[task][2][1], color=pen.color)
            axes[2].plot(BINS, CURVES[task], "*", color=plot.PEOPLE)
            axes[2].plot(BINS, practice(v, task, v["learning"]), color=pen.color)
        axes[0].set(xlabel="items", ylabel="RT [ms] (dashed: absent)", ylim=(0, None))
        axes[1].set(xlabel="items", ylabel="misses", ylim=(0, None))
        axes[2].set(xlabel="trials", ylabel="RT, present and absent [ms]", ylim=(0, None))
        axes[0].legend()
    told = ", ".join(f"{name} {value:.3g}" for name, value in v.items() if " " not in name)
    reached = f"{int(bands['inside'].sum())} of {len(bands)} bands of people are reached"
    notes = [
        f"learning fitted to {name}: {learning:.5f}, slope of a 2 among 5s {change(learning, v['shape']):+.3f}, "
        f"misfit of its own curve {100 * rms(v, learning, tuple(name.split(', '))):.1f} %"
        for name, learning in fits.items()
    ]
    table = pd.DataFrame({"number": v.keys(), "fitted": v.values()})
    asked.keep(
        f"From times, misses and slopes of three searches: {told}; {reached} (a fit of an exact law: no chance in it)",
        {"table": table, "bands": bands},
        figure,
        *notes,
    )


if __name__ == "__main__":
    program.run(main)
