"""Can the parameters be trusted? 200 simulated adults take the design of a real study, are fitted, and are compared.

    python simulations/can_the_parameters_be_trusted.py

The design of `human/whole_report.csv` and `human/partial_report.csv`: six exposures of six letters, 27 trials each,
then 81 trials with two targets alone and 81 with two among four distractors. Then the other way round: the published
mean scores of 59 people (`human/whole_report.csv`) are fitted, C, K and t0 held against the published ones. A minute
on two cores.
"""

import numpy as np
import pandas as pd
from scipy import optimize

from cogattn import human
from cogattn.laws import race
from cogattn.population import Population
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.tune import published, recover

NAMES = {"capacity": "C", "slots": "K", "threshold": "t0"}


def means() -> pd.DataFrame:
    """C, K, t0 from the published mean scores: of a population whose people differ as much as adults do."""
    table = human.table("whole_report")
    adults = Population.adults().parameters(256)
    error = table["score_sd"] / np.sqrt(table["n_sub"])

    def expected(shift: np.ndarray) -> np.ndarray:
        """Mean score at each exposure when every person's C, K, t0 is moved alike (C by a factor)."""
        who = adults.assign(
            capacity=adults["capacity"] * np.exp(shift[0]),
            slots=np.maximum(adults["slots"] + shift[1], 0.05),
            threshold=np.maximum(adults["threshold"] + shift[2] / 1000, 0.0),
        )
        out = []
        for e in table["nominal"] / 1000:
            laws = [
                race.whole_report(
                    np.ones(6), capacity=p.capacity, exposure=e, slots=p.slots, threshold=p.threshold
                )
                for p in who.itertuples()
            ]
            out.append(np.mean([race.expected(law) for law in laws]))
        return np.array(out)

    def misfit(shift: np.ndarray) -> np.ndarray:
        return np.asarray((expected(shift) - table["score"]) / error)

    found = optimize.least_squares(misfit, np.zeros(3), diff_step=1e-2)
    own = np.linalg.inv(found.jac.T @ found.jac)
    ours = {
        "capacity": adults["capacity"].mean() * np.exp(found.x[0]),
        "slots": adults["slots"].mean() + found.x[1],
        "threshold": 1000 * np.maximum(adults["threshold"] + found.x[2] / 1000, 0).mean(),
    }
    errors = np.sqrt(np.diag(own)) * [ours["capacity"], 1.0, 1.0]
    people = human.table("tva_parameters").set_index("index")
    rows = []
    for (name, symbol), se in zip(NAMES.items(), errors, strict=True):
        theirs = people.loc[symbol]
        rows.append({"parameter": symbol, "from the means": ours[name], "standard error": se,
                     "published": theirs["mean"], "their standard error": theirs["std"] / np.sqrt(59)})  # fmt: skip
    return pd.DataFrame(rows).assign(rmse=float(np.sqrt(np.mean((misfit(found.x) * error) ** 2))))


def main() -> None:
    """Both ways, written and drawn."""
    asked = program.asked(__doc__, __file__, people=200)
    done = recover(published(), asked.people, seed=asked.seed, n_jobs=cores())
    done.save(asked.out, figures=False)
    table, back = done.table(), means()
    asked.keep(
        answer(table, asked.people, back), {"table": table, "means": back}, done.plot(), *done.fit.notes
    )


def answer(table: pd.DataFrame, people: int, back: pd.DataFrame) -> str:
    """The finding in a line."""
    r = table.set_index("parameter")["correlation"]
    worst = table.loc[table["intervals that hold"].idxmin()]
    held = program.share(round(people * worst["intervals that hold"]), people)
    from_means = "; ".join(
        f"{p.parameter} {program.about(p._2, 1.96 * p._3, '.3g')}, published {p.published:.3g}"
        for p in back.itertuples()
    )
    return (
        f"Yes, in this design: estimates go with the truth at r = {r.min():.2f} or more, 95 % intervals hold it in "
        f"{held} of people at least ({worst['parameter']}); from mean scores alone: {from_means}"
    )


if __name__ == "__main__":
    program.run(main)
