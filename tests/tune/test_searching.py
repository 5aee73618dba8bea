"""What matters, what is best, how many trials: each held against what is known without a simulation."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from cogattn import cli, paradigms, tune
from cogattn.errors import InputError
from cogattn.observer import Observer
from cogattn.population import Population
from cogattn.runs import workers as scaling
from cogattn.tune import designs, likelihoods, probes, sweeps
from cogattn.tune.goals import Constraint, Expression, Goal
from cogattn.tune.probes import Probe, Range, ranges, read_range
from cogattn.tune.scales import SCALES
from cogattn.tune.sensitivities import Screening

optuna = pytest.importorskip("optuna", reason="needs the extra search")
pytest.importorskip("SALib", reason="needs the extra search")


class Stop(Exception):
    pass


def stop_at(n):
    def tick(done, total):
        if done == n:
            raise Stop

    return tick


def flash(*exposures):
    return paradigms.get("whole_report")(exposures=exposures)


# --- what is measured ---


def test_a_measure_is_the_papers_own_number_and_the_share_of_what_arrived():
    table = Probe(flash(0.02, 0.2), people=2, trials=30, seed=4).measure([{"slots": 3.0}])
    score = table[["letters_reported_at_20_ms", "letters_reported_at_200_ms"]].to_numpy()[0]
    shares = table[["hits[exposure=0.02]", "hits[exposure=0.2]"]].to_numpy()[0]
    assert score / 6 == pytest.approx(shares)
    assert table["hits"].item() == pytest.approx(shares.mean())
    assert table["misses"].item() == pytest.approx(1 - shares.mean())


def test_points_differ_by_their_parameters_alone():
    """At the shortest exposure no store is full: with the same draws five slots see exactly what six see."""
    table = Probe(flash(0.01, 0.2), people=1, trials=200).measure([{"slots": 5.0}, {"slots": 6.0}])
    assert table["hits[exposure=0.01]"].nunique() == 1
    assert table["hits[exposure=0.2]"].nunique() == 2


@pytest.mark.parametrize("name", ["prp", "simple_rt", "control_room", "change_detection"])
def test_every_measure_has_a_name_that_an_expression_can_hold(name):
    table = Probe(name, people=3).measure([{}])
    assert {"hits", "misses"} <= set(table)
    for column in table:
        assert Expression(f"2 * {column}").value({column: 0.5}) == 1.0


def test_the_range_of_adults_is_the_mean_and_two_sd():
    by = {r.name: r for r in ranges(["capacity", "slots", "threshold", "speed"])}
    mu, sigma = SCALES["capacity"].mean, SCALES["capacity"].sd
    assert np.log([by["capacity"].low, by["capacity"].high]) == pytest.approx(
        [mu - 2 * sigma, mu + 2 * sigma]
    )
    assert by["capacity"].at(0.5) == pytest.approx(math.exp(mu))
    assert (by["threshold"].low, by["threshold"].high) == (0.0, pytest.approx(0.00689 + 2 * 0.00836))
    shares = (Population.adults().parameters(4096)["speed"].between(by["speed"].low, by["speed"].high)).mean()
    assert shares == pytest.approx(0.9545, abs=0.003)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        (["slotz"], "did you mean 'slots'"),
        (["reallocate"], "parameter must be one of"),
        (
            ["switch_rate"],
            "how switch_rate differs between adults is not known: say from where to where, "
            "e.g. switch_rate=0.25:1",
        ),
        ({"alpha": (-1, 1)}, "alpha must be >= 0"),
        ({"slots": (3, 2)}, "high end of slots must be > 3"),
        ({"slots": (1, 3, 5)}, "step of slots must be > 0 and <= 2"),
        ([], "at least one parameter"),
    ],
)
def test_a_range_that_no_mind_can_have_is_named(params, word):
    with pytest.raises(InputError, match=word):
        ranges(params)


def test_ranges_are_read_as_they_are_written():
    assert read_range("slots") == ("slots", None)
    assert read_range("slots=1:6:0.5") == ("slots", (1.0, 6.0, 0.5))
    for text in ("slots=1", "slots=a:b", "slots=1:2:3:4"):
        with pytest.raises(InputError, match="NAME=LOW:HIGH"):
            read_range(text)


# --- what matters ---


def ishigami(x):
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def screened(function, method, n, d=3, low=-np.pi, high=np.pi):
    screening = Screening(tuple(Range(f"x{i}", low, high) for i in range(d)), method, n, 0)
    return screening.analysed(function(screening.points().to_numpy()))


def test_sobols_indices_are_those_of_ishigamis_function():
    """Closed form (Ishigami & Homma 1990): V = 1/2 + a^2/8 + b pi^4/5 + b^2 pi^8/18."""
    a, b = 7.0, 0.1
    first = np.array([0.5 * (1 + b * math.pi**4 / 5) ** 2, a**2 / 8, 0.0])
    third = b**2 * math.pi**8 * 8 / 225
    total = first + third * np.array([1, 0, 1])
    variance = first.sum() + third
    table = screened(ishigami, "sobol", 4096)
    assert table["S1"].to_numpy() == pytest.approx(first / variance, abs=0.02)
    assert table["ST"].to_numpy() == pytest.approx(total / variance, abs=0.02)
    for name, true in (("S1", first), ("ST", total)):
        assert (table[f"{name}_low"] <= true / variance + 1e-3).all()
        assert (true / variance - 1e-3 <= table[f"{name}_high"]).all()


def test_morris_tells_a_straight_effect_from_one_that_varies():
    table = screened(
        lambda x: 3 * x[:, 0] - 0.5 * x[:, 1] + x[:, 2] * x[:, 3], "morris", 64, d=4, low=0, high=2
    )
    assert table["mu"].to_numpy()[:2] == pytest.approx([6.0, -1.0])  # over the whole range
    assert table["mu_star"].to_numpy()[:2] == pytest.approx([6.0, 1.0])
    assert table["sigma"].to_numpy()[:2] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert (table["sigma"][2:] > 0.5).all()


@pytest.mark.full
def test_short_flashes_hang_on_the_threshold_long_ones_on_the_slots():
    """And nothing hangs on alpha where there is no distractor: with the same draws exactly nothing."""
    metrics = ["letters_reported_at_17_ms", "letters_reported_at_200_ms"]
    params = ["capacity", "slots", "threshold", "alpha"]
    done = tune.sensitivity(flash(1 / 60, 0.2), params, metrics, n=32, people=1, trials=60)
    total = done.table().pivot_table(index="metric", columns="parameter", values="ST")
    short, long = (total.loc[m] for m in metrics)
    assert short["threshold"] > 0.4
    assert short["slots"] < 0.1
    assert long["slots"] > 0.75
    assert long["capacity"] < 0.2
    assert (total["alpha"] == 0).all()
    bars = done.plot().axes[0].patches
    assert max(b.get_width() for b in bars) == pytest.approx(total.loc[metrics[0]].max())


@pytest.mark.full
def test_a_measure_that_never_changes_hangs_on_nothing():
    done = tune.sensitivity("simple_rt", ["slots", "alpha"], "rt", n=4, people=1)
    assert (done.table()[["S1", "ST"]] == 0).all(axis=None)
    assert done.notes == ["rt is the same at every point"]
    assert done.heading() == "simple_rt: none of these parameters matters"
    assert done.findings() == ["rt: none of the 2 parameters matters."]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"metric": "rtt"}, "metric must be one of .* did you mean 'rt'"),
        ({"n": 12}, "n must be a power of two"),
        ({"method": "fast"}, "method must be one of sobol, morris"),
        ({"paradigm": "simple_rtt"}, "paradigm must be one of"),
    ],
)
def test_a_wrong_question_is_named_and_leaves_nothing(tmp_path, change, word):
    asked = {"paradigm": "simple_rt", "params": ["speed"], "metric": "rt", "n": 8, "people": 1} | change
    with pytest.raises(InputError, match=word):
        tune.sensitivity(**asked, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.full
def test_a_stopped_screening_goes_on_to_the_same_numbers(tmp_path, monkeypatch):
    asked = {"params": ["speed", "wandering"], "metric": "rt", "n": 4, "people": 1, "out": tmp_path}
    with pytest.raises(Stop):
        tune.sensitivity("simple_rt", progress=stop_at(9), **asked)
    played, real = [], probes._measured
    monkeypatch.setattr(probes, "_measured", lambda plan: played.append(plan) or real(plan))
    done = tune.sensitivity("simple_rt", resume=True, **asked)
    assert len(played) == 1 + 16 - 9  # the first says which measures there are
    assert (done.folder / "done.json").exists()
    fresh = tune.sensitivity("simple_rt", **(asked | {"out": None}))
    pd.testing.assert_frame_equal(done.points, fresh.points, check_exact=True)
    pd.testing.assert_frame_equal(done.table(), fresh.table(), check_exact=True)


# --- goals ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 * a[load=3] - b / 4", 3.5),
        ("-(a[load=3] + b) ** 2", -16.0),
        ("min(a[load=3], b, 1) + max(b, 5)", 6.0),
        ("sqrt(4) + abs(-b) + log(exp(1))", 5.0),
        ("b / 0", math.nan),
        ("(-8) ** 0.5", math.nan),
        ("9 ** 9 ** 9 ** 9", math.nan),
    ],
)
def test_expressions_are_sums(text, value):
    assert Expression(text).value({"a[load=3]": 2.0, "b": 2.0}) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    ["", "a b", "__import__('os')", "a.b", "lambda: 1", "[1, 2]", "f(a)", "a if b else 1", "'x' * 3", "min(a)",
     "(a := 1)", "min(a, key=b)", "(" * 300, "a" * 2000, "a < b"],
)  # fmt: skip
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(InputError, match="expression"):
        Expression(text)


def test_goals_and_constraints_are_read_as_they_are_said():
    assert (str(Goal.read("min capacity")), Goal.read("maximise hits - rt").largest) == ("min capacity", True)
    assert Constraint.read("hits[load=3] >= 0.9").excess({"hits[load=3]": 0.7}) == pytest.approx(0.2)
    assert Constraint.read("misses <= 0.05").excess({"misses": 0.01}) < 0
    for text in ("capacity", "min", "least capacity"):
        with pytest.raises(InputError, match="a goal is min or max"):
            Goal.read(text)
    for text in ("misses", "0.1 <= a <= 2", "a = 3"):
        with pytest.raises(InputError, match="a constraint is one of"):
            Constraint.read(text)


# --- search ---

LONG = {
    "paradigm": flash(3.0),
    "params": {"slots": (1.0, 6.0)},
    "goal": "min slots",
    "people": 1,
    "trials": 400,
}


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_the_cheapest_store_is_the_one_that_the_law_says(sampler):
    """Shown for ever, K letters of six are seen: 40 % of them takes K = 2.4."""
    done = tune.sweep(**LONG, subject_to="hits >= 0.4", candidates=26, sampler=sampler)
    assert done.best["slots"] == pytest.approx(2.4, abs=0.45 if sampler == "random" else 0.25)
    assert done.best["slots"] == done.table().loc[done.table()["feasible"], "slots"].min()
    assert done.measured["hits"].to_numpy() == pytest.approx(done.table()["slots"].to_numpy() / 6, abs=0.02)
    assert done.observer() == Observer(slots=done.best["slots"])


def test_guided_search_tries_more_where_it_matters():
    near = {
        s: (tune.sweep(**LONG, subject_to="hits >= 0.4", candidates=32, sampler=s).table()["slots"] - 2.4)
        .abs()
        .median()
        for s in ("tpe", "random")
    }
    assert near["tpe"] < near["random"]


TWO = {"paradigm": flash(0.1), "params": {"slots": (1, 6), "capacity": (20, 120)}, "goal": "min capacity",
       "subject_to": ["misses <= 0.6"], "people": 1, "trials": 20, "candidates": 21}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed():
    return tune.sweep(**TWO)


@pytest.mark.full
@pytest.mark.parametrize("at", [3, 13, 16])
def test_a_stopped_sweep_goes_on_to_the_same_trials(tmp_path, undisturbed, at):
    """Within its first round, within a later one, and between two."""
    with pytest.raises(Stop):
        tune.sweep(**TWO, out=tmp_path, progress=stop_at(at))
    done = tune.sweep(**TWO, out=tmp_path, resume=True)
    pd.testing.assert_frame_equal(done.table(), undisturbed.table(), check_exact=True)
    pd.testing.assert_frame_equal(done.fresh, undisturbed.fresh, check_exact=True)


def test_what_was_finished_is_read_and_not_played_again(tmp_path, monkeypatch):
    with pytest.raises(Stop):
        tune.sweep(**TWO, out=tmp_path, progress=stop_at(13))
    played, real = [], probes._measured
    monkeypatch.setattr(probes, "_measured", lambda plan: played.append(plan) or real(plan))
    tune.sweep(**TWO, out=tmp_path, resume=True)
    assert len(played) == 1 + (21 - 13) + 1  # which measures there are, the rest, the best with fresh draws


@pytest.mark.full
def test_the_number_of_cores_changes_no_trial(monkeypatch, undisturbed):
    monkeypatch.setattr(scaling, "PATIENCE", 0.0)
    pd.testing.assert_frame_equal(tune.sweep(**TWO, n_jobs=2).table(), undisturbed.table(), check_exact=True)


def test_another_seed_tries_others(undisturbed):
    other = tune.sweep(**(TWO | {"seed": 1, "candidates": 9})).table()["capacity"]
    assert (other != undisturbed.table()["capacity"][:9]).all()


@pytest.mark.full
def test_the_journal_is_one_that_optuna_reads(tmp_path):
    done = tune.sweep(**TWO, out=tmp_path)
    backend = optuna.storages.journal.JournalFileBackend(str(done.folder / "optuna.journal"))
    study = optuna.load_study(study_name="sweep", storage=optuna.storages.JournalStorage(backend))
    assert [t.params["slots"] for t in study.trials] == done.table()["slots"].tolist()
    assert study.best_trial.number == done.best["candidate"]  # it knows the constraints
    assert Observer.from_file(done.folder / "observer.toml") == done.observer()


def test_what_was_called_each_still_works_and_is_told():
    """`trials` has another meaning today, so an old call must neither fail nor be taken for a new one."""
    new = tune.sweep(**(TWO | {"candidates": 4, "trials": 5})).table()
    with pytest.warns(DeprecationWarning, match="each is now called trials$"):
        old = tune.sweep(**({k: v for k, v in TWO.items() if k != "candidates"} | {"trials": 4, "each": 5}))
    pd.testing.assert_frame_equal(old.table(), new, check_exact=True)
    with pytest.warns(DeprecationWarning, match="this call tries 60 minds$"):
        assert sweeps.minds_and_trials(None, 5, None) == (None, 5)
    with pytest.warns(DeprecationWarning, match="each is now called trials$"):
        assert sweeps.minds_and_trials(7, None, 5) == (7, 5)
    message = "each is the old name of trials: give one of them"
    with pytest.warns(DeprecationWarning), pytest.raises(InputError, match=message):  # noqa: PT030
        tune.sweep(**TWO, each=5)


def test_a_grid_is_the_steps_or_as_many_as_there_are_candidates_for():
    asked = LONG | {"trials": 5, "sampler": "grid"}
    steps = tune.sweep(
        **(asked | {"params": {"slots": (1, 3, 0.5), "alpha": (0.5, 1.0)}}), candidates=12
    ).table()
    assert len(steps) == 10
    assert sorted(set(steps["slots"])) == [1.0, 1.5, 2.0, 2.5, 3.0]
    with pytest.raises(InputError, match="the grid has 50 points and candidates is 12"):
        tune.sweep(**(asked | {"params": {"slots": (1, 3, 0.5), "alpha": (0.1, 1.0, 0.1)}}), candidates=12)


def test_of_two_goals_the_front_is_what_none_beats():
    done = tune.sweep(**(TWO | {"goal": ["min capacity", "max hits"], "subject_to": ["slots <= 5"]}))
    front = done.table()[done.table()["best"]]
    assert len(front) > 1
    for row in front.itertuples():
        better = (
            done.table()["min capacity"] < row[done.table().columns.get_loc("min capacity") + 1]
        ) & done.table()["feasible"]
        assert not (better & (done.table()["max hits"] >= done.measured["hits"][row.Index])).any()
    ordered = front.sort_values("min capacity")["max hits"]
    assert ordered.is_monotonic_increasing


def test_where_nothing_holds_it_says_what_comes_nearest():
    done = tune.sweep(**(LONG | {"params": {"slots": (1.0, 2.0)}}), subject_to="hits >= 0.5", candidates=9)
    assert not done.table()["best"].any()
    assert done.findings()[0].startswith("0 of 9 candidates hold all constraints; the nearest is slots 1.9")
    with pytest.raises(InputError, match="no candidate holds all constraints"):
        done.observer()
    done.plot()


def test_the_best_is_played_again_with_other_draws(undisturbed):
    again = undisturbed.fresh["misses <= 0.6"].item()
    assert again != undisturbed.best["misses <= 0.6"]
    assert ("does NOT hold" in undisturbed.findings()[-1]) == (again > 0)


# --- how many trials? ---


@pytest.fixture(scope="module")
def alpha():
    return tune.design("whole_report", "alpha", 0.1, people=16)


def one_letter(*exposures):
    return pd.DataFrame({"exposure": exposures, "targets": 1, "distractors": 0})


def test_information_is_that_of_the_exponential_law():
    """One letter is seen with p = 1 - exp(-C (t - t0)): a trial tells (dp/d log C)^2 / p (1 - p) of log C."""
    c, t0, t = 50.0, 0.01, np.array([0.02, 0.05, 0.1])
    law, theta = likelihoods.ReportLikelihood(stray=0.0), np.array([[c, 4.0, t0, 0.4]])
    told = designs.information(law, ("capacity", "threshold"), theta, one_letter(*t))[0]
    x = c * (t - t0)
    d_c, d_t0 = x * np.exp(-x), -c * np.exp(-x)
    both = (1 - np.exp(-x)) * np.exp(-x)
    assert told[:, 0, 0] == pytest.approx(d_c**2 / both, rel=1e-4)
    assert told[:, 0, 1] == pytest.approx(d_c * d_t0 / both, rel=1e-4)
    assert told[:, 1, 1] == pytest.approx(d_t0**2 / both, rel=1e-4)


def test_one_rate_is_told_best_where_one_letter_in_five_is_missed():
    """The optimum of a dilution series (Fisher 1922): C (t - t0) = 1.594, where x^2 / (e^x - 1) is largest."""
    t = np.linspace(0.012, 0.12, 109)
    law, theta = likelihoods.ReportLikelihood(stray=0.0), np.array([[50.0, 4.0, 0.01, 0.4]])
    w = designs.shared(designs.information(law, ("capacity",), theta, one_letter(*t)), 0)
    assert 50.0 * ((w * t).sum() - 0.01) == pytest.approx(1.594, abs=0.03)


def test_no_display_tells_more_than_the_proposal():
    """The equivalence theorem, over everything that there was to choose from."""
    law = likelihoods.of("whole_report")
    theta = designs._theta(law, Population.adults(), 16, 0)
    told = designs.information(
        law, law.params, theta, designs._conditions(designs.EXPOSURES, designs.DISPLAYS)
    )
    for at in range(4):
        w = designs.shared(told, at)
        gain = designs.gains(told, w, at)
        assert gain.max() < 1.02
        assert (gain * w).sum() == pytest.approx(1, abs=1e-3)


def test_it_takes_fewer_trials_than_the_usual_designs(alpha):
    needed = alpha.candidates.set_index("design")["trials"]
    assert needed["proposed"] < needed["whole + partial report of Wang et al. 2021"] < 5000
    assert needed["whole_report as it comes"] == np.inf  # no distractor, no alpha
    assert alpha.conditions["distractors"].max() > 0
    assert 0 <= alpha.trials - needed["proposed"] < len(alpha.conditions)


def test_half_the_error_takes_four_times_the_trials(alpha):
    twice = tune.design("whole_report", "alpha", 0.05, people=16)
    assert twice.trials / alpha.trials == pytest.approx(4, rel=0.03)
    sure = tune.design("whole_report", "alpha", 0.1, share=0.9, people=16)
    assert sure.trials > alpha.trials


def test_what_cannot_be_told_apart_is_named():
    """At one exposure more rate looks like less threshold; at two it does not."""
    one = tune.design("whole_report", "slots", 0.2, exposures=[0.1], displays=[(6, 0)], people=16,
                      params=("capacity", "slots", "threshold"))  # fmt: skip
    worst = one.axes.iloc[0]
    assert worst["sd"] >= 1
    assert worst["capacity"] * worst["threshold"] > 0
    assert any("capacity with more threshold: not determined" in w for w in one.findings())
    two = tune.design("whole_report", "threshold", 0.003, displays=[(6, 0)], people=16,
                      params=("capacity", "slots", "threshold"))  # fmt: skip
    assert two.axes["sd"].max() < 0.6
    assert not any("not determined" in w for w in two.findings())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"paradigm": "simple_rt"}, "for whole and partial report so far, not for simple_rt"),
        ({"param": "speed"}, "parameter must be one of capacity"),
        ({"within": 0}, "within must be > 0"),
        ({"share": 0}, "share must be > 0"),
        ({"displays": [(6, 0)]}, "none of these displays tells anything of alpha"),
        ({"exposures": []}, "at least one exposure"),
        ({"exposures": [-1]}, "exposure"),
        ({"params": ["slots"]}, "parameter that is estimated must be one of slots"),
    ],
)
def test_a_design_that_cannot_be_is_named(change, word):
    asked = {"paradigm": "whole_report", "param": "alpha", "people": 4} | change
    with pytest.raises(InputError, match=word):
        tune.design(**asked)


def test_the_proposal_can_be_run_as_it_is(alpha):
    shown = [t.conditions()[0] for t, _ in alpha.as_design()]
    assert pd.DataFrame(shown).to_numpy() == pytest.approx(alpha.conditions[designs._CONDITION].to_numpy())
    assert [n for _, n in alpha.as_design()] == alpha.conditions["trials"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("param", "within"), [("alpha", 0.1), ("capacity", 10.0)])
def test_simulated_people_are_known_as_well_as_promised(param, within):
    done = tune.design("whole_report", param, within, check=40)
    row = done.check.set_index("parameter").loc[param]
    assert row["promised"] == pytest.approx(within, rel=0.05)
    assert row["found"] == pytest.approx(within, rel=0.25)
    assert row["intervals that hold"] >= 0.85


# --- the commands ---


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*tokens):
        with pytest.raises(SystemExit) as stop:
            cli.main([*map(str, tokens), "--jobs", "1", "--json"])
        out, err = capsys.readouterr()
        assert stop.value.code == 0, err
        return json.loads(out), next(
            line for line in err.splitlines() if line.startswith("Results:")
        ).split()[1]

    return run


@pytest.mark.full
def test_the_three_commands_leave_tables_figures_and_words(call, tmp_path):
    rows, folder = call("sensitivity", "simple_rt", "--params", "speed,evidence_threshold=2:4", "--metric", "rt,misses",
                        "--n", 4, "--people", 1, "--method", "morris")  # fmt: skip
    assert [r["parameter"] for r in rows] == ["speed", "evidence_threshold"] * 2
    assert (tmp_path / folder / "figures" / "sensitivity.png").is_file()
    rows, folder = call("sweep", "whole_report", "--param", "slots=1:6:1", "--goal", "min slots", "--subject-to",
                        "hits[exposure=0.2] >= 0.4", "--option", "exposures=[0.05, 0.2]", "--sampler", "grid",
                        "--people", 1, "--candidates", 60, "--trials", 50)  # fmt: skip
    assert len(rows) == 6
    assert Observer.from_file(tmp_path / folder / "observer.toml").slots == 3.0
    assert (tmp_path / folder / "figures" / "sweep.png").is_file()
    rows, folder = call("design", "whole_report", "--for", "alpha", "--exposures", "50,200", "--check", 0)
    assert {r["exposure"] for r in rows} <= {0.05, 0.2}
    assert "not determined" in (tmp_path / folder / "findings.txt").read_text()
    assert sweeps.ROUND == 8
