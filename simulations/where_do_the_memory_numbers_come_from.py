"""Where do the numbers of memory come from? Spans forward give the trace its life, errors by load its single colour.

    python simulations/where_do_the_memory_numbers_come_from.py

`trace_life`, the same for everybody, is fitted to the share of whole lists that people said in order, forward, 3 to 9
digits, each weighted by its standard error; minds are led along the staircase that people met, so that long lists are
met by those who are good at them. What is not fitted: the lists in the reverse order, who gets to which length, how
people differ (by their speed and their slots alone). The reverse lists are kept for tests, and not looked at here.
The precision of a single colour is scaled so that the mixture
finds people's sd at 1, 2, 3 and 6 colours, least squares. About three minutes on one core.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import least_squares

import cogattn as ca
from cogattn import human
from cogattn.paradigms.continuous_report import ContinuousReport
from cogattn.paradigms.digit_span import DigitSpan, spans, staircase
from cogattn.population import Spread
from cogattn.runs import program
from cogattn.view import plot

LENGTHS, FITTED, PEOPLE = tuple(range(3, 12)), tuple(range(3, 10)), 300
T = human.fit("digit_span_by_length_sro").set_index(["condition", "num_digits"])
COLOURS = human.fit("continuous_report").set_index("set_size")
Array = npt.NDArray[np.float64]


def met(life: float, direction: str, asked: program.Program) -> pd.DataFrame:
    """The lists that people whose traces last so long meet on the staircase of one direction."""
    adults = ca.Population.adults().with_spreads({"trace_life": Spread("constant", life)})
    task = DigitSpan(lengths=LENGTHS, directions=(direction,))
    return staircase(
        ca.run(task, "human", people=asked.people, population=adults, seed=17 + asked.seed).frame
    )


def by_length(steps: pd.DataFrame) -> pd.DataFrame:
    """Share of whole lists (mean and sd of people's own), and the share of people who met one."""
    own = steps.groupby(["length", "person"])["correct"].mean().groupby("length")
    table = own.agg(["mean", "std", "count"]).reindex(LENGTHS)
    return table.assign(met=table["count"] / steps["person"].nunique())


def misfit(v: Array, asked: program.Program) -> Array:
    """In standard errors of people's means."""
    t = T.loc["forward"].loc[list(FITTED)]
    own = by_length(met(float(v[0]), "forward", asked))["mean"].loc[list(FITTED)]
    error = (t["sd"] / np.sqrt(t["n_sub"])).to_numpy()
    found: Array = (own.fillna(0.0).to_numpy() - t["p_correct"].to_numpy()) / error
    print(v.round(3), "misfit", round(float((found**2).sum()), 1), flush=True)
    return found


def colour(asked: program.Program) -> float:
    """The sd of a single colour's error, degrees."""
    task = ContinuousReport()
    frame = ca.run(task, "human", people=asked.people, seed=17 + asked.seed).frame
    found = {m.metric: m.value for m in task.metrics(frame)}
    sd = np.array([found[f"sd of {n} colours"] for n in COLOURS.index])
    people = COLOURS["sd_degrees"].to_numpy()
    return float(task.precision * (sd @ people) / (sd @ sd))


def fitted(asked: program.Program) -> dict[str, tuple[float, float]]:
    """`trace_life` with its standard error."""
    fit = least_squares(misfit, [5.2], diff_step=0.04, bounds=(1.0, 20.0), max_nfev=6, args=(asked,))
    scatter = 2 * fit.cost / (len(FITTED) - 1)
    return {"trace_life": (float(fit.x[0]), float(np.sqrt(scatter / (fit.jac.T @ fit.jac)[0, 0])))}


def main() -> None:
    asked = program.asked(__doc__, __file__, people=PEOPLE)
    life, error = fitted(asked)["trace_life"]
    steps = {"forward": met(life, "forward", asked)}
    rows: list[dict[str, Any]] = []
    for d, own in steps.items():
        table = by_length(own)
        for n in LENGTHS:
            t = T.loc[(d, n)]
            rows.append(
                {"direction": d, "length": n, "people": t["p_correct"], "minds": table.loc[n, "mean"],
                 "sd of people": t["sd"], "sd of minds": table.loc[n, "std"],
                 "people who met it": t["n_sub"] / 522, "minds who met it": table.loc[n, "met"]}
            )  # fmt: skip
    lists = pd.DataFrame(rows)
    off = {
        d: float(np.sqrt(np.mean((own["people"] - own["minds"]) ** 2)))
        for d, own in lists[lists["length"] < 9].groupby("direction")
    }
    numbers = pd.DataFrame(
        {"number": ["trace_life", "precision of a single colour"],
         "fitted": [life, colour(asked)], "standard error": [error, np.nan],
         "in use": [ca.Observer().trace_life, ContinuousReport().precision]}
    )  # fmt: skip
    reach = ", ".join(f"{d} {spans(own).mean():.1f} (sd {spans(own).std():.1f})" for d, own in steps.items())
    text = (
        f"Traces last {program.about(life, 1.96 * error)} s, by the forward lists of people; their shares of whole "
        f"lists up to 8 digits are then met to {off['forward']:.3f}; spans: {reach}"
    )
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        pen = plot.pens(["human"])["human"]
        for d, own in lists.groupby("direction"):
            hollow = d == "reverse"
            n = T.loc[d, "n_sub"].reindex(own["length"])
            plot.people(
                ax, own["length"], own["people"], own["sd of people"], n, f"people, {d}", hollow=hollow
            )
            ax.plot(own["length"], own["minds"], pen.mark, color=pen.color, linestyle="-", label=f"minds, {d}",
                    markerfacecolor="white" if hollow else pen.color)  # fmt: skip
        ax.set(xlabel="list length [digits]", ylabel="whole lists in order [share]", ylim=(0, 1.03))
        ax.legend(loc="lower left")
    asked.keep(text, {"table": lists, "numbers": numbers}, figure)


if __name__ == "__main__":
    program.run(main)
