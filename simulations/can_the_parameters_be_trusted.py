"""Can the parameters be trusted? 200 simulated adults take the design of a real study, are fitted, and are compared.

    python simulations/can_the_parameters_be_trusted.py

The design of `human/whole_report.csv` and `human/partial_report.csv`: six exposures of six letters, 27 trials each,
then 81 trials with two targets alone and 81 with two among four distractors. Then the other way round: the published
mean scores of 59 people (`human/whole_report.csv`) are fitted, C, K and t0 held against the published ones. A minute
on two cores; the answer goes to results/simulations/.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize

from cogattn import files, human
from cogattn.laws import race
from cogattn.population import Population
from cogattn.runs.experiment import cores
from cogattn.tune import published, recover

OUT = Path("results/simulations/can_the_parameters_be_trusted")
PEOPLE = 200
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
    done = recover(published(), PEOPLE, n_jobs=cores())
    print(done.table().to_string(index=False), *done.fit.notes, sep="\n")
    done.save(OUT)
    table = means()
    print(table.to_string(index=False))
    files.write_table(OUT / "means.csv", table)


if __name__ == "__main__":
    main()
