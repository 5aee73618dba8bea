"""One mind's parameters, and the spread of minds: what they may be, and that they are those of the human table."""

from __future__ import annotations

import itertools
import math
import tomllib
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import qmc
from walking import walked

from cogattn import human, points
from cogattn.errors import InputError
from cogattn.observer import LIMITS, Observer, limits_of
from cogattn.parameters import NAMES, TOGETHER
from cogattn.population import SLOWING, Population, Spread
from cogattn.runs.trials import toml

NUMBERS = ("capacity", "slots", "threshold", "alpha", "persistence")
FATIGUE = ("speed", "speed_sd", "fast_loss", "slow_loss", "memory_loss", "sleep_loss", "wandering", "lapse_base",
           "lapse_duration", "lapse_speed", "fast_tiring", "slow_rest", "criterion_time", "anticipation",
           "tempo_share")  # fmt: skip
NO_NUMBERS = [None, "fast", "", b"1", [], [1.0], {}, 1j, True, False, np.ones((20, 20)), math.nan, -1.0, -math.inf,
              10**400, -(10**400)]  # fmt: skip


def one_line(refused):
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    return text


# --- one mind ----------------------------------------------------------------------------------------------


@walked("field, value", itertools.product(NUMBERS + FATIGUE, NO_NUMBERS))
def test_a_wrong_parameter_is_refused_in_one_line_that_names_it(field, value):
    with pytest.raises(InputError, match=f"^{field} must be ") as refused:
        Observer(**{field: value})
    assert ", got " in one_line(refused)


@pytest.mark.parametrize("value", [None, 0, 1, "yes", [], np.eye(3)], ids=lambda v: str(type(v).__name__))
def test_reallocate_is_a_yes_or_a_no(value):
    with pytest.raises(InputError, match=r"^reallocate must be True or False, got ") as refused:
        Observer(reallocate=value)
    one_line(refused)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(NUMBERS), st.floats() | st.integers() | st.text() | st.lists(st.floats()))
def test_no_value_breaks_an_observer(field, value):
    """It is taken as it is, or refused with its name and itself."""
    may_be_infinite = field in ("capacity", "slots")
    good = (
        isinstance(value, int | float)
        and (value > 0 or (field != "capacity" and value == 0))
        and (value < math.inf or may_be_infinite)
    )
    if good:
        assert getattr(Observer(**{field: value}), field) == value
    else:
        with pytest.raises(InputError, match=f"^{field} must be ") as refused:
            Observer(**{field: value})
        assert ", got " in one_line(refused)


def test_the_message_holds_the_value_the_range_and_the_unit():
    with pytest.raises(InputError) as refused:
        Observer(capacity=0)
    assert str(refused.value) == "capacity must be > 0 items/s (infinity allowed), got 0"


def test_the_ends_of_the_ranges_are_minds_too():
    Observer(slots=0, threshold=0, alpha=0, persistence=0)
    Observer(capacity=math.inf, slots=math.inf)
    Observer(capacity=5e-324, slots=1e308, alpha=1e308)


def test_an_observer_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Observer().capacity = 1.0


def test_the_default_is_the_mean_adult_of_the_table():
    table = human.table("tva_parameters").set_index("index")
    assert Observer().capacity == pytest.approx(table.loc["C", "mean"], rel=1e-3)
    assert Observer().slots == pytest.approx(table.loc["K", "mean"], rel=1e-3)
    assert Observer().threshold == pytest.approx(table.loc["t0", "mean"] / 1000, rel=1e-2)
    assert Observer().alpha == pytest.approx(table.loc["alpha", "median"], rel=2e-2)


@pytest.mark.parametrize("slots", [0, 0.25, 1, 2.5, 3.06, 6, 64.5])
def test_a_mixture_of_slots_has_their_mean(slots):
    mixture = Observer(slots=slots).slot_mixture
    assert sum(p for _, p in mixture) == pytest.approx(1)
    assert sum(k * p for k, p in mixture) == pytest.approx(slots)
    assert all(k == int(k) and p > 0 for k, p in mixture)


def test_what_is_changed_is_what_is_not_the_mean_adults():
    assert Observer().changed() == {}
    assert Observer(slots=2.0, wandering=0.0).changed() == {"slots": 2.0, "wandering": 0.0}


def test_unlimited_slots_are_no_mixture():
    assert Observer(slots=math.inf).slot_mixture == ((math.inf, 1.0),)


# --- limits ------------------------------------------------------------------------------------------------


def test_without_limits_only_selection_is_left():
    o = Observer(alpha=0.3, persistence=0.2, reallocate=True).unlimited()
    lifted = {name: value for values in LIMITS.values() for name, value in values.items()}
    assert o == Observer(alpha=0.3, persistence=0.2, reallocate=True, **lifted)
    assert (o.capacity, o.slots, o.threshold, o.speed, o.wandering) == (
        math.inf,
        math.inf,
        0.0,
        math.inf,
        0.0,
    )


def test_each_limit_can_be_kept_alone():
    assert Observer().under(LIMITS) == Observer()
    assert Observer().under(()) == Observer().unlimited()
    for limit in LIMITS:
        kept = Observer().under([limit])
        for name, values in LIMITS.items():
            for parameter in values:
                same = getattr(kept, parameter) == getattr(Observer(), parameter)
                free = getattr(Observer(), parameter) == values[parameter]  # this person has no such limit
                assert same == (name == limit or free)


def test_an_unknown_limit_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"limit must be one of .*got 'slot'; did you mean 'slots'"):
        Observer().under(["slot"])


def test_an_arm_is_a_set_of_limits():
    assert limits_of("human") == tuple(LIMITS)
    assert limits_of("softmax") == ()
    assert limits_of("threshold + capacity") == limits_of("capacity+threshold") == ("capacity", "threshold")
    assert limits_of("slots+slots") == ("slots",)


@pytest.mark.parametrize(
    "arm", ["", "+", "slots+", "human+slots", "softmax+slots", "Human", "x", None, 3, ["slots"], b"slots", "a\nb",
            np.zeros((20, 20)), {}],
    ids=str,
)  # fmt: skip
def test_what_is_no_arm_is_refused(arm):
    with pytest.raises(
        InputError, match=r"^arm must be one of human, softmax, capacity, slots, threshold"
    ) as refused:
        limits_of(arm)
    one_line(refused)


# --- to and from files -------------------------------------------------------------------------------------


def test_an_observer_survives_its_own_dictionary():
    o = Observer(45.0, math.inf, 0.01, 0.3, 0.2, True)
    assert Observer.from_dict(o.to_dict()) == o


def test_an_observer_comes_from_a_file(tmp_path):
    file = tmp_path / "me.toml"
    file.write_text("capacity = 45.0\nslots = inf\nreallocate = true\n")
    assert Observer.from_file(file) == Observer(capacity=45.0, slots=math.inf, reallocate=True)
    assert Observer.from_file(str(file)).capacity == 45.0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"capacity = ", "is not a TOML file"),
        (b"capacity 45", "is not a TOML file"),
        (b"capacity = 1\ncapacity = 2", "is not a TOML file"),
        (b"\xff\xfe\x00", "is not a TOML file"),
        (b"capcity = 45", "observer parameter must be one of .*did you mean 'capacity'"),
        (b"[observer]\ncapacity = 45", "observer parameter must be one of .*got 'observer'"),
        (b"capacity = '45'", "capacity must be a number > 0 items/s.*got '45'"),
        (b"capacity = nan", "capacity must be > 0 items/s.*got nan"),
        (b"slots = -1", "slots must be >= 0 items.*got -1"),
        (b"reallocate = 1", "reallocate must be True or False, got 1"),
        (b"threshold = [0.1]", r"threshold must be a number.*got \[0.1\]"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, content, says):
    file = tmp_path / "me.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=says) as refused:
        Observer.from_file(file)
    one_line(refused)


def test_a_missing_file_is_told_so(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nobody\.toml: No such file"):
        Observer.from_file(tmp_path / "nobody.toml")
    with pytest.raises(InputError, match="cannot read"):
        Observer.from_file(tmp_path)


# --- the spread of people ----------------------------------------------------------------------------------

ADULTS = Population.adults()
TABLE = human.table("tva_parameters").set_index("index")
ROWS = {"capacity": ("C", 1.0), "slots": ("K", 1.0), "threshold": ("t0", 1e-3), "alpha": ("alpha", 1.0)}


@pytest.fixture(scope="module")
def people():
    """200,000 of them."""
    return ADULTS.parameters(200_000, seed=0)


@pytest.mark.parametrize("name", ROWS)
def test_people_have_the_mean_and_spread_of_the_table(people, name):
    row, unit = ROWS[name]
    assert people[name].mean() == pytest.approx(TABLE.loc[row, "mean"] * unit, rel=0.01)
    assert people[name].std() == pytest.approx(TABLE.loc[row, "std"] * unit, rel=0.02)


@pytest.mark.parametrize("name", ROWS)
def test_people_have_the_middle_of_the_table(people, name):
    """The median was not fitted: it holds if the kind of spread is right."""
    row, unit = ROWS[name]
    tolerance = 0.02 if name != "threshold" else 0.05
    assert people[name].median() == pytest.approx(TABLE.loc[row, "median"] * unit, rel=tolerance)


@pytest.mark.parametrize("name", ["capacity", "slots"])
def test_nine_people_in_ten_are_where_the_table_says(people, name):
    row, unit = ROWS[name]
    for q in (0.05, 0.95):
        assert people[name].quantile(q) == pytest.approx(TABLE.loc[row, f"q{q}"] * unit, rel=0.1)


def test_nobody_is_impossible(people):
    assert (
        (people.drop(columns="criterion") >= 0).all().all()
    )  # a criterion may lie on the other side of the middle
    assert (people.capacity > 0).all()
    assert people.slots.between(1, 6).all()
    assert np.isfinite(people).all().all()
    assert 0.1 < (people.threshold == 0).mean() < 0.3  # at the floor, as in the table


def test_parameters_vary_independently_but_for_those_that_are_said_to_go_together(people):
    """A correlation r on the scale of a normal is 6/pi asin(r/2) in ranks."""
    together = people.drop(columns=["persistence", "day_sd"]).corr(method="spearman")
    for one, others in TOGETHER.items():
        for other, r in others.items():
            assert together.loc[one, other] == pytest.approx(6 / math.pi * math.asin(r / 2), abs=0.02)
            together.loc[one, other] = together.loc[other, one] = 0.0
    assert np.abs(together.to_numpy() - np.eye(len(together))).max() < 0.01


@pytest.mark.parametrize("seed", [0, 1, 2**62])
def test_fifty_people_are_the_first_fifty_of_a_hundred(seed):
    for few, many in ((1, 2), (1, 100), (3, 4), (50, 100), (64, 65)):
        assert ADULTS.sample(few, seed) == ADULTS.sample(many, seed)[:few]


def test_other_seeds_are_other_people():
    a, b = (
        ADULTS.parameters(100, seed).drop(columns=["persistence", "day_sd"]).to_numpy() for seed in (0, 1)
    )
    assert not (a == b)[(a > 0) | (b > 0)].any()


def test_a_person_alone_is_a_random_member_of_the_population():
    """The first person over many seeds has the same spread as many people of one seed."""
    first = np.array([ADULTS.parameters(1, seed)[["capacity", "slots"]].iloc[0] for seed in range(400)])
    for i, (row, unit) in enumerate((ROWS["capacity"], ROWS["slots"])):
        error = TABLE.loc[row, "std"] * unit / 20
        assert abs(first[:, i].mean() - TABLE.loc[row, "mean"] * unit) < 4 * error


def test_a_few_dozen_people_are_closer_to_the_mean_than_chance(people):
    means = [ADULTS.parameters(50, seed).capacity.mean() for seed in range(40)]
    assert np.std(means) < 0.5 * people.capacity.std() / math.sqrt(50)


@pytest.mark.parametrize("n", [0, -1, 1.5, None, "many", True, 10**400, 1_000_000_001])
def test_a_number_of_people_is_a_whole_number(n):
    with pytest.raises(InputError, match=r"^people must be a whole number") as refused:
        ADULTS.sample(n)
    one_line(refused)


@pytest.mark.parametrize("seed", [-1, 1.5, None, "x", 2**63])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match=r"^seed must be a whole number"):
        ADULTS.sample(2, seed)


SPREADS = [Spread("constant", 0.3), Spread("lognormal", 2.0, 1.5), Spread("censored", 0.1, 0.2, 0.0, 0.4),
           Spread("truncated", 3.0, 0.8, 1.0, 6.0), Spread("logitnormal", 0.05, 1.0),
           Spread("lognormal", 2.0, 1.5, 1.0, 3.0), Spread("truncated", 0.1, 0.3, -0.5, 2.0)]  # fmt: skip


@pytest.mark.parametrize("spread", SPREADS, ids=lambda s: s.kind)
def test_a_spread_is_its_quantile_function(spread):
    u = np.linspace(0.001, 0.999, 999)
    x = spread.at(u)
    assert (np.diff(x) >= 0).all()
    assert x.min() >= spread.low
    assert x.max() <= spread.high
    assert spread.at(0.5).shape == ()
    assert spread.at(np.full((2, 3), 0.5)).shape == (2, 3)


@pytest.mark.parametrize(
    ("mean", "low", "high"),
    [(3.0, 1.0, 6.0), (0.1, -0.5, 2.0), (0.0, 1.0, 2.0), (3.0, 1.0, 2.0), (1.0, -4.0, math.inf)],
)
def test_a_truncated_spread_is_that_of_scipy_to_the_last_bit(mean, low, high):
    u = np.r_[0.0, 1e-300, np.random.default_rng(0).random(5000), 1.0]
    a, b = (low - mean) / 0.8, (high - mean) / 0.8
    assert (Spread("truncated", mean, 0.8, low, high).at(u) == stats.truncnorm.ppf(u, a, b, mean, 0.8)).all()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kind": "normal", "mean": 1.0}, "kind of spread must be one of"),
        ({"kind": None, "mean": 1.0}, "kind of spread"),
        ({"kind": "lognormal", "mean": 0.0, "sd": 1.0}, "mean of a spread must be > 0, got 0"),
        ({"kind": "constant", "mean": math.nan}, "mean of a spread must be finite"),
        (
            {"kind": "logitnormal", "mean": 1.2, "sd": 1.0},
            "mean of a logitnormal spread must be <= 1, got 1.2",
        ),
        ({"kind": "lognormal", "mean": 1.0, "sd": -1.0}, "sd of a spread must be >= 0, got -1"),
        ({"kind": "lognormal", "mean": 1.0}, "sd of a lognormal spread must be > 0"),
        ({"kind": "truncated", "mean": 1.0, "sd": math.inf}, "sd of a spread"),
        ({"kind": "truncated", "mean": 1.0, "sd": 1.0, "low": math.nan}, "low of a spread must be finite"),
        (
            {"kind": "truncated", "mean": 1.0, "sd": 1.0, "low": 2.0, "high": 2.0},
            "high of a spread must be > 2",
        ),
        ({"kind": "truncated", "mean": 1.0, "sd": 1.0, "high": "x"}, "high of a spread"),
    ],
)
def test_a_wrong_spread_is_refused(values, says):
    with pytest.raises(InputError, match=says) as refused:
        Spread(**values)
    one_line(refused)


@pytest.mark.parametrize("value", [None, 65.5, "adults", {"kind": "constant", "mean": 1.0}])
@pytest.mark.parametrize("field", list(ADULTS.spreads()))
def test_a_population_is_made_of_spreads(field, value):
    with pytest.raises(InputError, match=f"^{field} of a population must be a Spread, got") as refused:
        Population(**{field: value})
    one_line(refused)


def test_a_logitnormal_spread_is_normal_in_its_odds():
    x = Spread("logitnormal", 0.05, 1.3).at((np.arange(4000) + 0.5) / 4000)
    odds = np.log(x / (1 - x))
    assert np.median(x) == pytest.approx(0.05, rel=1e-3)
    assert (odds.mean(), odds.std()) == (pytest.approx(math.log(0.05 / 0.95)), pytest.approx(1.3, rel=5e-3))


def test_people_can_differ_in_anything_and_nobody_changes_in_the_rest():
    others = {"slip": Spread("logitnormal", 0.05, 1.0), "criterion": Spread("truncated", 0.1, 0.3, -0.5, 2.0)}
    mine = Population(others=others)
    people, alone = mine.parameters(64, 3), Population(slip=others["slip"]).parameters(64, 3)
    rest = [name for name in ADULTS.spreads() if name not in others]
    pd.testing.assert_frame_equal(people[rest], ADULTS.parameters(64, 3)[rest])
    assert people["slip"].tolist() == alone["slip"].tolist()
    assert people["criterion"].min() < 0
    assert (
        abs(people[["slip", "criterion", "capacity"]].corr("spearman").to_numpy()[[0, 0, 1], [1, 2, 2]]).max()
        < 0.3
    )
    assert [o.slip for o in mine.sample(64, 3)] == people["slip"].tolist()


def test_correlated_people_have_the_same_spreads_and_the_rest_stays():
    """A Gaussian copula: the normal behind each parameter is correlated, its distribution is what it was."""
    pairs = {"capacity": {"slots": 0.6, "alpha": -0.3}, "slots": {"wandering": 0.4}}
    mine, plain = Population(correlations=pairs).parameters(4096, 2), ADULTS.parameters(4096, 2)
    z = {name: stats.norm.ppf(mine[name].rank() / 4097) for name in mine}
    for one, row in pairs.items():
        for other, r in row.items():
            assert np.corrcoef(z[one], z[other])[0, 1] == pytest.approx(r, abs=0.03)
    assert np.corrcoef(z["alpha"], z["wandering"])[0, 1] == pytest.approx(0.0, abs=0.03)
    for name in mine.drop(columns="day_sd"):
        assert np.quantile(mine[name], [0.1, 0.5, 0.9]) == pytest.approx(
            np.quantile(plain[name], [0.1, 0.5, 0.9]), rel=0.03
        )
    assert mine["threshold"].equals(plain["threshold"])
    assert mine["speed"].to_numpy() == pytest.approx(plain["speed"].to_numpy(), rel=1e-12)
    assert Population(correlations=pairs).parameters(64, 2).equals(mine.head(64))
    assert "capacity and alpha -0.30" in Population(correlations=pairs)._repr_html_()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Population(slots=Spread("truncated", 1.0, 1.0, -2.0)), "end of the spread of slots: slots must be"),
        (lambda: Population(slots=Spread("constant", -1.0)), "spread of slots: slots must be >= 0"),
        (lambda: Population(others={"slip": Spread("lognormal", 0.5, 0.5)}), "of slip: slip must be >= 0 and <= 1"),
        (lambda: Population(others={"slipp": Spread("constant", 2.0)}), "parameter must be .*did you mean 'slip'"),
        (lambda: Population(others={"reallocate": Spread("constant", 1.0)}), "population parameter must be"),
        (lambda: Population(others={"slip": 0.1}), "slip of a population must be a Spread, got 0.1"),
        (lambda: Population(correlations={"capacity": {"slots": 0.9, "alpha": 0.9}, "slots": {"alpha": -0.9}}),
         "correlations of capacity, slots, alpha cannot all be true at once"),
        (lambda: Population(correlations={"capacity": {"capacity": 0.5}}), "must be given once, for two parameters"),
        (lambda: Population(correlations={"slots": {"alpha": 0.5}, "alpha": {"slots": 0.5}}), "must be given once"),
        (lambda: Population(correlations={"capacity": {"persistence": 0.5}}), "persistence is the same for everybody"),
        (lambda: Population(correlations={"capacity": {"slots": 1.5}}), "correlation of capacity and slots must be"),
        (lambda: Population(correlations={"capasity": {"slots": 0.5}}), "must be .*did you mean 'capacity'"),
        (lambda: Population(correlations={"capacity": 0.5}), "of capacity must be numbers by name, got 0.5"),
        (lambda: Population(correlations=0.5), "correlations must be numbers by name by name, got 0.5"),
        (lambda: Population(others=0.1), "others of a population must be spreads by name, got 0.1"),
    ],
)  # fmt: skip
def test_people_who_cannot_be_are_refused(make, says):
    with pytest.raises(InputError, match=says) as refused:
        make()
    one_line(refused)


def test_a_population_survives_its_own_dictionary():
    mine = Population(
        alpha=Spread("constant", 0.2),
        slots=Spread("censored", 3.0, 1.0, 1.0, 5.0),
        others={
            "slip": Spread("logitnormal", 0.05, 1.0),
            "criterion": Spread("censored", 0.1, 0.3, -0.5, 2.0),
        },
    )
    assert Population.from_dict(mine.to_dict()) == mine
    assert Population.from_dict({}) == ADULTS


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"alfa": {}}, "population parameter must be one of .*did you mean 'alpha'"),
        ({"alpha": 0.3}, "alpha of a population must have a kind and a mean, got 0.3"),
        ({"alpha": {"kind": "constant"}}, "alpha of a population must have a kind and a mean"),
        ({"alpha": {"kind": "constant", "mean": 1.0, "mode": 2}}, "part of the spread of alpha .*got 'mode'"),
    ],
)
def test_a_wrong_population_file_is_refused(values, says):
    with pytest.raises(InputError, match=says) as refused:
        Population.from_dict(values)
    one_line(refused)


def test_some_alertness_is_always_left():
    with pytest.raises(InputError, match=r"fast_loss \+ slow_loss must be <= 0.9 .*got 0.5 \+ 0.6"):
        Observer(fast_loss=0.5, slow_loss=0.6)


def test_people_differ_in_speed_and_in_wandering_as_declared():
    p = Population.adults().parameters(4096)
    assert p["speed"].mean() == pytest.approx(Population().speed.mean, abs=0.02)
    assert p["wandering"].mean() == pytest.approx(1.0, abs=0.03)
    assert np.log(p["wandering"]).std() == pytest.approx(1.1, abs=0.02)


# --- ages --------------------------------------------------------------------------------------------------


def test_older_people_are_slower_and_the_others_are_who_they_were():
    """Capacity and speed are two thirds, for the share that is older; nobody's other numbers change."""
    young, mixed = Population.adults().people(4000, 3), Population(older=0.3).people(4000, 3)
    for name in NAMES:
        ratio = mixed[name] / young[name] if name in ("capacity", "speed") else None
        if ratio is None:
            assert np.array_equal(mixed[name], young[name])
        else:
            older = ratio < 0.9
            assert np.allclose(ratio, np.where(older, 1 / SLOWING, 1.0))
            assert older.mean() == pytest.approx(0.3, abs=0.005)
    pieces = [Population(older=0.3).people(1000, 3, first) for first in range(0, 4000, 1000)]
    assert np.array_equal(np.concatenate([piece["speed"] for piece in pieces]), mixed["speed"])


def test_ages_are_kept_in_a_file_and_checked():
    kept = Population(older=0.25)
    assert Population.from_dict(kept.to_dict()) == kept
    assert "older" not in Population.adults().to_dict()
    assert tomllib.loads(toml(kept.to_dict()))["older"] == 0.25
    for wrong in (-0.1, 1.1, math.nan, "half"):
        with pytest.raises(InputError, match="older"):
            Population(older=wrong)
        with pytest.raises(InputError, match="older"):
            Population.from_dict({"older": wrong})


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1])
def test_people_are_the_points_of_scipys_sobol_sequence(seed):
    sobol = qmc.Sobol(points.DIMENSIONS, scramble=True, bits=30, rng=np.random.default_rng(seed)).random(64)
    assert (points.even(seed, 0, 64, range(points.DIMENSIONS)) == sobol.clip(*points.ENDS).T).all()
    assert (points.even(seed, 37, 20, [63, 5]) == sobol.clip(*points.ENDS)[37:57, [63, 5]].T).all()
