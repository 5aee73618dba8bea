"""The checker: ours are sound, and each way of being wrong is said in words; nothing is raised."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from own import NAMES

from cogattn import paradigms
from cogattn.paradigms import registry
from cogattn.paradigms.checkup import ACCOUNT

SHORT = {"go_nogo": {"trials": 60}, "control_room": {"minutes": 4.0}, "mackworth_clock": {}}
PARTS = ["declaration", "options", "conditions", "streams", "score", "drivers", "metrics", "people", "figure"]


def short(name):
    """A paradigm of ours, with few trials where it has an option for it."""
    kind = registry.known(name)
    few = {"trials": 6} if any(f.name == "trials" for f in dataclasses.fields(kind)) else {}
    return kind(**SHORT.get(name, few))


@pytest.mark.full
@pytest.mark.parametrize("name", paradigms.names())
def test_ours_are_sound(name):
    found = paradigms.check(short(name), people=1)
    assert found.problems == []
    assert found.tried == PARTS
    assert found.ok
    assert found.table()["ok"].all()


WRONG = {  # what is changed in a sound file -> (into what, the part that finds it, a word of what it says)
    'title = "Names, given back"': ('title = ""', "declaration", "title"),
    'condition_columns = ("size",)': ('condition_columns = "size"', "declaration", "condition_columns"),
    "banded = False": ('pictures = "film"', "declaration", "pictures"),
    "object.__setattr__(self, \"sizes\", tuple(self.sizes))": (
        'object.__setattr__(self, "sizes", (*self.sizes, 9))', "options", "sizes"
    ),
    'return [{"size": n} for n in self.sizes]': ("return []", "conditions", "at least one"),
    '[{"size": n} for n in self.sizes]': ('[{"n": n} for n in self.sizes]', "conditions", "columns"),
    '"size": n} for n in': ('"size": np.int64(n)} for n in', "conditions", "int64"),
    "for n in self.sizes]": ("for n in (*self.sizes, *self.sizes)]", "conditions", "the same"),
    "        return [{": ("        return 1 / 0 or [{", "conditions", "ZeroDivisionError"),
    'display(targets=condition["size"], exposure=self.shown)': ('"a display"', "streams", "TaskStream"),
    'targets=condition["size"]': ("targets=np.random.randint(1, 60)", "streams", "whenever"),
    '"censored": late,\n': ("", "score", "censored is missing"),
    '"missed": n - given - late': ('"missed": n - given + 1', "score", "answered + missed + censored"),
    '"answered": given': ('"answered": given / 2', "score", "count"),
    '"correct": right == n': ('"correct": True', "score", "entry per trial"),
    "[Metric(": ("3 and [0 for _ in (Metric,)] or [Metric(", "metrics", "Metric"),
    "in by.items()": ("in [*by.items(), *by.items()]", "metrics", "twice"),
    '{"size": n})': ('{"sise": n})', "metrics", "no column"),
    ', {"size": n})': (")", "metrics", "does not say"),
    'np.nan, {"size": n}': ('np.nan, {"size": 99}', "metrics", "no trial"),
    "float(s), np.nan,": ('"some", np.nan,', "metrics", "numbers"),
    'return pd.DataFrame(columns=["size", "mean", "sd", "n"], dtype=float)': ("return None", "people", "DataFrame"),
    'return plot.finish(ax.figure, [ax], "names")': ("return None", "figure", "Figure"),
    "curve(ax, frame,": ("0 and curve(ax, frame,", "figure", "nothing"),
    "        with plot.style() as plt:": (
        "        frame['more'] = 1\n        with plot.style() as plt:", "figure", "change"
    ),
}  # fmt: skip


@pytest.mark.parametrize("good", WRONG)
def test_what_is_wrong_is_said(good, tmp_path):
    bad, part, word = WRONG[good]
    text = NAMES.replace(good, bad).replace('"names_back"', '"names_wrong"')
    assert text.count(bad) >= 1
    assert NAMES.count(good) >= 1
    path = tmp_path / "wrong.py"
    path.write_text(text)
    kind = registry.read(path)
    registry.unregister("names_wrong")
    found = paradigms.check(kind(sizes=(2, 4)), people=1)
    assert not found.ok
    assert found.found[0][0] == part, str(found)
    assert word in "; ".join(found.problems), str(found)
    assert word in str(found)
    assert part in found.table().query("not ok")["part"].tolist()
    assert word in found._repr_html_() or "&" in found._repr_html_()


def test_a_sound_file_is_sound(tmp_path):
    path = tmp_path / "right.py"
    path.write_text(NAMES.replace('"names_back"', '"names_right"'))
    found = paradigms.check(str(path))
    registry.unregister("names_right")
    assert found.ok, str(found)
    assert str(found).startswith("names_right: nothing wrong")


@pytest.mark.parametrize("thing", [3, "nobody.py", "prq", dict])
def test_what_is_no_paradigm_is_a_problem_too(thing):
    found = paradigms.check(thing)
    assert not found.ok
    assert found.tried == ["making it"]


def test_the_drivers_are_compared(monkeypatch):
    """An event that only one of them brings is seen, and one that comes later."""
    from cogattn.mind import world

    task, real = short("partial_report"), world.play

    class Told:
        def __init__(self, events):
            self.events = events

    monkeypatch.setattr(world, "play", lambda *a, **k: Told(real(*a, **k).events.iloc[:-1]))
    assert "other events" in str(paradigms.check(task, people=1))
    late = lambda *a, **k: Told(real(*a, **k).events.assign(time=lambda e: e["time"] + 1e-3))  # noqa: E731
    monkeypatch.setattr(world, "play", late)
    assert "other times" in str(paradigms.check(task, people=1))


def test_it_scores_what_a_run_scores():
    """The checker's trials are those of a run: the same columns, the same account."""
    import cogattn as ca
    from cogattn.paradigms.checkup import _Trial

    for name in ("partial_report", "prp", "digit_stream"):
        task = short(name)
        trial = _Trial(task, 2, 2, 0)
        for part in (trial.of_conditions, trial.streams, trial.score):
            assert list(part()) == []
        trials = 1 if task.sessions else 2
        run = ca.run(task, people=2, trials=trials, observer=ca.Observer()).frame
        assert set(run.columns) == set(trial.frame.columns)
        ours, theirs = (
            f.groupby(["arm", *task.condition_columns])[list(ACCOUNT)].sum() for f in (trial.frame, run)
        )
        assert ours.equals(theirs.loc[ours.index])
        assert np.array_equal(trial.frame["score"].sum(), run["score"].sum())
