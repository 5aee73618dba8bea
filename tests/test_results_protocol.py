"""One way to look at a result: every class of results answers to the same five, and what it saves reads back."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import cogattn as ca
from cogattn import human, tune
from cogattn.human import bands
from cogattn.nn.networks.training import Curve
from cogattn.reports import curves
from cogattn.reports import verify as verification
from cogattn.reports.scorecard import fill
from cogattn.view.result import Frame, Result

pytestmark = pytest.mark.full

PEOPLE = {"arms": "human", "people": 4, "trials": 8, "seed": 1}
LAWS = ["fixed race", "linear, no race"]


def quiet(function, *args, **how):
    """A few draws are warned of; that is not what is asked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **how)


def verified(monkeypatch):
    laws = verification.LAWS()[:2]
    monkeypatch.setattr(verification, "LAWS", lambda: laws)
    return verification.verify(quick=True)


def scored():
    values = {("human", r.phenomenon, r.metric): r.human for r in human.targets().head(3).itertuples()}
    return fill(human.targets(), values)


def curved():
    """Whole curves of two experiments; the others have no value."""
    played = {"model": [], "softmax": []}
    for name in ("stroop", "change_detection"):
        run = ca.run(name, people=3, seed=1)
        for column, arm in curves.ARMS.items():
            frame = run.frame[run.frame["arm"] == arm]
            played[column] += [curves.Played(s, s.values(frame)) for s in run.paradigm.scored()]
    return curves.CurveCard(curves.fill(bands.rows(), played), scored())


def regressed():
    """Response times of four people that a number of each trial makes longer."""
    draw = np.random.default_rng(1)
    load = np.tile([0.0, 1.0], 60)
    rt = 0.3 + draw.wald(0.4, 2.0, 120) * np.where(load > 0, 1.3, 1.0)
    frame = pd.DataFrame(
        {"person": np.repeat([1, 2, 3, 4], 30), "load": load, "rt": rt, "correct": draw.random(120) < 0.9}
    )
    return tune.regress(frame, ["drift ~ 1 + load + (1 | person)"])


#: What an axis may say without a unit in brackets: counts, shares, scores, places.
UNITLESS = re.compile(
    r"trial|candidate|step|loss|share|rank|people|reported|place|hits|\bAIC\b|^law |overlap"
)

#: Every kind of result, built small.
MADE = {
    "Trials": lambda: ca.run("partial_report", arms=("human", "softmax"), people=4, trials=8, seed=1),
    "Comparison": lambda: ca.compare("digit_reader", people=2, trials=2),
    "Scorecard": scored,
    "CurveCard": curved,
    "Explanation": lambda: ca.explain(ca.run("partial_report", model="digit_reader", people=1, trials=1)),
    "Live": lambda: ca.live(arms=("softmax",), seconds=0.2, fps=10.0),
    "Fit": lambda: tune.fit("whole_report", ca.run("whole_report", **PEOPLE)),
    "PeoplePrediction": lambda: tune.predict_people(
        {"whole_report": ca.run("whole_report", arms="human", people=6, trials=8)},
        {"partial_report": ca.run("partial_report", arms="human", people=6, trials=8)},
        minds=2,
    ),
    "Watch": lambda: ca.watch("low", people=3, changes=False),
    "Regression": lambda: regressed(),
    "Recovery": lambda: tune.recover([("whole_report", 8)], people=4),
    "Proposal": lambda: tune.design(
        "whole_report", "slots", 0.5, displays=[(6, 0)], exposures=[0.05, 0.1], params=["slots"], people=4
    ),
    "Sensitivity": lambda: tune.sensitivity("partial_report", ["slots"], "hits", n=4, people=1, trials=4),
    "Sweep": lambda: tune.sweep(
        "partial_report", {"slots": (1, 4, 1)}, "max hits", "slots <= 3", sampler="grid",
        candidates=4, people=1, trials=4
    ),
    "LawComparison": lambda: tune.compare_laws("partial_report", ca.run("partial_report", **PEOPLE), LAWS, folds=2),
    "Posterior": lambda: quiet(
        tune.sample_posterior, "partial_report", ca.run("partial_report", **PEOPLE), ("slots",),
        draws=20, chains=2, pool=False,
    ),
    "Calibration": lambda: quiet(tune.calibrate, "partial_report", ("slots",), replications=12, trials=4),
    "Curve": lambda: Curve([1.0, 0.5, 0.4], {3: 0.45}, best=3, title="Training of a network"),
}  # fmt: skip


def kinds(kind=Result):
    """Every class of results that the package has."""
    for own in kind.__subclasses__():
        if own.__module__.startswith("cogattn.") and own is not Frame:
            yield own.__name__
        yield from kinds(own)


def test_every_kind_of_result_is_held_here():
    for name in (*ca.__all__, *tune.__all__):
        getattr(ca, name, None)  # loads the module that it lives in
    own = {"Board", "DataReport", "TextReading"}  # test_board, test_real_files, nn/test_reader
    assert set(kinds()) - own == {*MADE, "Verification"}


@pytest.fixture(scope="module", params=[*MADE, "Verification"])
def result(request):
    with pytest.MonkeyPatch.context() as patch:
        made = MADE[request.param]() if request.param in MADE else verified(patch)
    assert type(made).__name__ == request.param
    return made


def test_it_answers_to_the_five(result):
    assert isinstance(result, Result)
    table = result.table()
    assert type(table) is pd.DataFrame
    assert len(table) > 0
    assert "<table" in result._repr_html_()
    assert result.heading() in result._repr_html_().replace("&#x27;", "'")


def test_findings_are_sentences_with_numbers(result):
    found = result.findings()
    assert found
    assert isinstance(found, list)
    for sentence in found:
        assert re.search(r"\d", sentence), sentence
        assert sentence[0].strip()
        assert sentence.rstrip()[-1] in ".:;?", sentence
        assert not re.search(r"\bnan\b|<NA>|\binf\b", sentence), sentence
    if not isinstance(result, Frame):
        assert str(result).splitlines() == found


def test_the_figure_has_titles_and_labelled_axes_with_units(result):
    figure = result.plot()
    axes = [ax for ax in figure.axes if ax.get_visible() and ax.axison]
    titles = [figure.get_suptitle(), *(ax.get_title(loc) for ax in axes for loc in ("left", "center"))]
    assert any(titles)
    labels = [text for ax in axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text]
    assert labels
    for label in labels:
        assert re.search(r"\[.+\]", label) or UNITLESS.search(label), f"{label} has no unit"
    plt.close(figure)


def test_what_is_saved_reads_back(result, tmp_path):
    folder = result.save(tmp_path / "kept")
    assert folder == tmp_path / "kept"
    assert (folder / "findings.txt").read_text().splitlines() == result.findings()
    done = json.loads((folder / "done.json").read_text())
    assert done
    last = max(folder.rglob("*"), key=lambda p: p.stat().st_mtime_ns if p.is_file() else 0)
    assert last.name == "done.json"
    assert list(folder.rglob("*.png"))
    tables = [name for name, content in result.files().items() if isinstance(content, pd.DataFrame)]
    assert tables
    for name in tables:
        path, own = folder / name, result.files()[name]
        back = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, keep_default_na=True)
        assert list(map(str, back.columns)) == list(map(str, own.columns))
        assert len(back) == len(own)
        for column in own.select_dtypes("number"):
            np.testing.assert_allclose(
                back[column].to_numpy(float),
                own[column].to_numpy(float, na_value=np.nan),
                rtol=1e-9,
                atol=1e-12,
            )


def test_a_table_that_was_an_attribute_still_answers_and_warns(result):
    now = result.table()
    if type(result).__name__ not in ("Recovery", "LawComparison", "Sensitivity", "Sweep", "Calibration"):
        return
    with pytest.warns(DeprecationWarning, match=r"table is a method now: \w+\.table\(\)"):
        assert list(result.table.columns) == list(now.columns)
    with pytest.warns(DeprecationWarning, match="is a method now"):
        assert result.table[now.columns[0]].tolist() == now[now.columns[0]].tolist()
    with pytest.warns(DeprecationWarning, match="is a method now"):
        assert len(result.table) == len(now)
