"""One record per number of a person: all else follows from it, and old names still work."""

from __future__ import annotations

import math
import pickle
import re
import sys
import tomllib
import warnings
from dataclasses import FrozenInstanceError, asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from scipy import stats

import cogattn as ca
from cogattn import notebook, parameters
from cogattn.errors import InputError
from cogattn.explore import knobs
from cogattn.observer import LIMITS, Observer, of_records
from cogattn.parameters import ALIASES, BY_NAME, PARAMETERS, PERSON, canonical
from cogattn.population import People, Population, Spread
from cogattn.record import Adults, Bounds, Parameter, Scaling, Slider, Source
from cogattn.tune import goals, probes, scales

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import pages

SAVED = Path(__file__).parent / "saved"  # files of version 0.1.0, as it wrote them
ADULTS = Population.adults()
OLD = {
    "share": "central_share", "group": "search_group", "grouping": "response_grouping", "lead": "evidence_threshold",
    "away": "lapse_duration", "away_speed": "lapse_speed", "away_spread": "lapse_spread", "stay": "task_inertia",
    "restless": "switch_rate", "spill": "unattended_weight",
}  # fmt: skip


def test_every_record_is_whole():
    assert len({p.name for p in PARAMETERS}) == len(PARAMETERS)
    assert not set(ALIASES) & set(BY_NAME)
    for p in PARAMETERS:
        p.check(p.default)
        assert p.meaning
        assert p.group
        assert p.slider is not None
        assert p.lifted is None or p.limit
        if p.adults:
            assert p.bounds.ends[0] <= p.adults.mean <= p.bounds.ends[1]


@pytest.mark.parametrize("p", [p for p in PARAMETERS if p.kind is float], ids=lambda p: p.name)
def test_an_observer_is_refused_just_outside_the_bounds_and_taken_just_inside(p):
    low, high = p.bounds.ends
    for end, beyond in ((low, math.nextafter(low, -math.inf)), (high, math.nextafter(high, math.inf))):
        if not (p.name in ("fast_loss", "slow_loss") and end == high):  # they have a bound together
            assert getattr(Observer(**{p.name: end}), p.name) == end
        if beyond != end:
            with pytest.raises(InputError, match=rf"^{p.name} must be .*, got {re.escape(str(beyond))}$"):
                Observer(**{p.name: beyond})
            rows = np.array(People.alike(Observer(), 5).rows)
            rows[p.name][3] = beyond
            with pytest.raises(InputError, match=rf"^person 13: {p.name} must be .*, got "):
                People(rows, first=10)


def test_the_place_of_a_parameter_in_the_sequence_never_changes():
    """Whoever moves these changes all people. A new parameter comes after them."""
    from cogattn.population import _column

    first = ["capacity", "slots", "threshold", "alpha", "persistence", "speed", "wandering"]
    rest = [
        "reallocate", "speed_sd", "fast_loss", "slow_loss", "memory_loss", "sleep_loss", "lapse_base", "lapse_fast",
        "lapse_slow", "lapse_duration", "lapse_speed", "lapse_spread", "fast_tiring", "fast_recovery", "fast_rest",
        "slow_tiring", "slow_recovery", "slow_rest", "criterion", "criterion_shift", "criterion_time",
        "criterion_rest", "anticipation", "sharpness", "tempo_share", "tempo_time", "wariness", "central_share",
        "central", "slip", "response_grouping", "dwell", "dwell_sd", "sparing", "sparing_window", "order_sd",
        "memory_life", "switch_rate", "task_inertia", "switch_time", "unattended_weight", "search_group",
        "quit_growth", "visit_shape", "visit_hit", "evidence_threshold", "hand", "learning", "day_sd",
        "dwell_counts", "trace_life",
    ]  # fmt: skip
    assert [_column(name) for name in (*first, *rest)] == list(range(58))


# --- a new parameter is one record -----------------------------------------------------------------------------------

PATIENCE = Parameter(
    "patience", "P", "s", "how long somebody waits for what does not come",
    2.0, Bounds(0.0, 9.0, high_open=True), "waiting", Source("assumption", "no table"),
    slider=Slider("Capacity", "how long one waits", 0.5, 8.0, log=True, main=True),
    scale=Scaling("log", 0.1, 8.0, 0.4), adults=Adults("lognormal", 2.0, 0.5), limit="waiting", lifted=0.0,
)  # fmt: skip


def test_a_new_parameter_is_one_record():
    more = (*PARAMETERS, PATIENCE)

    @of_records(more)
    class Patient(Observer):
        pass

    assert Patient().patience == 2.0
    assert notebook.told(Patient)["patience"] == "P, how long somebody waits for what does not come"
    with pytest.raises(InputError, match=r"^patience must be >= 0 and < 9 s, got 9.0$"):
        Patient(patience=9.0)
    assert parameters.limits(more)["waiting"] == {"patience": 0.0}
    assert list(parameters.limits(more)) == [*LIMITS, "waiting"]
    assert parameters.groups(more)["waiting"] == ("patience",)
    assert parameters.columns(more).names == (*PERSON.names, "patience")
    knob = {k.name: k for _, own in knobs.of_records(more).values() for k in own}["patience"]
    assert (knob.low, knob.high, knob.log, knob.main, knob.unit) == (0.5, 8.0, True, True, "s")
    assert scales.of_records(more)["patience"] == scales.Scale("s", 0.1, 8.0, math.log(2.0), 0.4, log=True)
    table = pages.numbers(more)
    assert "``patience``" in table
    assert "how long somebody waits" in table
    assert "patience" not in pages.numbers()
    assert list(PATIENCE.adults.sources()) == ["mean", "sd"]


# --- an observer is a frozen dataclass -------------------------------------------------------------------------------


def test_an_observer_is_what_it_was():
    o = Observer(45.0, 2.5, learning=0.001)
    assert [f.name for f in fields(o)] == [p.name for p in PARAMETERS]
    assert (o.capacity, o.slots, o.learning) == (45.0, 2.5, 0.001)
    assert replace(o, slots=3.0) == Observer(45.0, 3.0, learning=0.001) != o
    assert Observer(**asdict(o)) == o
    assert len({o, replace(o), Observer()}) == 2
    assert pickle.loads(pickle.dumps(o)) == o
    with pytest.raises(FrozenInstanceError):
        o.slots = 1.0
    for kind in (TypeError, InputError):
        with pytest.raises(kind, match=r"^Observer has no argument 'slotz'; did you mean 'slots'\?$"):
            Observer(slotz=1.0)
    with pytest.raises(AttributeError, match="'Observer' object has no attribute 'slotz'"):
        _ = o.slotz


# --- old names -------------------------------------------------------------------------------------------------------


def test_old_names_are_those_of_the_last_version():
    assert dict(ALIASES) == OLD


@pytest.mark.parametrize("old", OLD)
def test_an_old_name_works_and_warns_whose_line_it_is(old):
    new = OLD[old]
    value = Observer().row[list(BY_NAME).index(new)] * 0.5 + 0.5

    def there(make):
        with pytest.warns(DeprecationWarning, match=f"^the parameter {old} is now called {new}$") as told:
            found = make()
        assert all(w.filename == __file__ for w in told if w.category is DeprecationWarning), told[0].filename
        return found

    mind = there(lambda: Observer(**{old: value}))
    assert getattr(mind, new) == value
    assert there(lambda: getattr(mind, old)) == value
    assert there(lambda: replace(Observer(), **{old: value})) == mind
    assert there(lambda: Observer.from_dict({old: value})) == mind
    assert there(lambda: People.of([mind])[old])[0] == value
    assert there(lambda: knobs.mind({old: value})) == mind
    spread = Spread("constant", value)
    people = there(lambda: Population(others={old: spread}))
    wide = {"others": {new: Spread("truncated", value, 1e-3, value - 1e-3, value)}}
    there(lambda: Population(**wide, correlations={"alpha": {old: 0.1}}))
    there(lambda: Population.from_dict({"correlations": {old: {}}}))
    assert people.spreads()[new] == spread
    assert there(lambda: ADULTS.with_spreads({old: spread})) == people
    assert there(lambda: Population.from_dict({old: {"kind": "constant", "mean": value}})) == people
    assert there(lambda: canonical(old, stacklevel=1)) == new


def test_old_names_come_in_where_parameters_are_named():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert scales.names(["lead", "speed"]) == ("evidence_threshold", "speed")
        assert scales.SCALES["spill"] is scales.SCALES["unattended_weight"]
        (found,) = probes.ranges(dict([probes.read_range("restless=0.25:1")]))
        assert (found.name, found.low, found.high) == ("switch_rate", 0.25, 1.0)
        assert LIMITS["focus"]["spill"] == 1.0
        wide = {"lead": Spread("truncated", 2.5, 0.5, 1.0, 9.0)}
        people = Population(others=wide, correlations={"lead": {"alpha": 0.5}})
        assert people.correlations == {"evidence_threshold": {"alpha": 0.5}}
        assert (
            goals.renamed("log(speed / 3) + lead", {"evidence_threshold"})
            == "log(speed / 3) + evidence_threshold"
        )
        assert goals.renamed("share[lead=1] + share", {"evidence_threshold"}) == "share[lead=1] + share"


def test_an_old_and_a_new_name_together_are_refused():
    warnings.simplefilter("ignore", DeprecationWarning)
    with pytest.raises(InputError, match="evidence_threshold is given twice: lead and evidence_threshold"):
        Observer(lead=2.0, evidence_threshold=3.0)
    with pytest.raises(InputError, match="given twice"):
        Observer.from_dict({"lead": 2.0, "evidence_threshold": 3.0})


def test_files_of_the_last_version_load():
    with pytest.warns(DeprecationWarning, match="is now called|has no effect") as told:
        mind = Observer.from_file(SAVED / "observer.toml")
    assert mind == Observer(
        slots=2.5, central_share=0.8, search_group=4.0, response_grouping=0.1, evidence_threshold=3.0, slip=0.024,
        lapse_duration=9.0, lapse_speed=0.5, lapse_spread=1.2, task_inertia=2.0, switch_rate=0.7, unattended_weight=0.2,
        dwell=0.268, dwell_sd=0.14, sparing=0.79, sparing_window=0.1, order_sd=0.05,  # those of that version
        wariness=0.12, quit_growth=0.27, visit_shape=1.48, visit_hit=0.92, learning=0.00012,
        criterion=0.41, criterion_shift=0.385, criterion_time=1500.0,
    )  # fmt: skip
    assert sorted(str(w.message) for w in told) == sorted(
        [f"the parameter {a} is now called {b}" for a, b in OLD.items()]
        + [f"the parameter narrowing has no effect any more: {parameters.GONE['narrowing']}"]
    )
    with pytest.warns(DeprecationWarning, match="is now called"):
        people = Population.from_dict(tomllib.loads((SAVED / "population.toml").read_text()))
    assert people == Population(
        slots=Spread("constant", 2.0),
        speed=Spread("truncated", 3.28, 0.45, 2.2, 6.0),
        others={
            "evidence_threshold": Spread("censored", 2.5, 0.5, 1.0),
            "unattended_weight": Spread("logitnormal", 0.1, 0.7),
            "slip": Spread("logitnormal", 0.05, 1.0),
        },
        correlations={"evidence_threshold": {"alpha": 0.2}, "unattended_weight": {"capacity": -0.3}},
    )
    assert ca.run("whole_report", "human", people=1, trials=2, observer=mind).frame["score"].notna().all()


# --- people as columns -----------------------------------------------------------------------------------------------


def from_scipy(n, seed):
    """(n, 64) points as scipy draws them, from the first on."""
    u = stats.qmc.Sobol(64, scramble=True, rng=np.random.default_rng(seed)).random_base2(
        (n - 1).bit_length()
    )[:n]
    return np.clip(u, 2.0**-32, 1 - 2.0**-32)


@pytest.mark.parametrize("seed", [0, 7, 2**62])
def test_people_are_drawn_as_ever(seed):
    others = {"slip": Spread("logitnormal", 0.05, 1.0), "learning": Spread("lognormal", 1e-4, 1e-4)}
    people, u = Population(others=others, correlations={}).people(1000, seed), from_scipy(1000, seed)
    for name, spread in (ADULTS.spreads() | others).items():
        from cogattn.population import _column

        assert people[name].tolist() == spread.at(u[:, _column(name)]).tolist()
    for p in PARAMETERS:
        if p.name not in {*ADULTS.spreads(), *others}:
            assert (people[p.name] == float(p.default)).all()
    assert list(people[:9]) == Population(others=others, correlations={}).sample(9, seed)


@pytest.mark.parametrize("of", [ADULTS, Population(correlations={"capacity": {"slots": 0.6, "speed": -0.4}})])
def test_pieces_are_what_they_are_at_once(of):
    whole = of.people(4100, 3)
    for first, n in ((0, 4100), (0, 1), (1, 1), (63, 2), (777, 1024), (4095, 5), (4099, 1)):
        assert of.people(n, 3, first) == whole[first : first + n]


def test_the_last_of_a_billion_costs_no_more_than_the_first():
    last = ADULTS.people(3, 5, first=10**9 - 3)
    assert len(last) == 3
    assert len(np.unique(last["capacity"])) == 3
    engine = stats.qmc.Sobol(64, scramble=True, rng=np.random.default_rng(5)).fast_forward(200_000)
    u = engine.random(2)
    assert ADULTS.people(2, 5, 200_000)["capacity"].tolist() == ADULTS.capacity.at(u[:, 0]).tolist()
    for n, first in ((10**9, 1), (0, 0), (1, -1), (1.5, 0)):
        with pytest.raises(InputError, match=r"^(people|first) must be a whole number"):
            ADULTS.people(n, 0, first)


def test_people_are_a_sequence_of_observers_and_a_table():
    people = ADULTS.people(20, 1)
    one = ADULTS.sample(20, 1)
    assert len(people) == 20
    assert list(people) == one
    assert people[3] == one[3]
    assert people[-1] == one[-1]
    assert people[np.int64(3)] == one[3]
    assert type(people[3].reallocate) is bool
    assert list(people[2:5]) == one[2:5]
    assert list(people[[7, 1]]) == [one[7], one[1]]
    assert list(people[people["slots"] > 3]) == [o for o in one if o.slots > 3]
    assert People.of(one) == people
    assert People.of(people) is people
    assert people.columns(["slots", "alpha"]).tolist() == [[o.slots, o.alpha] for o in one]
    assert People.alike(one[4], 3) == People.of([one[4]] * 3)
    assert people.changed(slots=np.arange(20.0), alpha=0.1)[5] == replace(one[5], slots=5.0, alpha=0.1)
    with pytest.raises(ValueError, match="read-only"):
        people["slots"][0] = 1.0
    with pytest.raises(InputError, match="did you mean 'slots'"):
        people["slot"]
    with pytest.raises(InputError, match="person 19: slots must be"):
        people.changed(slots=np.append(np.ones(19), -1.0))
    with pytest.raises(InputError, match=r"person 0: fast_loss \+ slow_loss must be <= 0.9 .*got 0.5 \+ 0.6"):
        people.changed(fast_loss=0.5, slow_loss=0.6)
    with pytest.raises(InputError, match=r"person 2: reallocate must be True or False, got 0\.5$"):
        people[:3].changed(reallocate=[0.0, 1.0, 0.5])
    with pytest.raises(InputError, match=r"a row each of parameters.PERSON"):
        People(np.zeros((3, 55)))


@pytest.mark.parametrize("limits", [(), ("slots",), ("fatigue", "speed"), tuple(LIMITS)])
def test_people_under_limits_are_each_under_them(limits):
    people = ADULTS.people(30, 2)
    assert list(people.under(limits)) == [o.under(limits) for o in people]
    assert list(people.unlimited()) == [o.unlimited() for o in people]
    assert people == ADULTS.people(30, 2)
    with pytest.raises(InputError, match="did you mean 'slots'"):
        people.under(["slot"])


def test_compiled_code_reads_a_person():
    @njit
    def total(rows):
        x = 0.0
        for p in rows:
            x += p.capacity * p.slots
        return x

    people = ADULTS.people(10, 0)
    assert total(people.rows) == pytest.approx((people["capacity"] * people["slots"]).sum())
