"""How should a two-hour watch be split between two people? Alternate every 10, 20, 30, 60 minutes, or not at all.

    python simulations/how_should_two_people_split_a_watch.py

Rare signals (12 in half an hour, as in Mackworth's clock). While one watches the other rests. Short turns keep
both fresh; a
change of watch costs what the person who takes over needs to get going (10 s, in which signals are missed). About 20 s.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

import cogattn as ca
from cogattn.mind import cohort
from cogattn.mind.draws import LAYOUT, trial_keys, uniforms
from cogattn.paradigms.vigilance import MackworthClock
from cogattn.runs import program
from cogattn.runs.experiment import cores
from cogattn.view import plot
from cogattn.world.session import Session

TURNS = (5, 10, 20, 30, 60, 120)  # minutes on duty at a stretch; 120 = one person does it all
SIGNALS, HANDOVER = 48, 10.0


def missed(turn: int, people: int, seed: int) -> npt.NDArray[np.float64]:
    """Share of the signals of two hours that each pair misses with turns of this length (both watchers are alike)."""
    clock = MackworthClock()
    stream = clock.session(clock.conditions()[0], np.zeros(1, np.uint64)).streams[0]
    stretches, n, long = max(1, 60 // turn), SIGNALS * turn // 120, 60.0 * turn
    u = uniforms(
        trial_keys(turn + 1000 * seed, np.arange(people), 0)[:, None], LAYOUT, np.arange(stretches * n)
    )
    room = long - n * stream.end
    places = (
        np.sort(u.reshape(people, stretches, n), axis=2) * room
    )  # waited before each signal of a stretch, in all
    gap = np.diff(np.concatenate([np.zeros((people, stretches, 1)), places], axis=2), axis=2)
    rest = np.zeros(gap.shape)
    rest[:, 1:, 0] = long + room - places[:, :-1, -1]
    shape = (people, stretches * n)
    session = Session((stream,), np.zeros(shape, np.int64), gap.reshape(shape), rest.reshape(shape))
    out = cohort.run_session(session, ca.Population.adults().sample(people, seed), n_jobs=cores())
    late = (places < HANDOVER).reshape(shape) & (turn < 120)
    return (np.isnan(out.rt) | late).mean(1)


def main() -> None:
    asked = program.asked(__doc__, __file__, people=3000)
    pairs = {t: missed(t, asked.people, asked.seed) for t in TURNS}
    table = pd.DataFrame({"minutes on duty": TURNS, "missed": [own.mean() for own in pairs.values()]})
    best = table.loc[table["missed"].idxmin()]
    first, last = (program.mean(pairs[int(t)], ".1%") for t in (best["minutes on duty"], TURNS[-1]))
    text = (
        f"Turns of {best['minutes on duty']:.0f} minutes: {first} of the signals are missed; "
        f"one person for two hours misses {last}"
    )
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        ax.plot(table["minutes on duty"], 100 * table["missed"], "-o", color="#0072B2")
        ax.set(xscale="log", xlabel="minutes on duty at a stretch", ylabel="signals missed [%]")
        ax.set_xticks(TURNS, TURNS)
        ax.set_ylim(bottom=0)
    asked.keep(text, {"table": table}, figure)


if __name__ == "__main__":
    program.run(main)
