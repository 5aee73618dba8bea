"""Divided capacity: out of the bands of people as soon as a limit is another. (Inside with its own: `test_bands`.)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cogattn.paradigms import get
from cogattn.paradigms.attentional_blink import given_first
from cogattn.population import Population, Spread
from cogattn.runs.experiment import run

pytestmark = pytest.mark.full

BANDED = (
    "prp",
    "attentional_blink",
    "change_detection",
    "nback",
    "enumeration",
    "visual_search",
    "flanker",
    "stroop",
)
# The band in which attention without limits must be: nothing waits for its first response. (It takes no time, so its
# search has no slope.)
ALIKE = "RT1 at 50 minus RT1 at 800 ms"


def verdicts(name, arm="human", **how):
    table = run(name, arms=arm, people=how.pop("people", 200), **how).summary().dropna(subset=["low"])
    assert len(table) >= 1
    return dict(zip(table["metric"], table["model"].between(table["low"], table["high"]), strict=True))


@pytest.mark.parametrize("name", BANDED)
def test_attention_without_limits_is_inside_none(name):
    found = verdicts(name, "softmax", people=20)
    assert found.pop(ALIKE, True)
    assert not any(found.values())


def people_of(**changes):
    """Adults with other numbers, played one by one."""
    import pandas as pd

    def play(name):
        crowd = [replace(o, **changes) for o in Population.adults().sample(20)]
        frames = [run(name, "human", people=3, observer=o, seed=i).frame for i, o in enumerate(crowd)]
        return {m.metric: m.value for m in get(name)().metrics(pd.concat(frames))}

    return play


def test_two_choices_need_their_bottleneck():
    found = people_of(central=float("inf"))("prp")
    assert found["RT2 slope over SOA 50-150 ms"] > -0.3
    assert people_of(central_share=0.5)("prp")[ALIKE] > 100


def test_no_blink_without_consolidation():
    assert (
        people_of(dwell=0.0, dwell_sd=0.0, dwell_counts=0.0)("attentional_blink")[
            "lowest T2|T1 over asymptote"
        ]
        > 0.9
    )
    assert people_of(sparing=0.0)("attentional_blink")["lag of the minimum"] == 1


def test_more_slots_see_more_changes_and_reach_further_back():
    wide = replace(Population.adults(), slots=Spread("constant", 6.0))
    for name in ("change_detection", "nback"):
        found = verdicts(name, people=50, population=wide)
        assert not all(found.values()), name


def test_counting_begins_where_the_slots_end():
    one, six = (people_of(slots=k)("enumeration")["slope 1-4 items (published summary)"] for k in (1.0, 6.0))
    assert six < 60 < 150 < one


def test_the_blink_needs_a_mask_and_a_first_target():
    def worst(**options):
        frame = run(get("attentional_blink")(lags=(1, 2, 3, 7), **options), "human", people=30).frame
        return given_first(frame).groupby("lag")["mean"].mean().min()

    assert worst() < 0.5
    assert worst(masked=False) > 0.85
    assert worst(report_first=False) > 0.75


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("attentional_blink", "digit_reader"),
        ("change_detection", "digit_reader"),
        ("nback", "nback_reader"),
        ("prp", "digit_reader"),
    ],
)
def test_a_network_under_the_limits_does_as_the_mind_alone_and_without_them_better(name, model):
    """The same draws: what parts the limited network from the mind are its own errors."""
    both = run(name, ("human", "softmax"), model=model, people=20, seed=3).frame
    alone = run(name, ("human",), people=20, seed=3).frame
    share = both.groupby("arm")["score"].sum() / both.groupby("arm")["arrived"].sum()
    mind = alone["score"].sum() / alone["arrived"].sum()
    assert abs(share["human"] - mind) < 0.05
    assert share["softmax"] > 0.95
    assert share["softmax"] > share["human"]


def test_a_network_finds_the_2_among_5s_that_its_mind_looks_at():
    """The same visits: it misses what the mind misses, and what it misreads itself; it sees no 2 in most 5s."""
    task = get("visual_search")(displays=("spatial_2v5",), set_sizes=(3, 12), trials=30)
    both = run(task, ("human", "softmax"), model="digit_reader", people=10, seed=1).frame
    alone = run(task, ("human",), people=10, seed=1).frame
    own = both[both["arm"] == "human"].reset_index(drop=True)
    assert (own["rt"].to_numpy() == alone["rt"].to_numpy()).all()
    worse = own["error"] - alone["error"]
    assert 0 <= worse.mean() < 0.04
    softmax = both[both["arm"] == "softmax"]
    assert softmax["error"].mean() < 0.04
    assert softmax.loc[softmax["present"] == 0, "error"].mean() < 0.02
