"""README.md is short, and every number that it claims is computed here from results that are committed."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

import cogattn as ca

ROOT = Path(ca.__file__).parents[1]
RESULTS = ROOT / "results" / "reference"
TEXT = (ROOT / "README.md").read_text("utf-8")
FLAT = re.sub(r"\s+", " ", TEXT)


def test_the_chinese_readme_says_the_same_numbers():
    """Every number of the section "what is true", in order or not, stands in the other language too."""
    english = TEXT.split("## What is true")[1].split("\n## ")[0]
    chinese = (ROOT / "README.zh.md").read_text("utf-8").split("## 哪些是真的")[1].split("\n## ")[0]
    assert sorted(re.findall(r"\d+(?:\.\d+)?", english)) == sorted(re.findall(r"\d+(?:\.\d+)?", chinese))


def test_it_fits_on_a_page_and_a_half():
    assert len(TEXT.splitlines()) <= 120
    assert max(len(line) for line in TEXT.splitlines() if not line.startswith(("|", "!"))) <= 150


def test_the_bands_that_were_set_by_hand():
    card = pd.read_csv(RESULTS / "scorecard" / "scorecard.csv")
    known = card[card["softmax"].notna()]
    other = pd.read_csv(RESULTS / "scorecard" / "other_samples.csv", comment="#")["inside"].tolist()
    assert (
        f"in {card['inside'].sum()} of {len(card)} measures that were chosen by hand ({other[0]} and {other[1]} for "
        "two other samples of 200 people). Without limits it is inside "
        f"{known['softmax_inside'].eq(True).sum()} of {len(known)}; it has no value for the other "
        f"{len(card) - len(known)}, nearly all because it takes no time"
    ) in FLAT


def test_what_is_predicted_without_the_phenomenon():
    left_out = pd.read_csv(RESULTS / "simulations" / "calibrate_population" / "loo.csv")
    said = f"{left_out['without inside'].sum()} of the {len(left_out)} bands were reached"
    assert said in FLAT


def test_the_network_of_the_main_comparison():
    rows = pd.read_csv(RESULTS / "compare" / "summary.csv").dropna(subset=["low"])
    inside = {arm: int(rows[f"{arm} inside"].eq(True).sum()) for arm in ("human", "softmax")}
    assert inside["softmax"] == 0
    assert (
        f"inside {inside['human']} of the {len(rows)} bands of whole and partial report under human limits, and inside "
        "none without"
    ) in FLAT


def test_the_page_of_networks_shows_their_last_comparison():
    page = (RESULTS / "models" / "README.md").read_text("utf-8")
    shown = re.findall(r"^\| \[`(\w+)`\].* (\d+) of (\d+) \| (\d+) of \d+ \|$", page, re.M)
    assert len(shown) >= 4
    for name, human, bands, softmax in shown:
        rows = pd.read_csv(
            RESULTS / ("compare" if name == "digit_reader" else f"compare-{name}") / "summary.csv"
        )
        rows = rows.dropna(subset=["human inside"])
        own = [int(rows[f"{arm} inside"].eq(True).sum()) for arm in ("human", "softmax")]
        assert (len(rows), *own) == (int(bands), int(human), int(softmax)), name


def test_the_network_of_the_bare_command():
    rows = pd.read_csv(RESULTS / "compare-seer" / "summary.csv").dropna(subset=["low"])
    inside = {arm: int(rows[f"{arm} inside"].eq(True).sum()) for arm in ("human", "softmax")}
    alone = rows["arm mind alone"].between(rows["low"], rows["high"]).sum()
    assert (
        f"it is inside {inside['human']} of {len(rows)} bands, without them inside {inside['softmax']}. The same minds "
        f"without a network are inside {alone}"
    ) in FLAT


def test_the_network_that_looks_at_eleven_tasks():
    tasks = pd.read_csv(RESULTS / "simulations" / "what_does_the_seer_add" / "bands.csv")
    assert len(tasks) == 11
    known, human, softmax = tasks[["bands", "human", "softmax"]].sum()
    said = f"under human limits it is inside {human} of {known} bands, without them inside {softmax}"
    assert f"displays of eleven tasks: {said}" in FLAT


def test_what_the_picture_shows():
    table = pd.read_csv(RESULTS / "simulations" / "what_do_three_watchers_see" / "table.csv")
    seen = table.set_index("exposure").loc[0.15]
    assert (
        f"for 150 ms: people see {seen['people']:.1f} of them on average, a network under human limits "
        f"{seen['human']:.0f}, the same network with plain softmax attention {seen['softmax']:.0f}"
    ) in FLAT


def test_the_ratios_of_speed():
    page = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    cells = next(line for line in page.splitlines() if line.startswith("| `cohort.play`")).split("|")
    assert f"costs {float(cells[3]):.1f} times as much as in a fifteen-line compiled loop" in FLAT
    assert abs(float(cells[4]) / 60 - 1) < 0.1
    assert "one sixtieth of what it costs in SimPy" in FLAT
