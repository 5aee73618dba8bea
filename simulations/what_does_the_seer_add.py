"""What does evidence from pixels add? One network that looks at rendered displays, in eleven paradigms, under limits.

    python simulations/what_does_the_seer_add.py                  # all parts, about 12 minutes on one core
    python simulations/what_does_the_seer_add.py --only bands     # a part: same, confused, effects, bands

The same draws are played with and without the network; confusions are held against the network's own; the effects of
search, flankers and words come from its logits, with no constant fitted to them; the bands are those of
human/targets.csv.

Found (6 people): the network changes 50 % of whole reports, 46 % of partial ones, 28 % of blinks, 1 % of change
detections, and the time of 96 to 99 % of searches, flankers and words (their answers: 1, 6 and 3 %). Confusions follow
its own (chi-square 54.7, df 50); the tenth of letter pairs that are most alike is confused 5.5 times as often. Search
slopes with a target 2.6 < 5.6 < 24.9 ms per item (people 1.1, 9.2, 43.0), without one -.3, 33.2, 22.7 (-.7, 26.1, 95.5:
the order is wrong). Flanker effect 108, 55, 23, 14, 13 ms at 14, 18, 24, 32, 44 px. Words do not disturb inks (-27 ms,
people 123), inks disturb words (22 ms). The answer goes to results/simulations/ (a figure and four tables).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

import cogattn as ca
from cogattn import files, human
from cogattn.mind.draws import trial_keys
from cogattn.nn.networks import scenes
from cogattn.nn.networks.registry import find
from cogattn.paradigms.visual_search import DISPLAYS, slopes
from cogattn.reports.scorecard import fill, values_of
from cogattn.runs import displays
from cogattn.runs.experiment import Cell, make_plan, play_again
from cogattn.runs.seen import margin_of
from cogattn.view import plot

OUT = Path("results/simulations/what_does_the_seer_add")
MODEL = "seer"
PEOPLE = 12
GAPS = (14.0, 18.0, 24.0, 32.0, 44.0)  # px between the arrows: touching, to three letters apart
#: Paradigms and how many trials: options that make them short enough.
TASKS: dict[str, tuple[dict[str, Any], int]] = {
    "whole_report": ({}, 20),
    "partial_report": ({}, 20),
    "attentional_blink": ({"trials": 30}, 1),
    "change_detection": ({}, 1),
    "visual_search": ({"trials": 12}, 1),
    "flanker": ({"trials": 80}, 1),
    "stroop": ({}, 1),
    "global_local": ({"trials": 40}, 1),
    "nback": ({}, 1),
    "go_nogo": ({}, 1),
    "vigilance": ({}, 1),
}


def run(name: str, model: str | None, people: int, arms: tuple[str, ...] = ("human",), **more: Any) -> Any:
    """A paradigm as long as TASKS says."""
    options, trials = TASKS[name]
    task = ca.paradigms.get(name)(**(options | more))
    return ca.run(task, arms=arms, model=model, people=people, trials=trials)


def same(people: int) -> pd.DataFrame:
    """Share of trials that the network changes, on the same draws."""
    rows = []
    for name in (
        "whole_report",
        "partial_report",
        "attentional_blink",
        "change_detection",
        "visual_search",
        "flanker",
        "stroop",
    ):
        a, b = (run(name, model, people).frame for model in (MODEL, None))
        ms = [f["rt"].fillna(-1).to_numpy() for f in (a, b)]
        time = np.abs(ms[0] - ms[1]) > 0.001
        said = np.zeros(len(a), bool)
        for column in ("score", "answered", "says_changed", "T1", "T2"):
            if column in a:
                said |= a[column].to_numpy() != b[column].to_numpy()
        rows.append(
            {"paradigm": name, "time or answer differs": (time | said).mean(), "answer differs": said.mean()}
        )
    return pd.DataFrame(rows)


def confused(people: int) -> dict[str, float]:
    """Are the letters that people name confused as the network confuses them? And similar letters more than others?"""
    plan = make_plan("whole_report", ("human",), MODEL, people, 100, 0, None, None)
    cell = Cell("human", plan.paradigm.conditions()[-1])
    minds, network = plan.crowd(), find(MODEL, "cpu")
    person, trial = np.divmod(np.arange(people * 100), 100)
    seen, out = play_again(plan, cell, minds, network, person, trial)
    batch: Any = seen
    told, said = out.stored, batch.names(True)
    label = batch.display.label
    got, wanted, spread = (np.zeros((26, 26)) for _ in range(3))
    np.add.at(got, (label[told], said[told]), 1)
    np.add.at(wanted, label[told], batch.says[told])
    np.add.at(spread, label[told], batch.says[told] * (1 - batch.says[told]))
    off = ~np.eye(26, dtype=bool)
    rate = wanted / wanted.sum(1, keepdims=True)
    g, w, v = (
        got[off],
        wanted[off],
        spread[off],
    )  # each letter taken for each other one, and how much that varies
    big = v >= 2
    g, w, v = (np.append(x[big], x[~big].sum()) for x in (g, w, v))
    chi = float(((g - w) ** 2 / v).sum())
    forms = np.stack([_form(chr(65 + i)) for i in range(26)])
    like = np.corrcoef(forms)
    either = (rate + rate.T)[np.triu_indices(26, 1)]
    rank = stats.spearmanr(like[np.triu_indices(26, 1)], either)
    top = like[np.triu_indices(26, 1)] >= np.quantile(like[np.triu_indices(26, 1)], 0.9)
    return {
        "letters named": float(got.sum()), "named wrong": float(got[off].sum() / got.sum()),
        "chi-square": chi, "df": float(len(g)), "p": float(stats.chi2.sf(chi, len(g))),
        "similar (top tenth) over other pairs": float(either[top].mean() / either[~top].mean()),
        "rank correlation of similarity and confusion": float(rank.statistic), "its p": float(rank.pvalue),
    }  # fmt: skip


def _form(letter: str) -> Any:
    """A letter in a font that was never taught, blurred, as numbers."""
    from PIL import Image

    mask = scenes._glyph(letter, "STIXGeneral", 18, 0)
    image = Image.fromarray((mask * 255).astype(np.uint8)).resize((10, 12), Image.Resampling.BOX)
    return np.asarray(image, float).ravel()


def _arrows(_: Any, condition: Any, keys: Any, gap: float) -> Any:
    return displays.flanked(int(condition["congruence"]), keys, gap)


def _words(_: Any, condition: Any, keys: Any, asked: str) -> Any:
    return displays.coloured_word(int(condition["congruence"]), keys, asked)


def effects(people: int) -> dict[str, pd.DataFrame]:
    """What comes out of the logits alone: guidance, slopes, flankers over distance, words and inks."""
    network: Any = find(MODEL, "cpu")
    keys = trial_keys(5, np.arange(300), 0)
    guided = []
    for name in DISPLAYS:
        looked = network.look(displays.search(name, 12, True, keys).scene, keys)
        gap = looked.logits[:, 0] - looked.logits[:, 1:].mean(1)
        guided.append(
            {"display": name, "logit of target less distractor": gap.mean(), "of the reference": network.gap}
        )
    found = run("visual_search", MODEL, people, ("human", "softmax"))
    slope = slopes(found.frame[found.frame["arm"] == "human"])
    people_slopes = human.table("visual_search_slopes").set_index(["task", "target_present"])["slope_ms_item"]
    search = pd.DataFrame(guided).assign(
        **{f"slope {word}": [slope[d, p] for d in DISPLAYS] for p, word in ((1, "present"), (0, "absent"))},
        **{
            f"people {word}": [people_slopes[d, p] for d in DISPLAYS]
            for p, word in ((1, "present"), (0, "absent"))
        },
    )
    rows = []
    known = displays.KNOWN["arrows"]
    for gap in GAPS:
        d = {k: displays.flanked(k, keys, gap) for k in (1, -1)}
        m = {k: margin_of(d[k], network.look(d[k].scene, keys)) for k in d}
        displays.KNOWN["arrows"] = partial(_arrows, gap=gap)
        frame = run("flanker", MODEL, people).frame
        rt = 1000 * frame[frame["correct"]].groupby("congruence")["rt"].mean()
        error = frame.groupby("congruence")["error"].mean()
        rows.append({"gap": gap, "margin congruent": m[1].mean(), "margin incongruent": m[-1].mean(),
                     "effect": rt[-1] - rt[1], "errors": error[-1] - error[1]})  # fmt: skip
    displays.KNOWN["arrows"] = known
    words, known = [], displays.KNOWN["words"]
    for asked in ("name the ink", "read the word"):
        displays.KNOWN["words"] = partial(_words, asked=asked)
        m = {}
        for k in (1, 0, -1):
            d1 = displays.coloured_word(k, keys, asked)
            m[k] = margin_of(d1, network.look(d1.scene, keys)).mean()
        frame = run("stroop", MODEL, people, trials=40).frame
        rt = 1000 * frame[frame["correct"]].groupby("congruence")["rt"].mean()
        words.append(
            {
                "asked": asked,
                "margin congruent": m[1],
                "margin neutral": m[0],
                "margin incongruent": m[-1],
                "effect": rt[-1] - rt[1],
            }
        )
    displays.KNOWN["words"] = known
    return {"search": search, "flankers": pd.DataFrame(rows), "words": pd.DataFrame(words)}


def bands(people: int) -> pd.DataFrame:
    """Share of the bands of human/targets.csv, by paradigm, for the two arms."""
    parts = []
    for name in TASKS:
        runs = [run(name, MODEL, people, ("human", "softmax"))]
        table = fill(human.targets(), values_of(runs))
        own = table[table["model"].notna() | table["softmax"].notna()]
        parts.append({"paradigm": name, "bands": len(own), "human": int(own["inside"].fillna(False).sum()),
                      "softmax": int(own["softmax_inside"].fillna(False).sum())})  # fmt: skip
        print(parts[-1], flush=True)
        own.assign(paradigm=name).to_csv(OUT / f"bands_{name}.csv", index=False)
    return pd.DataFrame(parts)


def figure(table: pd.DataFrame, found: dict[str, pd.DataFrame]) -> None:
    """Bands by paradigm, search, flankers, words; one figure."""
    with plot.style() as plt:
        fig, axes = plt.subplots(2, 2, figsize=(9.6, 7.2), layout="constrained")
        table = table[table["bands"] > 0]
        ax, y = axes[0, 0], np.arange(len(table))
        ax.barh(y, table["bands"], color="#E6E6E6", label="bands of people")
        ax.barh(y + 0.18, table["human"], 0.32, color="#D55E00", label="human limits")
        ax.barh(y - 0.18, table["softmax"], 0.32, color="#0072B2", label="softmax")
        ax.set_yticks(y, table["paradigm"].str.replace("_", " "))
        ax.invert_yaxis()
        total = table[["bands", "human", "softmax"]].sum()
        title = f"Inside: human limits {total['human']} of {total['bands']}, softmax {total['softmax']}"
        ax.set(
            xlabel="bands",
            title=title,
        )
        ax.legend(fontsize=7)
        ax, s = axes[0, 1], found["search"]
        for i, (word, colour) in enumerate((("present", "#D55E00"), ("absent", "#E69F00"))):
            ax.bar(
                np.arange(3) + 0.2 * (2 * i - 1),
                s[f"slope {word}"],
                0.36,
                color=colour,
                label=f"target {word}",
            )
            ax.plot(
                np.arange(3) + 0.2 * (2 * i - 1),
                s[f"people {word}"],
                "k*",
                markersize=9,
                label="people" if i else None,
            )
        ax.set_xticks(range(3), ["feature", "conjunction", "2 among 5s"])
        ax.set(ylabel="search slope [ms per item]", title="Search, from the seer's own weights")
        ax.legend(fontsize=7)
        ax, f = axes[1, 0], found["flankers"]
        ax.plot(f["gap"], f["effect"], "o-", color="#D55E00")
        low = min(0, 1.1 * f["effect"].min())
        ax.set(
            xlabel="distance of the flankers [px; a letter is 12]",
            ylabel="flanker effect [ms]",
            ylim=(low, None),
        )
        ax.set(title="Flankers, over distance")
        ax, w = axes[1, 1], found["words"]
        ax.bar(range(2), w["effect"], 0.5, color=["#D55E00", "#E69F00"])
        ax.set_xticks(range(2), ["words disturb ink", "ink disturbs words"])
        ax.set(ylabel="incongruent minus congruent [ms]", title="Stroop, both ways")
        fig.savefig(OUT / "figure.png", dpi=110)
        plt.close(fig)


def main() -> None:
    parser = argparse.ArgumentParser(description="What evidence from pixels adds.")
    parser.add_argument("--only", choices=("same", "confused", "effects", "bands"))
    parser.add_argument("--people", type=int, default=PEOPLE)
    asked = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)

    def wanted(part: str) -> bool:
        return asked.only in (None, part)

    if wanted("confused"):
        numbers = confused(asked.people)
        print(pd.Series(numbers).to_string())
        files.write_text(OUT / "confused.csv", pd.Series(numbers, name="value").to_csv())
    found: dict[str, pd.DataFrame] = {}
    if wanted("effects"):
        found = effects(asked.people)
        for name, part in found.items():
            print(part.round(3).to_string())
            files.write_text(OUT / f"{name}.csv", part.to_csv(index=False))
    if wanted("same"):
        changed = same(asked.people)
        print(changed.round(3).to_string())
        files.write_text(OUT / "same.csv", changed.to_csv(index=False))
    if wanted("bands"):
        table = bands(asked.people)
        files.write_text(OUT / "bands.csv", table.to_csv(index=False))
    if asked.only is None:
        figure(table, found)


if __name__ == "__main__":
    main()
