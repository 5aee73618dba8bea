"""Do two choices wait for each other, or share the centre? RT2 cannot tell; RT1 can.

    python simulations/do_two_choices_wait_or_share.py

The share s of the central stage that the first choice has, from 1 (bottleneck: the second waits) to 1/2 (both get as
much). Work is conserved, so the second response comes when it comes; but the first is the later, the more it shares.
About 10 s.
"""

from dataclasses import replace

import pandas as pd

import cogattn as ca
from cogattn import human
from cogattn.runs import program
from cogattn.view import plot

SHARES = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)
KEPT = ("RT1 at 50 minus RT1 at 800 ms", "RT2 at 50 minus RT2 at 800 ms")


def delays(share: float, asked: program.Program) -> pd.DataFrame:
    """ms by which each response is later at the shortest SOA than at the longest: of all, and of each person."""
    crowd = ca.Population.adults().sample(asked.people, asked.seed)
    each = [
        ca.run(
            "prp", "human", people=3, observer=replace(o, central_share=share), seed=i + 10**4 * asked.seed
        )
        for i, o in enumerate(crowd)
    ]
    frames = [pd.concat([one.frame for one in each]), *(one.frame for one in each)]
    return pd.DataFrame([{m.metric: m.value for m in each[0].paradigm.metrics(f)} for f in frames])[
        list(KEPT)
    ]


def main() -> None:
    asked = program.asked(__doc__, __file__, people=40)
    found = {s: delays(s, asked) for s in SHARES}
    table = pd.DataFrame([own.iloc[0] for own in found.values()], index=pd.Index(SHARES, name="share"))
    bands = human.targets().set_index("metric").loc[list(KEPT), ["low", "high", "human"]]
    inside = [
        s for s in SHARES if bands.loc[KEPT[0], "low"] <= table.loc[s, KEPT[0]] <= bands.loc[KEPT[0], "high"]
    ]
    wait, half = (program.mean(found[s][KEPT[0]].iloc[1:], ".0f") for s in (1.0, 0.5))
    text = (
        f"They wait: with all of the centre the first response is {wait} ms later at the shortest SOA, with half of it "
        f"{half} ms, people's {bands.loc[KEPT[0], 'human']:.0f} ms: the first has at least {min(inside):.0%}"
        if inside
        else f"Neither: no share makes the first response as late as people's ({wait} ms with all, {half} ms with half)"
    )
    with plot.style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.2))
        for ax, name, which in zip(axes, KEPT, ("first", "second"), strict=True):
            pen = plot.pens(["human"])["human"]
            ax.axhspan(
                bands.loc[name, "low"], bands.loc[name, "high"], color="#E8E8E8", zorder=0, label="human band"
            )
            ax.axhline(bands.loc[name, "human"], color=plot.PEOPLE, linewidth=1, label="people")
            ax.plot(SHARES, table[name], pen.mark, color=pen.color, linestyle="-", label="minds")
            ax.set(xlabel="share s of the first choice", ylabel=f"delay of the {which} response [ms]")
        axes[0].legend()
    asked.keep(text, {"table": table.reset_index()}, figure)


if __name__ == "__main__":
    program.run(main)
