"""Does a language model forget as people do? Digit span, n-back, facts and a needle as texts, beside people's tables.

    python simulations/does_a_language_model_forget_as_people_do.py           # lists and facts
    python simulations/does_a_language_model_forget_as_people_do.py --needle  # a fact among 250, 1,000 and 4,000 words
    python simulations/does_a_language_model_forget_as_people_do.py --layers  # which layers must be limited

SmolLM2 reads each text twice: with softmax attention alone, and with what a mind has lost closed in layers 20 to 29
(facts, docs/limit_your_own_network.md) or 10 to 29 (lists that are said again, docs/texts.md). What is lost is decided
before the network runs: in digit span by the paradigm's own minds (K slots and rehearsal), elsewhere by a store of K
slots in which the new displaces at random.

Digit span and 1-, 2-, 3-back have tables of people (522 and 85; long lists were met by those of them who are good at
it). For facts and the needle nobody's answers are at hand. A needle's text is read once without limits and asked
through the gate. Needs `cogattn[pretrained]`; on a free core 5 minutes, the needle 6 more. Needle and
layers have a folder of their own.
"""

from __future__ import annotations

import copy
import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import norm

import cogattn as ca
from cogattn import human
from cogattn.nn import pretrained
from cogattn.nn.gate import GateState
from cogattn.nn.huggingface import limit
from cogattn.nn.memory import eviction_plan
from cogattn.nn.recital import DIGITS, recited
from cogattn.nn.text_tasks import COLOURS, FILLER, LETTERS, THINGS, Asker, facts, right
from cogattn.paradigms.digit_span import DigitSpan
from cogattn.runs import program
from cogattn.view import plot

if TYPE_CHECKING:
    import argparse

    from matplotlib.figure import Figure

FACTS, LISTED = list(range(20, 30)), list(range(10, 30))  #: layers limited
SLOTS = ca.Observer().slots
LENGTHS, LISTS = (3, 4, 5, 6, 7, 8, 9), 5
BLOCK, JUDGED = 8, 40  #: letters before those of n ago; judgements of each n
TEXTS = {250: 4, 1000: 2, 4000: 1}  #: of so many words, how many
DRAWS, BEHIND = 4, (1, 2, 4, 16)  #: minds; needles so many sentences behind, and one at the beginning
Rows = list[dict[str, Any]]


def row(task: str, level: float, arm: str, x: Any, **more: Any) -> dict[str, Any]:
    """The mean of single answers, with its standard error (never 0: as if one more half answer were wrong)."""
    x = np.asarray(x, float)
    p = (x.sum() + 0.5) / (len(x) + 1)
    error = math.sqrt(p * (1 - p) / len(x))
    return {"task": task, "level": level, "arm": arm, "value": x.mean(), "error": error, "n": len(x)} | more


def digit_span(asker: Asker, people: int, seed: int) -> Rows:
    """Whole lists right by length, and single digits by place in lists of eight."""
    span = DigitSpan(lengths=LENGTHS, directions=("forward",), trials=LISTS)
    minds = ca.run(span, arms=("human",), people=people, seed=1 + seed).frame
    known = human.table("digit_span_by_length_sro").query("condition == 'forward'").set_index("num_digits")
    dice = np.random.default_rng(1 + seed)
    frames = {"mind alone": minds, "human limits": minds.copy(), "softmax": minds.copy()}
    lost: list[npt.NDArray[np.bool_]] = []
    for n, own in minds.groupby("length"):
        places = [f"p{i + 1}" for i in range(int(n))]
        lists = dice.integers(0, 10, (len(own), int(n)))
        held = own[places].to_numpy() > 0.5
        for arm, keep in (("softmax", None), ("human limits", held)):
            hit = recited(asker, lists, DIGITS, keep, start="The digits are:") == lists
            frames[arm].loc[own.index, places] = hit.astype(float)
            frames[arm].loc[own.index, "correct"] = hit.all(1)
            if keep is not None:
                lost.append(hit[~held])
        print(f"lists of {n} digits", flush=True)
    out: Rows = []
    for arm, frame in frames.items():
        for n, own in frame.groupby("length"):
            theirs = {"people": known["p_correct"].get(n), "people_n": known["n_sub"].get(n)}
            out.append(row("digit span", n, arm, own["correct"], **theirs))
        for i in range(8):
            out.append(row("place in eight digits", i + 1, arm, frame.query("length == 8")[f"p{i + 1}"]))
    return [*out, row("digits", 0, "lost", np.concatenate(lost), chance=0.1)]


def layers(model: Any, tokenizer: Any, seed: int) -> pd.DataFrame:
    """24 lists of six digits of which one is lost: right on what is lost and on what is held, by the layers limited."""
    dice, n, lists = np.random.default_rng(5 + seed), 6, 24
    digits, lost = dice.integers(0, 10, (lists, n)), dice.integers(0, n, lists)
    keep, out = np.ones((lists, n), bool), []
    keep[np.arange(lists), lost] = False
    once = "four, one, nine, six, two"
    start = f"The digits are: {once}\nI repeat, they are: {once}\nThe digits are:"
    for band in (range(10), range(5, 15), range(10, 20), range(20, 30), range(10, 30), range(30)):
        hit = recited(Asker(model, tokenizer, list(band), batch=lists), digits, DIGITS, keep, start) == digits
        said = {"layers": f"{band[0]}-{band[-1]}", "lost": hit[~keep].mean(), "held": hit[keep].mean()}
        out.append(said | {"free": np.nan})
        print(said, flush=True)
    hit = recited(Asker(model, tokenizer, [29], batch=lists), digits, DIGITS, None, start) == digits
    return pd.DataFrame([*out, {"layers": "none", "lost": np.nan, "held": np.nan, "free": hit.mean()}])


def n_back(asker: Asker, _: int, seed: int) -> Rows:
    """d' of "the same letter as n ago?": the model says the list up to that letter; same if it is the one at hand."""
    table, dice, out = human.table("nback").set_index("load"), np.random.default_rng(2 + seed), []
    for n in (1, 2, 3):
        count = BLOCK + n
        lists = dice.integers(0, len(LETTERS), (JUDGED, count))  # without the letter that is at hand
        same = dice.random(JUDGED) < 1 / 2
        others = (lists[:, -n] + dice.integers(1, len(LETTERS), JUDGED)) % len(LETTERS)
        here = np.where(same, lists[:, -n], others)
        held = eviction_plan(SLOTS, count + 1, seed=n + seed, batch=JUDGED).alive[:, -1, :count]
        for arm, keep in (("softmax", None), ("human limits", held)):
            said = recited(asker, lists, LETTERS, keep, start="The letters are:")[:, -n]
            d, error = d_prime((said == here)[same], (said == here)[~same])
            of = {"people": table["dprime"][n], "people_n": table["n_sub"][n], "n": JUDGED}
            out.append({"task": "n-back (d')", "level": n, "arm": arm, "value": d, "error": error} | of)
        print(f"{n}-back", flush=True)
    return out


def d_prime(hits: npt.NDArray[np.bool_], alarms: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """d' with half an answer added to each cell (Hautus 1995), and its standard error."""
    h, f = ((x.sum() + 0.5) / (len(x) + 1) for x in (hits, alarms))
    spread = [p * (1 - p) / (len(x) * norm.pdf(norm.ppf(p)) ** 2) for p, x in ((h, hits), (f, alarms))]
    return float(norm.ppf(h) - norm.ppf(f)), math.sqrt(sum(spread))


def probed_facts(asker: Asker, _: int, seed: int, items: int = 16) -> Rows:
    """One of so many facts is asked for."""
    out = []
    for count in (4, 8, 12):
        some = facts(np.arange(2000 + seed, 2000 + seed + items, dtype=np.uint64), count)
        keep = _held(count, items, count + seed)
        for arm, gate in (("softmax", None), ("human limits", GateState(keep=torch.from_numpy(keep)))):
            out.append(
                row("facts", count, arm, right(some, asker.answer(some, gate)), chance=1 / len(THINGS))
            )
        print(f"{count} facts", flush=True)
    return out


def _held(count: int, rows: int, seed: int) -> npt.NDArray[np.bool_]:
    """(rows, count): what a store of K slots holds when all have come."""
    alive = eviction_plan(SLOTS, count + 1, seed=seed, batch=rows).alive
    held: npt.NDArray[np.bool_] = alive[:, -1, :count]
    return held


def needle(asker: Asker, _: int, seed: int) -> Rows:
    """Facts at several distances from the end of a long text: one reading of it, each asked for by itself."""
    out: Rows = []
    for words, texts in TEXTS.items():
        hits: dict[tuple[str, int], list[bool]] = {}
        for text in range(texts):
            sentences, colours, things, places = _story(words, seed=100 * words + text + seed)
            coded = [asker._tokens(s) for s in sentences]
            of = torch.tensor([-1] + [i for i, c in enumerate(coded) for _ in c])
            ids = torch.tensor([[asker.start] + [t for c in coded for t in c]])
            with torch.no_grad():
                cache = asker.model(input_ids=ids, logits_to_keep=1, use_cache=True).past_key_values
            held = np.vstack(
                [np.ones((1, len(sentences)), bool), _held(len(sentences), DRAWS, seed=text + seed)]
            )
            gate = GateState(keep=torch.from_numpy(held)[:, of.clamp(min=0)] | (of < 0))
            for colour, thing, at in zip(colours, things, places, strict=True):
                said = _asked(asker, cache, gate, colour)
                behind = len(sentences) - at
                hits.setdefault(("softmax", behind), []).append(said[0] == thing)
                hits.setdefault(("human limits", behind), []).extend((said[1:] == thing).tolist())
                lost = said[1:][~held[1:, at]] == thing
                hits.setdefault(("lost", 0), []).extend(lost.tolist())
            print(f"{words} words, text {text + 1}: {ids.shape[1]} tokens", flush=True)
        out += [row(f"needle in {words} words", b, arm, x, chance=1 / 6) for (arm, b), x in hits.items()]
    return out


def _story(words: int, seed: int) -> tuple[list[str], list[str], list[int], list[int]]:
    """Sentences, of which a few are facts: their colours, things and places."""
    dice, count = np.random.default_rng(seed), words // 8
    sentences = [FILLER[i] + " " for i in dice.integers(0, len(FILLER), count)]
    places = [*(count - b for b in BEHIND), 0]
    colours = [COLOURS[i] for i in dice.permutation(len(COLOURS))[: len(places)]]
    things = dice.integers(0, len(THINGS), len(places)).tolist()
    for at, colour, thing in zip(places, colours, things, strict=True):
        sentences[at] = f"The {colour} box holds the {THINGS[thing]}. "
    return sentences, colours, things, places


def _asked(asker: Asker, cache: Any, gate: GateState, colour: str) -> npt.NDArray[np.int64]:
    """(rows of the gate,): what the box of that colour is said to hold."""
    rows = gate.rows or 1
    mine = copy.deepcopy(cache)
    mine.batch_repeat_interleave(rows)
    asked = asker._tokens(f"\nQuestion: What does the {colour} box hold?\nAnswer: The {colour} box holds the")
    options = [asker._tokens(f" {thing}")[0] for thing in THINGS]
    ids = torch.tensor([asked] * rows)
    with torch.no_grad(), limit(asker.model, gate, asker.layers, sinks=1):
        logits = asker.model(input_ids=ids, **{_named(asker.model): mine}, logits_to_keep=1).logits
    said: npt.NDArray[np.int64] = logits[:, -1, options].argmax(-1).numpy()
    return said


def _named(model: Any) -> str:
    """How the model calls its cache: before transformers 5.24 it had the long name."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def draw(table: pd.DataFrame) -> Figure:
    """A panel per task: arms and people over its levels."""
    tasks = [t for t in table["task"].unique() if table.query("task == @t")["level"].nunique() > 1]
    colours = {
        "softmax": plot.pens(["softmax"])["softmax"].color,
        "human limits": plot.pens(["human"])["human"].color,
    }
    with plot.style() as plt:
        figure, axes = plt.subplots(1, len(tasks), figsize=(3.1 * len(tasks), 3.3))
        for axis, task in zip(np.atleast_1d(axes), tasks, strict=True):
            own = table[(table["task"] == task) & (table["arm"] != "lost")]
            for arm, part in own.groupby("arm", sort=False):
                color, dash = colours.get(str(arm), "0.6"), ":" if arm == "mind alone" else "-"
                axis.errorbar(
                    part["level"],
                    part["value"],
                    1.96 * part["error"],
                    label=arm,
                    color=color,
                    ls=dash,
                    marker="o",
                    ms=3,
                )
            if "people" in own and own["people"].notna().any():
                known = own.drop_duplicates("level")
                axis.plot(known["level"], known["people"], "*", color=plot.PEOPLE, ms=8, label="people")
            if "chance" in own and own["chance"].notna().any():
                axis.axhline(own["chance"].iloc[0], color="0.7", lw=0.8, ls="--")
            axis.set(title=task, ylim=None if "d'" in task else (-0.03, 1.05))
        np.atleast_1d(axes)[0].legend()
    return figure


def finding(table: pd.DataFrame) -> list[str]:
    """How far each arm is from people, in a line per task."""
    lines = []
    if "people" in table:
        known = table[table["people"].notna()]
        far = (
            (known["value"] - known["people"]).abs().groupby([known["task"], known["arm"]], sort=False).mean()
        )
        lines = [f"{task}: {arm} is {x:.2f} from people" for (task, arm), x in far.items()]
    else:
        for (task, arm), own in table.groupby(["task", "arm"], sort=False):
            share = np.average(own["value"], weights=own["n"])
            lines.append(
                f"{task}: {arm} is right on {share:.2f} of {own['n'].sum()} (chance {1 / len(THINGS):.2f})"
            )
        return lines
    lost = table[table["arm"] == "lost"]
    lines += [
        f"{r.task}: right on what is lost {r.value:.2f} (chance {r.chance:.2f})" for r in lost.itertuples()
    ]
    return lines


def answer(table: pd.DataFrame) -> str:
    """The finding in a line: shares right, all levels of a task together, with their intervals."""
    parts = []
    for task in dict.fromkeys(table["task"]):
        own = table[(table["task"] == task) & table["arm"].isin(["softmax", "human limits"])]
        if own.empty or task == "place in eight digits":
            continue
        told = []
        for arm, rows in own.groupby("arm", sort=False):
            half = 1.96 * math.sqrt(float((rows["error"] ** 2).sum())) / len(rows)
            told.append(
                f"{program.about(rows['value'].mean(), half)} {'free' if arm == 'softmax' else 'limited'}"
            )
        people = own["people"].mean() if "people" in own else math.nan
        parts.append(f"{task} {', '.join(told)}" + ("" if math.isnan(people) else f", people {people:.2f}"))
    return "SmolLM2 without and with human limits: " + "; ".join(parts)


def layered(found: pd.DataFrame) -> tuple[str, Figure]:
    """The finding about layers in a line, and a figure."""
    some = found[found["layers"] != "none"]
    best = some.loc[(some["held"] - some["lost"]).idxmax()]
    lost, held = (program.share(round(24 * n * p), 24 * n) for n, p in ((1, best["lost"]), (5, best["held"])))
    with plot.style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 3.6))
        for column, pen in zip(("lost", "held"), plot.pens(["softmax", "human"]).values(), strict=True):
            ax.plot(
                some["layers"],
                some[column],
                **pen.line,
                label=column,
            )
        ax.set(xlabel="layers that are limited", ylabel="digits right [share]", ylim=(-0.03, 1.05))
        ax.legend(title="the digit was")
    text = f"Limits in layers {best['layers']} lose what is lost and keep the rest best: right on {lost} of what is "
    return f"{text}lost, on {held} of what is held (without limits on {found['free'].iloc[-1]:.0%})", figure


def which(more: argparse.Namespace) -> str:
    """The folder within that of the results, of what is asked."""
    return "layers" if more.layers else "needle" if more.needle else ""


OPTIONS: program.Options = {
    "--needle": {"action": "store_true", "help": "a fact in a long text, instead of the lists"},
    "--layers": {"action": "store_true", "help": "which layers must be limited so that lists are lost"},
}


def main() -> None:
    asked = program.asked(__doc__, __file__, people=5, options=OPTIONS, part=which)
    model, tokenizer = pretrained.load("smollm2")
    seed = 10**5 * asked.seed
    if asked.more.layers:
        found = layers(model, tokenizer, seed).round(4)
        text, figure = layered(found)
        asked.keep(text, {"layers": found}, figure)
        return
    known, listed = Asker(model, tokenizer, FACTS), Asker(model, tokenizer, LISTED)
    lists = [(digit_span, listed), (n_back, listed), (probed_facts, known)]
    tasks = [(needle, known)] if asked.more.needle else lists
    table = pd.DataFrame([one for task, asker in tasks for one in task(asker, asked.people, seed)])
    name = "needle" if asked.more.needle else "lists"
    asked.keep(answer(table), {name: table.round(4)}, draw(table), *finding(table))


if __name__ == "__main__":
    program.run(main)
