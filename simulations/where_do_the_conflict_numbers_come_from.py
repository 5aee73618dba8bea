"""Where do the numbers of conflict come from? One law and one lead for flankers, Stroop's words, and Simon's side.

    python simulations/where_do_the_conflict_numbers_come_from.py

`laws.conflict`: categorisations are counted until one answer leads by r; what is irrelevant competes by its weight
(sqrt(alpha) times that of the task), and pushes its answer in a pulse that rises and fades with the counting. People
differ as `Population.adults` does (16 of them, without their states of the day). For each task: how fast it is told
(rate) and what takes time beside (its sd is one share of it in all tasks), from quantiles of right response times,
their delays, and accuracy by fifth. The push (activation, and the count at which it is at its height) is ONE for
flankers and words, and Simon's side has its own. r and the share are chosen for all tasks together; `--leads` and
`--shares` say among which. `slip` comes from congruent errors, the variation of the rate from simple response times.

Beside that stand other ties of the push (ties.csv): none, one for all three tasks, and one for flankers and words whose
peak is the same in seconds. (That each person's push keeps that person's own pace was tried: it fits as well, but then
speed can hardly be told from alpha in one person's flankers.)

The attention networks have the push of the flankers: rate and time beside come from their own means (all cues), errors
and sds. What neutral lines, which weigh nothing, save or cost beside congruent arrows says how much an arrow weighs:
it is shown for the weight in use. A lead of 3.5 fits somewhat better than 3 (misfit 96 for 104): 3 is in use, since it
is whole, and its numbers are shown. About 8 min.
"""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

import cogattn as ca
from cogattn import human
from cogattn.laws.conflict import SELECTED, Conflict, Summary
from cogattn.paradigms.conflict import HAND_SD, Conflicting, Flanker, Simon, Stroop
from cogattn.runs import program
from cogattn.view import plot

PEOPLE = ca.Population.adults().sample(16)  #: others, if so many others are asked for
USUAL = ca.Observer()
TASKS: dict[str, Conflicting] = {task.name: task for task in (Flanker(), Stroop(), Simon())}
TABLES = {name: human.fit(f"{task.table}_caf_delta") for name, task in TASKS.items()}
NAMES = ("evidence_rate", "activation", "counts to the peak", "non_decision_time")
#: Tasks that share a push.
TIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "flankers and words": (("flanker", "stroop"), ("simon",)),
    "none": (("flanker",), ("stroop",), ("simon",)),
    "all": (("flanker", "stroop", "simon"),),
}
IN_USE, SECONDS = "flankers and words", ", peak in s"
Fits = dict[str, tuple[np.ndarray, float]]  # task: (its numbers, its misfit)
OPTIONS: program.Options = {
    "--leads": {"type": float, "nargs": "+", "default": [2.5, 3.0, 3.5], "help": "leads that are tried"},
    "--shares": {
        "type": float,
        "nargs": "+",
        "default": [HAND_SD],
        "help": "sds of the time beside, as shares",
    },
}


def start(task: Conflicting) -> tuple[float, ...]:
    """Where the search begins: at the numbers in use, a little off."""
    rate = task.evidence_rate
    return 1.1 * rate, 1.1 * task.activation, task.peak * rate * USUAL.speed, 1.1 * task.non_decision_time


def columns(task: Conflicting) -> tuple[tuple[str, str], tuple[str, str]]:
    """Accuracy and quantiles in its table, congruent and incongruent."""
    right = (task.easy_accuracy, task.accuracy)
    return right, (right[0].replace("acc", "q"), right[1].replace("acc", "q"))


def people(x: np.ndarray, weight: float, lead: float, share: float, kind: str) -> Summary:
    """The mean of people at a task: evidence rate, activation, its peak (in categorisations of the mean adult), time
    beside [s]."""
    rate, activation, counts, beside = x
    each, peak = [], counts / (rate * USUAL.speed)
    for o in PEOPLE:
        law = Conflict(
            rate * o.speed, max(1.0, o.evidence_threshold - USUAL.evidence_threshold + lead),
            weight * o.alpha**SELECTED, activation, peak, beside * o.hand, share * beside * o.hand,
            min(0.5, o.speed_sd / o.speed), o.slip,
        )  # fmt: skip
        each.append(law.summary(kind))
    return Summary(*(np.mean([getattr(s, f) for s in each], 0) for f in Summary.__dataclass_fields__))


def odds(share: object) -> np.ndarray:
    """The logarithm of the odds."""
    p = np.clip(np.asarray(share, float), 0.002, 0.998)
    return np.asarray(np.log(p / (1 - p)))


def off(task: Conflicting, x: np.ndarray, lead: float, share: float) -> np.ndarray:
    """How far from people: quantiles in 10 ms, delays in 5 ms, accuracy in .5 (congruent) and .3 of log odds."""
    (easy, hard), (fast, slow) = columns(task)
    table = TABLES[task.name]
    c, i = (people(x, task.weight, lead, share, kind) for kind in ("congruent", "incongruent"))
    delay = (i.quantiles - c.quantiles) * 1000 - (table[slow] - table[fast])
    return np.concatenate([
        (c.quantiles * 1000 - table[fast]) / 10, delay / 5,
        (odds(c.accuracy) - odds(table[easy])) / 0.5, (odds(i.accuracy) - odds(table[hard])) / 0.3,
    ])  # fmt: skip


def fitted(names: tuple[str, ...], lead: float, share: float, seconds: bool = False) -> Fits:
    """The numbers of tasks that share a push, and the misfit of each."""
    first = {name: start(TASKS[name]) for name in names}
    begin = [float(np.mean([x[k] for x in first.values()])) for k in (1, 2)]
    if seconds:  # one peak in s: where the rate of the mean adult would have it
        begin[1] = float(np.mean([x[2] / (x[0] * USUAL.speed) for x in first.values()]))
    begin += [v for x in first.values() for v in (x[0], x[3])]

    def numbers(log: np.ndarray) -> dict[str, np.ndarray]:
        activation, peak, *own = np.exp(log)
        rates = dict(zip(names, own[::2], strict=True))
        counts = {n: peak * rates[n] * USUAL.speed if seconds else peak for n in names}
        return {
            n: np.array([rates[n], activation, counts[n], b]) for n, b in zip(names, own[1::2], strict=True)
        }

    def rows(log: np.ndarray) -> np.ndarray:
        return np.concatenate([off(TASKS[n], x, lead, share) for n, x in numbers(log).items()])

    fit = least_squares(rows, np.log(begin), diff_step=0.01, max_nfev=10, ftol=1e-3)
    misfits = np.split(fit.fun**2, len(names))  # as many rows each
    return {n: (x, float(m.sum())) for (n, x), m in zip(numbers(fit.x).items(), misfits, strict=True)}


def tied(ties: str, lead: float, share: float, seconds: bool = False) -> Fits:
    """`fitted`, for all tasks."""
    return {name: x for tie in TIES[ties] for name, x in fitted(tie, lead, share, seconds).items()}


def of_all(fits: Fits) -> float:
    """The misfit of all tasks."""
    return sum(misfit for _, misfit in fits.values())


def easy(name: str, lead: float, share: float, push: tuple[float, float], weight: float) -> np.ndarray:
    """The numbers of a task whose congruent quantiles are people's, with a push that is known from elsewhere."""
    task = TASKS[name]
    seen = TABLES[name][columns(task)[1][0]]

    def rows(x: np.ndarray) -> np.ndarray:
        rate, beside = np.exp(x)
        own = people(np.array([rate, *push, beside]), weight, lead, share, "congruent").quantiles
        return np.asarray(own * 1000 - seen) / 10

    first = start(task)
    rate, beside = np.exp(least_squares(rows, np.log([first[0], first[3]]), diff_step=0.01, max_nfev=8).x)
    return np.array([rate, *push, beside])


def networks(push: tuple[float, float], lead: float, share: float) -> pd.DataFrame:
    """Rate and time beside of the attention networks, over all cues, and what they give beside people."""
    t = human.fit("ant_sro").query("cue == 'ALL'").set_index("flanker_type")
    within = human.fit("ant_sro").query("cue != 'ALL'").groupby("flanker_type")["RT_within_sd"].mean()
    kinds, weight = ("congruent", "incongruent"), TASKS["flanker"].weight

    def played(x: np.ndarray) -> dict[str, Summary]:
        rate, beside = np.exp(x)
        numbers = np.array([rate, *push, beside])
        return {kind: people(numbers, weight, lead, share, kind) for kind in kinds}

    def rows(x: np.ndarray) -> np.ndarray:
        own = played(x)
        mean, error = ({k: getattr(s, what) for k, s in own.items()} for what in ("mean", "error"))
        conflict = t.loc["incongruent", "RT_mean"] - t.loc["congruent", "RT_mean"]
        return np.array([
            (1000 * mean["congruent"] - t.loc["congruent", "RT_mean"]) / 5,
            (1000 * (mean["incongruent"] - mean["congruent"]) - conflict) / 4,
            (odds(error["incongruent"]) - odds(1 - t.loc["incongruent", "acc_mean"])) / 0.2,
            *((1000 * own[k].sd - within[k]) / 8 for k in kinds),
        ])  # fmt: skip

    x = least_squares(rows, np.log([12.0, 0.53]), diff_step=0.02, max_nfev=8).x
    rate, beside = np.exp(x)
    found = played(x)
    lines = people(np.array([rate, *push, beside]), 0.0, lead, share, "neutral")
    rt = {kind: 1000 * s.mean for kind, s in (found | {"neutral": lines}).items()}
    told = {
        "evidence_rate": (rate, np.nan),
        "non_decision_time": (beside, np.nan),
        "congruent [ms]": (rt["congruent"], t.loc["congruent", "RT_mean"]),
        "conflict [ms]": (
            rt["incongruent"] - rt["congruent"],
            t.loc["incongruent", "RT_mean"] - t.loc["congruent", "RT_mean"],
        ),
        "neutral less congruent [ms]": (
            rt["neutral"] - rt["congruent"],
            t.loc["neutral", "RT_mean"] - t.loc["congruent", "RT_mean"],
        ),
        "errors, incongruent": (found["incongruent"].error, 1 - t.loc["incongruent", "acc_mean"]),
    }
    return pd.DataFrame([(k, *v) for k, v in told.items()], columns=["attention networks", "law", "people"])


def main() -> None:
    asked = program.asked(__doc__, __file__, people=len(PEOPLE), options=OPTIONS)
    PEOPLE[:] = ca.Population.adults().sample(asked.people, asked.seed)
    rows: list[tuple[object, ...]] = []
    found: dict[tuple[float, float], Fits] = {}
    for lead in asked.more.leads:
        for share in asked.more.shares:
            fits = found[lead, share] = tied(IN_USE, lead, share)
            total = of_all(fits)
            rows += [(lead, share, name, *x, misfit, total) for name, (x, misfit) in fits.items()]
            print(f"lead {lead:g}, share {share:g}: misfit {total:.1f}", flush=True)
    table = pd.DataFrame(rows, columns=["lead", "share", "task", *NAMES, "misfit", "of all"])
    # the lead in use, if it was asked for
    lead, share = min(found, key=lambda at: (at[0] != USUAL.evidence_threshold, of_all(found[at])))
    numbers = {name: x for name, (x, _) in found[lead, share].items()}
    ties = other_ties(found[lead, share], lead, share)
    ant = networks((numbers["flanker"][1], numbers["flanker"][2]), lead, share)
    with plot.style() as plt:
        figure, axes = plt.subplots(len(TASKS), 2, figsize=(9, 9))
        for (name, x), row in zip(numbers.items(), axes, strict=True):
            task, seen = TASKS[name], TABLES[name]
            (right, wrong), (fast, slow) = columns(task)
            c, i = (people(x, task.weight, lead, share, kind) for kind in ("congruent", "incongruent"))
            for s, column, filled in ((i, wrong, True), (c, right, False)):
                face = plot.PEOPLE if filled else "white"
                row[0].plot(
                    range(1, 6), seen[column], "*", color=plot.PEOPLE, markerfacecolor=face, markersize=8
                )
                row[0].plot(range(1, 6), s.accuracy, "-" if filled else "--", color=plot.LAW)
            row[0].set(
                xlabel="fifth of response times", ylabel="accuracy [share right]", ylim=(0.7, 1), title=name
            )
            middle = (seen[fast] + seen[slow]) / 2
            row[1].plot(middle, seen[slow] - seen[fast], "*", color=plot.PEOPLE, markersize=8, label="people")
            row[1].plot(
                (c.quantiles + i.quantiles) * 500,
                (i.quantiles - c.quantiles) * 1000,
                color=plot.LAW,
                label="law",
            )
            row[1].set(xlabel="RT of the quantile [ms]", ylabel="delay by the conflict [ms]", ylim=(0, None))
            row[1].legend()
    asked.keep(answer(table, lead, ties), {"table": table, "ties": ties, "networks": ant}, figure)


def other_ties(in_use: Fits, lead: float, share: float) -> pd.DataFrame:
    """The misfit of each task, and how many numbers there are, whatever shares a push."""
    rows = []
    for name, seconds in [(tie, False) for tie in TIES] + [(IN_USE, True)]:
        fits = in_use if name == IN_USE and not seconds else tied(name, lead, share, seconds)
        rows.append({
            "one push for": name + SECONDS * seconds, "numbers": 2 * len(TIES[name]) + 2 * len(TASKS),
            **{n: m for n, (_, m) in fits.items()}, "of all": of_all(fits),
            **{f"{k} {n}": v for n, (x, _) in fits.items() for k, v in zip(NAMES, x, strict=True)},
        })  # fmt: skip
        print(f"one push for {rows[-1]['one push for']}: misfit {rows[-1]['of all']:.1f}", flush=True)
    return pd.DataFrame(rows)


def answer(table: pd.DataFrame, lead: float, ties: pd.DataFrame) -> str:
    """The finding in a line: the lead, how others fit, and what sharing a push costs."""
    total = table.groupby("lead")["of all"].min()
    others = ", ".join(f"{at:g}: {misfit:.0f}" for at, misfit in total.items() if at != lead)
    rates = ", ".join(
        f"{row.task} {row.evidence_rate:.1f}" for row in table[table["lead"] == lead].itertuples()
    )
    beside = f" (misfit {total[lead]:.0f}; {others})" if others else f" (misfit {total[lead]:.0f})"
    of = ties.set_index("one push for")["of all"]
    return (
        f"A lead of {lead:g} categorisations for all{beside}, told at {rates} per simple response; flankers and "
        f"words push alike: misfit {of[IN_USE]:.0f}, {of['none']:.0f} each by itself, {of[IN_USE + SECONDS]:.0f} if "
        f"the peak were one in seconds, {of['all']:.0f} if Simon's side did, too; a fit of an exact law to "
        f"{len(PEOPLE)} people: no chance but who they are"
    )


if __name__ == "__main__":
    program.run(main)
