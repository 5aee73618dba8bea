"""An explanation says what the trial's own events and the network's own attention say, number and picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from own import COPYIST

from cogattn import explain, load, run
from cogattn.errors import InputError
from cogattn.runs.experiment import events


@pytest.fixture(scope="module")
def report():
    return run("partial_report", model="digit_reader", people=3, trials=4, seed=2)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "copyist.py"
    path.write_text(COPYIST)
    return run("own_task", model=str(path), people=3, trials=4, seed=2, out=path.parent)


def test_what_is_held_and_when_is_what_the_events_say(copied):
    told = explain(copied, condition=2, person=1, trial=3)
    record = events(copied, "human", condition=2, person=1, trial=3)
    rows = told.one("human")
    came = record[record["kind"].astype(str) == "encode"].set_index("element")["time"]
    left = record[record["kind"].astype(str) == "displace"].set_index("element")["time"]
    names = [f"e{i}" for i in range(8)]
    assert rows["encoded"].to_numpy() == pytest.approx(came.reindex(names).to_numpy(), nan_ok=True)
    assert rows["left"].to_numpy() == pytest.approx(left.reindex(names).to_numpy(), nan_ok=True)
    own = copied.frame.query("words == 8 and arm == 'human' and person == 1 and trial == 3")
    assert rows["held"].sum() == own["answered"].item()


def test_everybodys_trials_agree_with_the_run(copied):
    told = explain(copied, condition=1, everybody=True)
    held = told.frame.groupby(["arm", "person", "trial"])["held"].sum()
    own = copied.frame.query("words == 4").set_index(["arm", "person", "trial"])["answered"]
    assert held.loc[own.index].tolist() == own.tolist()
    assert len(told.frame) == 2 * 3 * 4 * 4  # places without an element are left out
    share = told.frame.groupby(["arm", "person", "trial"])["allocation"].sum()
    assert (share <= 1 + 1e-9).all()
    assert share["softmax"].to_numpy() == pytest.approx(1)


def test_what_is_shut_gets_no_attention(report):
    told = explain(report, condition=1, everybody=True)
    rows = told.frame[told.frame["arm"] == "human"]
    assert (rows.loc[~rows["held"], "allocation"] == 0).all()
    soft = told.frame[told.frame["arm"] == "softmax"]
    target = soft["name"].str.startswith("t")
    assert soft.loc[target, "allocation"].sum() > 100 * soft.loc[~target, "allocation"].sum()


def test_the_names_are_those_of_the_trial(report):
    told = explain(report, condition=1, person=2, trial=1)
    frame = report.frame[(report.frame["exposure"] == report.paradigm.conditions()[1]["exposure"])]
    soft = frame.query("arm == 'softmax' and person == 2 and trial == 1 and distractors == 4")
    named = [name.split(": ")[1] for name in told.one("softmax")["name"] if name.startswith("t")]
    said = soft["response"].iloc[0].split()
    assert len(said) == len(named)
    assert sum(a == b for a, b in zip(said, named, strict=True)) >= len(named) - 1


def test_the_picture_has_a_cell_for_each_element_and_says_its_share(report):
    told = explain(report, condition=1)
    figure = told.plot()
    for ax, arm in zip(figure.axes, ("human", "softmax"), strict=False):
        rows = told.one(arm)
        texts = [t.get_text() for t in ax.texts]
        assert texts[1::2] == [f"{share:.2f}" for share in rows["allocation"]]
        assert texts[0::2] == rows["name"].tolist()
        assert len(ax.images) == len(rows)
        depth = [patch.get_alpha() for patch in ax.patches]
        assert np.argmax(depth) == np.argmax(rows["allocation"].to_numpy())
    assert told.pictures.shape == (6, 8, 8, 3)
    assert figure.get_suptitle().replace("\n", " ") == told.findings()[0]


@pytest.mark.usefixtures("all_formats")
def test_it_is_saved_with_the_run(copied):
    folder = load(copied.folder).folder
    told = explain(load(folder), condition=2, everybody=True)
    place = told.save(folder / "explained")
    assert {p.suffix for p in place.glob("explained.*")} == {".parquet", ".png", ".svg", ".pdf"}
    pd.testing.assert_frame_equal(pd.read_parquet(place / "explained.parquet"), told.frame)


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [("condition", 9, "condition must be"), ("person", 3, "person must be"), ("trial", -1, "trial must be")],
)
def test_a_trial_that_is_not_there(report, word, value, said):
    with pytest.raises(InputError, match=said):
        explain(report, **{word: value})


def test_a_mind_alone_or_a_session_is_not_explained():
    with pytest.raises(
        InputError, match="explain needs a run of single displays or of an own task, with a network"
    ):
        explain(run("whole_report", people=1, trials=1))
    with pytest.raises(InputError, match="cogattn trace RUN"):
        explain(run("nback", model="nback_reader", people=1))


def test_more_trials_than_memory_are_refused(monkeypatch, report):
    monkeypatch.setattr("cogattn.reports.explain.MOST", 11)
    with pytest.raises(InputError, match="people x trials must be <= 11, got 3 x 4"):
        explain(report, everybody=True)
