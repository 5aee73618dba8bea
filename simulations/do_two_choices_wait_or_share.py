"""Do two choices wait for each other, or share the centre? RT2 cannot tell; RT1 can.

    python simulations/do_two_choices_wait_or_share.py

The share s of the central stage that the first choice has, from 1 (bottleneck: the second waits) to 1/2 (both get as
much). Work is conserved, so the second response comes when it comes; but the first is the later, the more it shares.
About 10 s.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

import cogattn as ca
from cogattn import files, human
from cogattn.view import plot

OUT = Path("results/simulations/do_two_choices_wait_or_share")
SHARES = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)
KEPT = ("RT1 at 50 minus RT1 at 800 ms", "RT2 at 50 minus RT2 at 800 ms")


def delays(share: float) -> dict[str, float]:
    """ms by which each response is later at the shortest SOA than at the longest."""
    crowd = [replace(o, central_share=share) for o in ca.Population.adults().sample(40)]
    frame = pd.concat(
        [ca.run("prp", "human", people=3, observer=o, seed=i).frame for i, o in enumerate(crowd)]
    )
    found = {m.metric: m.value for m in ca.paradigms.get("prp")().metrics(frame)}
    return {name: found[name] for name in KEPT}


def main() -> None:
    table = pd.DataFrame([delays(s) for s in SHARES], index=pd.Index(SHARES, name="share"))
    bands = human.targets().set_index("metric").loc[list(KEPT), ["low", "high", "human"]]
    inside = [
        s for s in SHARES if bands.loc[KEPT[0], "low"] <= table.loc[s, KEPT[0]] <= bands.loc[KEPT[0], "high"]
    ]
    later = f"People's first response is {bands.loc[KEPT[0], 'human']:.0f} ms later"
    text = f"{later}: the first choice has at least {min(inside):.0%}"
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
        figure.suptitle(text, x=0.01, ha="left", fontsize=11)
        plot.save(figure, OUT, "figure")
    files.write_table(OUT / "table.csv", table.reset_index())
    print(table.round(1).to_string(), text, f"Results: {OUT}", sep="\n\n")


if __name__ == "__main__":
    main()
