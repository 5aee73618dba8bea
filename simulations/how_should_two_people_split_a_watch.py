"""How should a two-hour watch be split between two people? Alternate every 10, 20, 30, 60 minutes, or not at all.

    python simulations/how_should_two_people_split_a_watch.py

Rare signals (12 in half an hour, as in Mackworth's clock). While one watches the other rests. Short turns keep
both fresh; a
change of watch costs what the person who takes over needs to get going (10 s, in which signals are missed). About 20 s.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import cogattn as ca
from cogattn import files
from cogattn.mind import cohort
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.paradigms.vigilance import MackworthClock
from cogattn.runs.experiment import cores
from cogattn.view import plot
from cogattn.world.session import Session

TURNS = (5, 10, 20, 30, 60, 120)  # minutes on duty at a stretch; 120 = one person does it all
PEOPLE, SIGNALS, HANDOVER = 3000, 48, 10.0
OUT = Path("results/simulations/how_should_two_people_split_a_watch")


def missed(turn: int) -> float:
    """Share of the signals of two hours that are missed with turns of this length (both watchers are alike)."""
    clock = MackworthClock()
    stream = clock.session(clock.conditions()[0], np.zeros(1, np.uint64)).streams[0]
    stretches, n, long = max(1, 60 // turn), SIGNALS * turn // 120, 60.0 * turn
    u = uniforms(trial_keys(turn, np.arange(PEOPLE), 0)[:, None], LAYOUT, np.arange(stretches * n))
    room = long - n * stream.end
    places = (
        np.sort(u.reshape(PEOPLE, stretches, n), axis=2) * room
    )  # waited before each signal of a stretch, in all
    gap = np.diff(np.concatenate([np.zeros((PEOPLE, stretches, 1)), places], axis=2), axis=2)
    rest = np.zeros(gap.shape)
    rest[:, 1:, 0] = long + room - places[:, :-1, -1]
    shape = (PEOPLE, stretches * n)
    session = Session((stream,), np.zeros(shape, np.int64), gap.reshape(shape), rest.reshape(shape))
    out = cohort.run_session(session, ca.Population.adults().sample(PEOPLE), n_jobs=cores())
    late = (places < HANDOVER).reshape(shape) & (turn < 120)
    return float((np.isnan(out.rt) | late).mean())


def main() -> None:
    table = pd.DataFrame({"minutes on duty": TURNS, "missed": [missed(t) for t in TURNS]})
    best = table.loc[table["missed"].idxmin()]
    text = (
        f"Turns of {best['minutes on duty']:.0f} minutes: {best['missed']:.1%} of the signals are missed; "
        f"one person for two hours misses {table['missed'].iloc[-1]:.1%}"
    )
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        ax.plot(table["minutes on duty"], 100 * table["missed"], "-o", color="#0072B2")
        ax.set(xscale="log", xlabel="minutes on duty at a stretch", ylabel="signals missed [%]", title=text)
        ax.set_xticks(TURNS, TURNS)
        ax.set_ylim(bottom=0)
        ax.title.set_wrap(True)
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table)
    print(table.round(4).to_string(index=False), text, f"Results: {OUT}", sep="\n\n")


if __name__ == "__main__":
    main()
