"""What does evidence from pixels add? One network that looks at rendered displays, in eleven paradigms, under limits.

    python simulations/what_does_the_seer_add.py                  # all parts, about 12 minutes on one core
    python simulations/what_does_the_seer_add.py --only bands     # a part: same, confused, effects, why, bands
    python simulations/what_does_the_seer_add.py --only figure    # draws the tables of the last run again

The same draws are played with and without the network; confusions are held against the network's own; the effects of
search, flankers and words come from its logits, with no constant fitted to them; the bands are those of
human/targets.csv.

Found (12 people): inside 22 of 36 bands (target: 60 %), 0 with softmax attention. The network changes 29 % of whole
reports (which letters are named; target: 30 %), 21 % of partial ones, 8 % of blinks, 1 % of change detections, and the
time of 99 % of searches, flankers and words (their answers: 0, 3 and 11 %). Confusions follow its own (chi-square 19.2,
df 20); 6 % of the letters that are named are misnamed; the tenth of letter pairs that are most alike is confused 5.3
times as often. Search slopes with a target 3.3 < 7.4 < 22.7 ms per item (people 1.1, 9.2, 43.0), without one 3.0 < 34.3
< 48.4 (-.7, 26.1, 95.5): the order is right, 2 among 5s is too easy. Flankers 163 ms where arrows overlap (14 px), then
1, 4, 7, 7 ms at 18, 24, 32, 44 px (people 32 ms; in 0 of 4 bands). Words disturb inks (55 ms, people 123), inks disturb
words less (43 ms).

Why flankers hardly disturb it (`--only why`): the decision is read from the network's own attention, of which both
flankers get .7 % at 14 px and less beyond. The mind's weights are no rescue: the middle stands 12 to 16 logits above
its flankers at any distance, red letters 59 above green ones, so at alpha .44 a flanker weighs .81 to .85 of the
target; were it categorised by that weight, 77 to 79 % of incongruent answers would be wrong. Nor does any constant
share of the evidence do what people do: 10 % of it costs 45 ms, but 4 % errors (people 9 %) and few in the fastest
fifth (.95 right, people .78). People's flankers disturb early and then less; nothing in the seer selects in time. The
answer goes to results/simulations/ (tables and a figure).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pandas as pd
from scipy import stats

import cogattn as ca
from cogattn import files, human
from cogattn.laws import race
from cogattn.mind.draws import trial_keys
from cogattn.nn.networks import scenes
from cogattn.nn.networks.registry import find
from cogattn.paradigms.visual_search import DISPLAYS, slopes
from cogattn.reports.scorecard import fill, values_of
from cogattn.runs import displays, program
from cogattn.runs.experiment import Cell, make_plan, play_again
from cogattn.runs.seen import SeenBatch, margin_of
from cogattn.view import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REFERENCE = Path(ca.__file__).parents[1] / "results/reference/simulations"
MODEL = "seer"
WIDEST = 18.0  # px: an arrow of the widest font and size
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)  # of categorisations that are of the flankers
COSTS = (
    "incongruent minus congruent RT", "incongruent error rate", "accuracy of the fastest incongruent fifth",
    "delta last minus first quantile",
)  # fmt: skip
REPORTS = ("whole_report", "partial_report")
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


def run(
    name: str, model: str | None, asked: program.Program, arms: tuple[str, ...] = ("human",), **more: Any
) -> Any:
    """A paradigm as long as TASKS says."""
    options, trials = TASKS[name]
    task = ca.paradigms.get(name)(**(options | more))
    return ca.run(task, arms=arms, model=model, people=asked.people, trials=trials, seed=asked.seed)


def same(asked: program.Program) -> pd.DataFrame:
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
        a, b = (run(name, model, asked).frame for model in (MODEL, None))
        ms = [f["rt"].fillna(-1).to_numpy() for f in (a, b)]
        time = np.abs(ms[0] - ms[1]) > 0.001
        said = _places(a) != _places(b) if name in REPORTS else np.zeros(len(a), bool)
        for column in ("score", "answered", "says_changed", "T1", "T2"):
            if column in a:
                said |= a[column].to_numpy() != b[column].to_numpy()
        rows.append(
            {"paradigm": name, "time or answer differs": (time | said).mean(), "answer differs": said.mean()}
        )
    return pd.DataFrame(rows)


def _places(frame: pd.DataFrame) -> Any:
    """Which targets each report names, as words: the seer says letters in the order of places ("A . T"), a mind
    without a network the elements (`t0 t2`). How many are right is compared beside it."""

    def places(report: str) -> str:
        said = report.split()
        if all(re.fullmatch(r"[td]\d+", word) for word in said):
            return " ".join(word for word in said if word.startswith("t"))
        return " ".join(f"t{i}" for i, word in enumerate(said) if word != ".")

    return frame["response"].map(places).to_numpy()


def confused(asked: program.Program) -> dict[str, float]:
    """Are the letters that people name confused as the network confuses them? And similar letters more than others?"""
    plan = make_plan("whole_report", ("human",), MODEL, asked.people, 100, asked.seed, None, None)
    cell = Cell("human", plan.paradigm.conditions()[-1])
    minds, network = plan.crowd(), find(MODEL, "cpu")
    person, trial = np.divmod(np.arange(asked.people * 100), 100)
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
        "confusion of similar pairs": float(either[top].mean() / 2),
        "confusion of other pairs": float(either[~top].mean() / 2),
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


def effects(asked: program.Program) -> dict[str, pd.DataFrame]:
    """What comes out of the logits alone: guidance, slopes, flankers over distance, words and inks."""
    network: Any = find(MODEL, "cpu")
    keys = trial_keys(5 + 10 * asked.seed, np.arange(300), 0)
    guided = []
    for name in DISPLAYS:
        looked = network.look(displays.search(name, 12, True, keys).scene, keys)
        gap = looked.logits[:, 0] - looked.logits[:, 1:].mean(1)
        guided.append(
            {"display": name, "logit of target less distractor": gap.mean(), "of the reference": network.gap}
        )
    found = run("visual_search", MODEL, asked, ("human", "softmax"))
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
        frame = run("flanker", MODEL, asked).frame
        rt = 1000 * frame[frame["correct"]].groupby("congruence")["rt"].mean()
        error = frame.groupby("congruence")["error"].mean()
        rows.append({"gap": gap, "margin congruent": m[1].mean(), "margin incongruent": m[-1].mean(),
                     "effect": rt[-1] - rt[1], "errors": error[-1] - error[1]})  # fmt: skip
    displays.KNOWN["arrows"] = known
    words, known = [], displays.KNOWN["words"]
    for task in ("name the ink", "read the word"):
        displays.KNOWN["words"] = partial(_words, asked=task)
        m = {}
        for k in (1, 0, -1):
            d1 = displays.coloured_word(k, keys, task)
            m[k] = margin_of(d1, network.look(d1.scene, keys)).mean()
        frame = run("stroop", MODEL, asked, trials=40).frame
        rt = 1000 * frame[frame["correct"]].groupby("congruence")["rt"].mean()
        words.append(
            {
                "asked": task,
                "margin congruent": m[1],
                "margin neutral": m[0],
                "margin incongruent": m[-1],
                "effect": rt[-1] - rt[1],
            }
        )
    displays.KNOWN["words"] = known
    return {"search": search, "flankers": pd.DataFrame(rows), "words": pd.DataFrame(words)}


#: What a decision takes: (n, 2), its pace as a factor, the chance to be right.
Rule = Callable[[SeenBatch, Any], Any]


@contextmanager
def counted(rule: Rule) -> Iterator[None]:
    """Decisions under limits take this instead of what `runs.seen` gives them: only to ask what would follow."""
    own = SeenBatch.seen

    def seen(batch: SeenBatch, limited: bool) -> Any:
        out = own(batch, limited)
        if limited and batch.display.kind == "decides":
            out[:, 0] = rule(batch, out[:, 0])
        return out

    with mock.patch.object(SeenBatch, "seen", seen):
        yield


def _by_weight(batch: SeenBatch, _: Any) -> Any:
    """Every element is categorised, target or not, in proportion to the mind's weight of it times eta (TVA)."""
    rate = batch.eta * _mean_weights(batch.network, batch.looked.logits)[..., None]  # (n, elements, answers)
    right = np.take_along_axis(rate.sum(1), batch.display.label[:, :1], 1)[:, 0]
    total = rate.sum((1, 2))
    return np.stack([total / batch.stream.stimuli[0].evidence, right / total], 1)


def _by_share(batch: SeenBatch, own: Any, share: float) -> Any:
    """The same share of categorisations is of the flankers in every trial."""
    return np.stack([own[:, 0], (1 - share) * own[:, 1] + share * batch.right[:, 1:].mean(1)], 1)


def _mean_weights(network: Any, logits: Any) -> Any:
    """The mind's weights of elements over that of the first, at the alpha of the mean adult."""
    gain = race.gain_for(np.array([ca.Observer().alpha]), network.gap)[0]
    return np.exp(gain * (logits - logits[:, :1]))


def why(asked: program.Program) -> dict[str, pd.DataFrame]:
    """Why flankers disturb it so little: who selects how sharply, and what would follow if their evidence counted."""
    network: Any = find(MODEL, "cpu")
    keys, known = trial_keys(5 + 10 * asked.seed, np.arange(300), 0), displays.KNOWN["arrows"]
    weights, shares = [], []
    for gap in GAPS:
        shown = displays.flanked(-1, keys, gap)
        logits = network.look(shown.scene, keys).logits
        soft = np.exp(logits - logits.max(1, keepdims=True))
        displays.KNOWN["arrows"] = partial(_arrows, gap=gap)
        with counted(_by_weight):
            frame = run("flanker", MODEL, asked).frame
        weights.append({
            "gap": gap, "logit of target less flanker": (logits[:, 0] - logits[:, 1:].mean(1)).mean(),
            "of the reference": network.gap, "weight of a flanker": _mean_weights(network, logits)[:, 1:].mean(),
            "attention of the network on both": (soft[:, 1:].sum(1) / soft.sum(1)).mean(),
            **_flanked(frame),
        })  # fmt: skip
    displays.KNOWN["arrows"] = known
    for share in SHARES:
        with counted(partial(_by_share, share=share)):
            frame = run("flanker", MODEL, asked).frame
        shares.append({"share": share, **_flanked(frame)})
    task = ca.paradigms.get("flanker")()
    people = {m.metric: m.human for m in task.metrics(frame)}
    shares.append({"share": np.nan, **{name: people[name] for name in COSTS}})
    return {"flanker_weights": pd.DataFrame(weights), "flanker_shares": pd.DataFrame(shares)}


def _flanked(frame: pd.DataFrame) -> dict[str, float]:
    """What flankers cost."""
    found = {m.metric: m.value for m in ca.paradigms.get("flanker")().metrics(frame)}
    return {name: found[name] for name in COSTS}


def bands(asked: program.Program) -> pd.DataFrame:
    """Share of the bands of human/targets.csv, by paradigm, for the two arms."""
    parts, measures = [], []
    for name in TASKS:
        runs = [run(name, MODEL, asked, ("human", "softmax"))]
        table = fill(human.targets(), values_of(runs))
        own = table[table["model"].notna() | table["softmax"].notna()]
        parts.append({"paradigm": name, "bands": len(own), "human": int(own["inside"].fillna(False).sum()),
                      "softmax": int(own["softmax_inside"].fillna(False).sum())})  # fmt: skip
        print(parts[-1], flush=True)
        measures.append(own.assign(paradigm=name))
    files.write_text(asked.out / "measures.csv", pd.concat(measures).to_csv(index=False))
    return pd.DataFrame(parts)


TABLES = ("bands", "search", "flankers", "words", "confused", "same")


def kept(out: Path) -> dict[str, pd.DataFrame]:
    """The tables of the last run; where there was none, those of the repository."""
    own = all((out / f"{name}.csv").is_file() for name in TABLES)
    place = out if own else REFERENCE / Path(__file__).stem
    return {name: pd.read_csv(place / f"{name}.csv") for name in TABLES}


def figure(found: dict[str, pd.DataFrame]) -> Figure:
    """Bands by paradigm, search, flankers over distance, words and inks; one figure, from the tables."""
    with plot.style() as plt:
        plt.rcParams["axes.titlesize"] = 9.5
        fig, axes = plt.subplot_mosaic("AB;CD", figsize=(11, 8), layout="constrained")
        known = plot.pens(["human", "softmax"])
        _bands(axes["A"], found["bands"], known)
        _slopes(axes["B"], found["search"], known["human"])
        _over_distance(axes["C"], found["flankers"], known["human"])
        _both_ways(axes["D"], found["words"], known["human"])
        handles, names = axes["A"].get_legend_handles_labels()
        star = next(h for h in axes["B"].get_lines() if h.get_marker() == "*")
        fig.legend([*handles, star], [*names, "people"], loc="outside lower center", ncols=4)
    return fig


def _bands(ax: Any, table: pd.DataFrame, known: dict[str, plot.Pen]) -> None:
    table = table[table["bands"] > 0].iloc[::-1]
    y, total = np.arange(len(table)), table[["bands", "human", "softmax"]].sum()
    ax.barh(y, table["bands"], 0.8, color="#E6E6E6", label="bands of people")
    for arm, shift in (("human", 0.18), ("softmax", -0.18)):
        words = {"human": "the seer under human limits", "softmax": "the seer with softmax attention"}[arm]
        ax.barh(y + shift, table[arm], 0.32, color=known[arm].color, label=words)
    ax.set_yticks(y, table["paradigm"].str.replace("_", " "))
    inside = f"Inside {total['human']} of {total['bands']} bands of people;"
    title = f"{inside}\nwith softmax attention inside {total['softmax']}"
    ax.set(xlabel="bands", title=title)


def _rank(x: pd.Series) -> str:
    words = ["feature", "conjunction", "2 among 5s"]
    return " < ".join(words[i] for i in np.argsort(x.to_numpy()))


def _order(table: pd.DataFrame, there: str) -> str:
    own, people = (_rank(table[f"{who} {there}"]) for who in ("slope", "people"))
    return "people's order" if own == people else f"the order {own}"


def _slopes(ax: Any, table: pd.DataFrame, pen: plot.Pen) -> None:
    for there, hollow in (("present", False), ("absent", True)):
        at = np.arange(len(table)) + (0.2 if hollow else -0.2)
        inside = "white" if hollow else pen.color
        label = "no target" if hollow else "target"
        ax.bar(at, table[f"slope {there}"], 0.36, color=inside, edgecolor=pen.color, label=label)
        ax.plot(at, table[f"people {there}"], "*", color=plot.PEOPLE, markersize=9)
    ax.set_xticks(range(len(table)), ["feature", "conjunction", "2 among 5s"])
    there, absent = (_order(table, word) for word in ("present", "absent"))
    ax.set(
        ylabel="search slope [ms per item]",
        title=f"Search slopes with a target stand in {there},\nwithout one in {absent}",
    )
    ax.legend(loc="upper left")


def _over_distance(ax: Any, table: pd.DataFrame, pen: plot.Pen) -> None:
    ax.plot(table["gap"], table["effect"], **pen.line)
    near = table["effect"].iloc[0]
    ax.axvspan(table["gap"].iloc[0] - 1, WIDEST, color="#E6E6E6", zorder=0)
    ax.text(WIDEST + 0.5, 0.95 * near, "grey: arrows may overlap", va="top", fontsize=8)
    ax.set(xlabel="distance of the flankers [px]", ylabel="incongruent less congruent [ms]")
    low, high = _apart(table)
    ax.set(
        title=f"Flankers that do not overlap cost\n{low:.0f} to {high:.0f} ms",
        ylim=(min(0.0, 1.1 * low), None),
    )


def _apart(table: pd.DataFrame) -> tuple[float, float]:
    """The least and the largest effect of flankers that stand too far away to overlap."""
    effect = table.loc[table["gap"] >= WIDEST, "effect"]
    return float(effect.min()), float(effect.max())


def _both_ways(ax: Any, table: pd.DataFrame, pen: plot.Pen) -> None:
    known = human.targets().set_index("metric").query("phenomenon == 'Stroop'")["human"]
    ax.bar(range(2), table["effect"], 0.5, color=[pen.color, "white"], edgecolor=pen.color)
    ax.plot([0], [known["incongruent minus congruent RT"]], "*", color=plot.PEOPLE, markersize=9)
    ax.axhline(0, color=plot.PEOPLE, linewidth=0.8)
    ax.set_xticks(range(2), ["the ink of a word is named", "a word in ink is read"])
    word, ink = table["effect"]
    ax.set(ylabel="incongruent less congruent [ms]")
    back = f"do not delay reading ({ink:.0f} ms)" if ink <= 0 else f"delay reading by {ink:.0f} ms"
    ax.set(title=f"Words delay the naming of inks by {word:.0f} ms,\ninks {back}")


def answer(found: dict[str, pd.DataFrame]) -> str:
    """The finding in a line."""
    total = found["bands"][["bands", "human", "softmax"]].sum()
    human, soft = (program.share(int(total[arm]), int(total["bands"])) for arm in ("human", "softmax"))
    low, high = _apart(found["flankers"])
    return (
        f"With evidence from pixels {human} bands of people are reached, with softmax attention {soft}; flankers that "
        f"do not overlap cost {low:.0f} to {high:.0f} ms (people 32), with no constant fitted to it"
    )


PARTS = ("same", "confused", "effects", "why", "bands", "figure")
OPTIONS: program.Options = {
    "--only": {"choices": PARTS, "help": "a part; figure: from the tables that are there"}
}


def main() -> None:
    asked = program.asked(__doc__, __file__, people=12, options=OPTIONS)

    def write(name: str, table: pd.DataFrame) -> None:
        print(table.round(3).to_string(), flush=True)
        files.write_text(asked.out / f"{name}.csv", table.to_csv(index=False))

    def wanted(part: str) -> bool:
        return asked.more.only in (None, part)

    if wanted("confused"):
        write("confused", pd.Series(confused(asked), name="value").rename_axis("what").reset_index())
    if wanted("effects"):
        for name, part in effects(asked).items():
            write(name, part)
    if wanted("why"):
        for name, part in why(asked).items():
            write(name, part)
    if wanted("same"):
        write("same", same(asked))
    if wanted("bands"):
        write("bands", bands(asked))
    if wanted("figure"):
        found = kept(asked.out)
        asked.keep(answer(found), found, figure(found))


if __name__ == "__main__":
    program.run(main)
