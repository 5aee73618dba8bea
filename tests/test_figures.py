"""Every paradigm's figure: its numbers are those of the table, its axes have units, its arms keep their pens."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from scipy import stats

from cogattn import paradigms
from cogattn.laws import memory
from cogattn.paradigms.digit_span import staircase
from cogattn.paradigms.vigilance import blockwise
from cogattn.paradigms.visual_search import DISPLAYS
from cogattn.runs.experiment import run
from cogattn.view import plot

# `slots` alone has no speed limit and so no response times: a panel of times lacks it, and `speed` must keep its pen.
ARMS = ("human", "slots", "speed", "softmax")
SMALL = {
    "breaks": {"before": 6, "after": 5, "lengths": (0.0, 60.0)},
    "control_room": {"minutes": 1.0},
    "digit_stream": {"minutes": 8.0},
    "go_nogo": {"trials": 100},
    "mackworth_clock": {"hours": 1.0},
    "nback": {"loads": (1, 2)},
    "pvt": {"block": 40},
    "sleep_restriction": {"days": 4},
    "vigilance": {"minutes": 2.0},
}
FEW = 16  # trials per condition


pytestmark = pytest.mark.filterwarnings("ignore:More than 20 figures")


PLAYED: dict = {}


def played(name):
    """A small run, and its figure."""
    if name not in PLAYED:
        kind = type(paradigms.get(name)())
        counts = "trials" in {f.name for f in fields(kind)} and name not in SMALL
        options = {"trials": FEW} if counts else SMALL.get(name, {})
        trials = None if kind.sessions else FEW
        done = run(kind(**options), ARMS, people=4, trials=trials, seed=3)
        PLAYED[name] = done, done.plot()
    return PLAYED[name]


@pytest.fixture(scope="module", autouse=True)
def closed():
    """All figures are given back in the end."""
    yield
    for _, figure in PLAYED.values():
        plot.close(figure)
    PLAYED.clear()


def lines(ax, arm, hollow=False):
    """The line of an arm in a panel, if it is drawn: filled by its label, hollow by its colour."""
    pen = plot.pens(ARMS)[arm]
    found = [li for li in ax.get_lines() if li.get_color() == pen.color and li.get_marker() == pen.mark]
    return [li for li in found if (li.get_markerfacecolor() == "white") == hollow]


#: paradigm: (panel, which rows, value, over, hollow), said again in words that pandas understands
PANELS = {
    "ant": [(0, "correct and congruence == -1", "1000 * rt", "cue", False),
            (0, "correct and congruence == 1", "1000 * rt", "cue", True),
            (2, "congruence == -1", "error", "cue", False)],
    "antisaccade": [(0, "side != 0", "1.0 * correct", "-side", False),
                    (1, "side != 0 and correct", "1000 * rt", "-side", False),
                    (2, "side != 0", "1000 * arrow", "-side", False)],
    "attentional_blink": [(1, "lag > 0", "T1", "lag", False), (2, "lag > 0", "swap", "lag", False)],
    "capture": [(0, "scene == 0 and correct", "1000 * rt", "extra", False),
                (1, "scene == 1", "letters", "extra", False)],
    "change_detection": [(0, "set_size > 0", "correct", "set_size", False)],
    "control_room": [(0, "arrived > 0", "answered / arrived", "load", False)],
    "digit_stream": [(0, "score >= 0", "score", "trial * 10 // 48", False)],
    "enumeration": [(0, "dots > 0", "1000 * rt", "dots", False)],
    "flanker": [(0, "correct", "1000 * rt", "-congruence", False)],
    "global_local": [(0, "level == 1 and correct", "1000 * rt", "-congruence", False),
                     (0, "level == 0 and correct", "1000 * rt", "-congruence", True)],
    "go_nogo": [(0, "signal", "responded", "block", False), (1, "not signal", "1000 * rt", "block", False)],
    "load_dilution": [(1, "load == 1 and correct", "1000 * rt", "letters", False),
                      (1, "load == 0 and correct", "1000 * rt", "letters", True)],
    "mackworth_clock": [(0, "alternate == 0", "missed", "block", False),
                        (1, "alternate == 1", "missed", "block", False)],
    "nback": [(1, "load > 0", "score / arrived", "load", False)],
    "partial_report": [(0, "score >= 0", "score", "distractors", False)],
    "posner": [(0, "soa > 0.7 and correct", "1000 * rt", "-cue", False), (1, "soa > 0.7", "error", "-cue", False)],
    "practice": [(0, "set_size > 0", "1000 * rt", "set_size", False)],
    "prp": [(0, "soa > 0", "1000 * rt2", "soa", False), (0, "soa > 0", "1000 * rt1", "soa", True)],
    "pvt": [(0, "rt >= 0.1", "1 / rt", "bin", False)],
    "serial_recall": [(1, "length > 0", "share", "length", False), (2, "length > 0", "correct", "length", False)],
    "simple_rt": [(0, "rt >= 0.1", "1 / rt", "bin", False)],
    "sleep_restriction": [(0, "rt >= 0.1", "1000 * rt", "day", False)],
    "simon": [(0, "correct", "1000 * rt", "-congruence", False)],
    "stop_signal": [(0, "signal", "responded", "delay", False),
                    (1, "rt > 0", "1000 * rt", "0 + signal", False)],
    "stroop": [(0, "correct", "1000 * rt", "-congruence", False)],
    "task_switching": [(0, "interval < 0.2 and correct", "1000 * rt", "change", False),
                       (1, "interval > 0.5", "error", "change", True)],
    "tracking": [(0, "targets > 0", "correct", "targets", False),
                 (1, "targets > 0", "targets * (2 * correct - 1)", "targets", False)],
    "two_choice": [(0, "correct", "1000 * rt", "condition", False),
                   (1, "score >= 0", "1.0 * correct", "condition", False)],
    "vigilance": [(0, "decide and signal", "responded", "block", False),
                  (1, "decide and not signal", "responded", "block", False)],
    "visual_search": [
        *((i, f"display == '{d}' and present == 1 and correct", "1000 * rt", "set_size", False)
          for i, d in enumerate(DISPLAYS)),
        (0, "display == 'feature' and present == 0 and correct", "1000 * rt", "set_size", True)],
    "whole_report": [(0, "score >= 0", "score", "exposure", False)],
}  # fmt: skip
BY_THEMSELVES = {
    "breaks",
    "choice_rt",
    "continuous_report",
    "digit_span",
    "dual_task",
}  # their figures are of statistics: tests of their own below


def test_every_paradigm_has_its_numbers_checked():
    assert set(PANELS) | BY_THEMSELVES == set(paradigms.names())


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(PANELS))
def test_a_line_is_the_mean_over_people_with_its_interval(name):
    done, figure = played(name)
    for panel, which, value, over, hollow in PANELS[name]:
        rows = done.frame.query(which)
        table = rows.assign(value=rows.eval(value).astype(float), over=rows.eval(over))
        drawn = 0
        for arm, own in table.groupby("arm", sort=False):
            by = own.groupby(["person", "over"])["value"].mean().unstack()
            found = lines(figure.axes[panel], arm, hollow)
            assert len(found) == int(by.notna().any(axis=None)), (panel, arm)
            for line in found:
                by, drawn = by[by.columns[by.notna().any()]], drawn + 1
                known = np.isfinite(line.get_ydata())
                assert line.get_ydata()[known] == pytest.approx(by.mean().to_numpy(), nan_ok=True), (
                    panel,
                    arm,
                )
                half = stats.t.ppf(0.975, by.count() - 1) * by.std() / np.sqrt(by.count())
                if half.max() > 0:
                    wanted = np.stack([by.mean() - half, by.mean() + half], 1)
                    if by.min(axis=None) >= 0 and by.max(axis=None) <= 1:  # shares stay what they are
                        wanted = wanted.clip(0, 1)
                    there = bars(figure.axes[panel], line)
                    assert any(
                        np.allclose(ends, wanted, rtol=1e-6, atol=1e-9, equal_nan=True) for ends in there
                    )
        assert drawn > 0


def bars(ax, line):
    """The two ends of each interval, of all bars in a line's colour that may be its own: one that was cut off at 0 or 1
    has no middle to know it by."""
    y, colour = line.get_ydata(), to_rgba(line.get_color())
    for container in ax.containers:
        bar = container.lines[2][0]
        ends = np.array([s[:, 1] if len(s) else [np.nan, np.nan] for s in bar.get_segments()])
        if len(ends) != len(y):
            continue
        cut = np.isin(ends, (0.0, 1.0)).any(1) & (ends[:, 0] <= y + 1e-9) & (ends[:, 1] >= y - 1e-9)
        around = (cut | np.isclose(ends.mean(1), y, equal_nan=True)).all()
        if around and container.get_label() == "_bars" and (bar.get_colors() == colour).all():
            yield ends


@pytest.mark.parametrize("name", paradigms.names())
def test_every_axis_has_its_unit_and_hides_nothing(name):
    _, figure = played(name)
    for ax in figure.axes:
        for label, ticks in (
            (ax.get_xlabel(), ax.get_xticklabels()),
            (ax.get_ylabel(), ax.get_yticklabels()),
        ):
            words = [t.get_text() for t in ticks if t.get_text()]
            named = bool(words) and not any(
                w.replace("−", "-").lstrip("-<>").replace(".", "").isdigit() for w in words
            )
            assert named or label.endswith("]") or not label, f"{label!r} has no unit"
        assert ax.get_legend() is None  # the one legend lies beside the panels
        low, high = ax.get_ylim()
        for line in ax.get_lines():
            y = np.asarray(line.get_ydata(), float)
            if line.get_label() in ARMS or line.get_marker() == "*":
                assert (y[np.isfinite(y)] >= low - 1e-9).all()
                assert (y[np.isfinite(y)] <= high + 1e-9).all()
    assert any(ax.get_ylabel().endswith("]") for ax in figure.axes)
    assert any(ax.get_xlabel() for ax in figure.axes)


@pytest.mark.parametrize("name", paradigms.names())
def test_an_arm_has_the_same_pen_in_every_panel_and_in_the_legend(name):
    _, figure = played(name)
    legend = figure.legends[0]
    shown = [(t.get_text(), h) for t, h in zip(legend.get_texts(), legend.legend_handles, strict=True)]
    shown += [(li.get_label(), li) for ax in figure.axes for li in ax.get_lines()]
    arms = {arm for arm, _ in shown} & set(ARMS)
    assert "human" in arms
    for arm, line in shown:
        if arm in ARMS:
            pen = plot.pens(ARMS)[arm]
            assert (line.get_color(), line.get_marker()) == (pen.color, pen.mark)
    there = {c.get_label() for ax in figure.axes for c in (*ax.containers, *ax.collections)}
    for mark, words in plot.MEANING.items():
        assert (words in legend.get_title().get_text().replace("\n", " ")) == (mark in there)


@pytest.mark.parametrize("name", ["flanker", "stroop"])
def test_delta_function_and_conditional_accuracy_are_the_metrics(name):
    done, figure = played(name)
    own = done.frame.query("arm == 'human'")
    values = {m.metric: m.value for m in done.paradigm.metrics(own)}
    (delta,), (hard,) = lines(figure.axes[1], "human"), lines(figure.axes[2], "human")
    y = delta.get_ydata()
    assert y[-1] - y[0] == pytest.approx(values["delta last minus first quantile"])
    assert (np.diff(delta.get_xdata()) > 0).all()  # over response times, not over numbers of quantiles
    assert hard.get_ydata()[0] == pytest.approx(values["accuracy of the fastest incongruent fifth"])


def test_vigilance_shows_criterion_and_sensitivity_of_the_mean_rates():
    done, figure = played("vigilance")
    table = blockwise(done.frame.query("arm == 'human'"))
    for panel, column in ((2, "c"), (3, "d")):
        (line,) = lines(figure.axes[panel], "human")
        assert line.get_ydata() == pytest.approx(table[column].to_numpy())
        minutes = done.frame.query("arm == 'human' and decide").groupby("block")["onset"].mean() / 60
        assert line.get_xdata() == pytest.approx(minutes.to_numpy())


def test_dual_task_shows_its_operating_characteristic():
    done, figure = played("dual_task")
    own = (
        done.frame.query("arm == 'human' and masked == 1")
        .groupby("share")[["left_right", "right_right"]]
        .mean()
    )
    (line,) = lines(figure.axes[0], "human")
    assert line.get_ydata() == pytest.approx(own["left_right"].to_numpy())
    assert line.get_xdata() == pytest.approx(own["right_right"].to_numpy())


def test_digit_span_shows_the_lists_that_were_met_and_the_places_of_eight():
    done, figure = played("digit_span")
    own = done.frame.query("arm == 'human'")
    for hollow, direction in ((False, 1), (True, -1)):
        steps = staircase(own[own["direction"] == direction])
        (line,) = lines(figure.axes[0], "human", hollow)
        by = steps.groupby(["person", "length"])["correct"].mean().unstack()
        by = by.loc[:, by.count() > len(by) / 2]  # few people have no mean that could be drawn
        assert line.get_xdata().tolist() == by.columns.tolist()
        assert line.get_ydata() == pytest.approx(by.mean().to_numpy())
        (line,) = lines(figure.axes[1], "human", hollow)
        long = own[(own["direction"] == direction) & (own["length"] == 8)]
        assert line.get_ydata() == pytest.approx(long[[f"p{i}" for i in range(1, 9)]].mean().to_numpy())


def test_continuous_report_shows_the_mixture_in_the_errors():
    done, figure = played("continuous_report")
    own = done.frame.query("arm == 'human'")
    (line,) = lines(figure.axes[1], "human")
    found = [memory.fit_mixture(f["error"])[0] for _, f in own.groupby("set_size")]
    assert line.get_ydata() == pytest.approx(found)
    curve = next(li for li in figure.axes[0].get_lines() if li.get_label() == "1 colour, human")
    area = np.trapezoid(curve.get_ydata(), curve.get_xdata())
    assert area == pytest.approx(1, abs=0.01)


def test_breaks_show_what_each_person_regained():
    done, figure = played("breaks")
    f = done.frame.query("arm == 'human' and kind == 0 and -5 <= block < 5 and rt >= 0.1")
    means = (
        f.assign(speed=1 / f["rt"], late=f["block"] >= 0)
        .groupby(["length", "person", "late"])["speed"]
        .mean()
    )
    gained = means.unstack().pipe(lambda t: t[True] - t[False]).groupby("length").mean()
    (line,) = lines(figure.axes[0], "human")
    assert line.get_ydata() == pytest.approx(gained.to_numpy())


def test_a_statistic_of_all_people_has_the_interval_of_a_mean():
    """Where the statistic is a mean, the jackknife by single people is the textbook's interval."""
    y = np.random.default_rng(0).normal(size=8)
    frame = pd.DataFrame({"person": np.arange(8), "y": y})
    value, half = paradigms.base.pooled(frame, lambda f: [f["y"].mean()], groups=8)
    assert value == pytest.approx([y.mean()])
    assert half == pytest.approx([stats.t.ppf(0.975, 7) * y.std(ddof=1) / np.sqrt(8)])


def test_the_title_of_what_captures_is_one_number_of_each_arm_in_one_line():
    """Where a scene is left out, the number of another one."""
    done, _ = played("capture")
    frame = done.frame[done.frame["arm"].isin(["human", "softmax"])]
    title = done.paradigm.drawn(frame).figure().get_suptitle()
    assert re.fullmatch(r"Own name noticed in the other ear: human \d+ %; softmax 100 %", title)
    said = replace(done.paradigm, scenes=("search",)).finding(frame)
    assert re.fullmatch(r"Delay of a search by a singleton: human -?\d+ ms; softmax no time", said)
