"""What a notebook shows: whole, escaped, without anything from elsewhere; and bars where somebody asks for one."""

from __future__ import annotations

import html
import io
import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

import cogattn as ca
from cogattn import notebook
from cogattn.errors import InputError
from cogattn.observer import PROPERTIES
from cogattn.parameters import PARAMETERS

EVIL = "<img src=x onerror=alert('x')>\"&"


class Reader(HTMLParser):
    """The text and the tags of a page, and whether every tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.open, self.kept = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def marked(page):
    """The first cells of the rows that stand out."""
    rows = re.findall(r"<tr style=[^>]*>(.*?)</tr>", page)
    return [re.sub(r"<[^>]+>", " ", row).split()[0] for row in rows]


@pytest.fixture(scope="module")
def shown():
    """Everything that shows itself, with a name that would be a script."""
    trials = ca.run("partial_report", arms=("human", "softmax"), people=4, trials=8, seed=1)
    data = ca.run("whole_report", arms="human", people=4, trials=8, seed=1)
    fit = ca.tune.fit("whole_report", data)
    fit.notes.append(EVIL)
    gate = ca.Race(capacity=45.0, slots=4, threshold=0.0)(
        torch.zeros(12, 16), exposure=0.1, generator=torch.Generator().manual_seed(0)
    )
    return {
        "observer": ca.Observer(slots=2.5),
        "population": ca.Population(slots=ca.Spread("constant", 2.0)),
        "trials": replace(trials, config=trials.config | {"model": f"{EVIL}.py"}),
        "fit": fit,
        "recovery": ca.tune.recover([("whole_report", 8)], people=4),
        "gate": gate,
        "open gate": ca.GateState(),
    }


NAMES = ("observer", "population", "trials", "fit", "recovery", "gate", "open gate")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole_and_escaped_and_takes_nothing_from_elsewhere(shown, name):
    page = shown[name]._repr_html_()
    read = Reader(page)
    assert not {tag for tag, _ in read.tags} & {"script", "link", "iframe", "style", "object"}
    for tag, attrs in read.tags:
        assert not any(word.startswith("on") for word in attrs)
        assert tag != "img" or attrs["src"].startswith("data:image/png;base64,")
    assert "://" not in re.sub(r'src="data[^"]*"', "", page)
    assert "color:#" not in page.replace("background", "")  # text takes the colour of the page, light or dark
    if name in ("trials", "fit"):
        assert "alert('x')" in "".join(read.text)


def test_an_observer_marks_what_differs_and_shows_all(shown):
    assert marked(shown["observer"]._repr_html_()) == ["slots"]
    assert marked(ca.Observer()._repr_html_()) == []
    assert marked(shown["population"]._repr_html_()) == ["slots"]
    names = [name for own in PROPERTIES.values() for name in own]
    assert sorted(names) == sorted(f.name for f in fields(ca.Observer))
    assert set(notebook.told(ca.Observer)) == set(names)
    assert notebook.told(ca.Observer)["slots"].startswith("K, visual short-term memory")
    for p in PARAMETERS:
        assert html.escape(p.told) in shown["observer"]._repr_html_()


def test_a_run_shows_its_summary_and_a_figure(shown):
    page = shown["trials"]._repr_html_()
    assert page.count("<img") == 1
    assert page.count("<tr") == 1 + len(shown["trials"].summary())


def test_a_gate_shows_what_is_let_through(shown):
    gate, page = shown["gate"], shown["gate"]._repr_html_()
    cells = [float(x) for x in re.findall(r"rgba\(0,114,178,([\d.]+)\)", page)]
    assert cells == gate.keep[:8].float().reshape(-1).tolist()
    assert "8 of 12 rows, 16 of 16 keys" in page
    assert "plain attention" in shown["open gate"]._repr_html_()
    bias = torch.zeros(1, 4)
    bias[0, 1:] = -np.inf
    half = ca.GateState(bias=bias, share=torch.tensor([0.5]))._repr_html_()
    assert re.findall(r"178,([\d.]+)\)", half) == ["0.50", "0.00", "0.00", "0.00"]
    schedule = ca.GateState(keep=torch.ones(3, 2, 5, dtype=torch.bool))._repr_html_()
    assert schedule.count("at moment") == 3


def test_progress_is_a_bar_or_what_a_person_gives(capfd):
    ca.run("partial_report", "human", people=2, trials=2, progress=True)
    assert "partial_report" in capfd.readouterr().err
    ca.run("partial_report", "human", people=2, trials=2, progress=False)
    assert capfd.readouterr().err == ""
    seen = []
    ca.run("partial_report", "human", people=2, trials=2, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(InputError, match="progress must be a function or True"):
        ca.run("partial_report", people=2, trials=2, progress="yes")


def test_where_there_is_no_terminal_progress_is_a_line_at_each_quarter(capfd, monkeypatch):
    bar = notebook.ticker(True, "simulate")
    assert notebook.ticker(bar, "fit") is bar  # a stage of the same work
    for done in range(1, 6):  # it needed fewer rounds than it might have
        bar(done, 8)
    second = notebook.ticker(bar, "rival laws")
    for done in (1, 2):
        second(done, 2)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "fit: 1 of 8 (12 %)",
        "fit: 2 of 8 (25 %)",
        "fit: 4 of 8 (50 %)",
        "rival laws: 1 of 2 (50 %)",
        "rival laws: 2 of 2 (100 %)",
    ]
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    bar(1, 8)
    assert bar.shown.n == 1
    bar.close()
    assert "\rrival laws: " in terminal.getvalue()
    assert "rival laws: 1 of 8" not in terminal.getvalue()


def test_numbers_are_short():
    row = notebook.rows([(1.23456789, 3, np.int64(4), np.nan, np.inf, True, "x")], list("abcdefg"))
    assert re.sub(r"<[^>]+>", " ", row).split()[7:] == ["1.235", "3", "4", "∞", "True", "x"]
