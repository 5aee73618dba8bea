"""The page in a real browser: it opens, sliders move by keyboard, numbers follow, and nothing leaves this machine.

Screenshots go to the folder that COGATTN_SCREENSHOTS names (continuous integration keeps it), else to pytest's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import children
import pytest

import cogattn as ca

pytest.importorskip("panel", reason="needs the extra: pip install 'cogattn[explore]'")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install 'cogattn[test]'"
)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """The command in a process of its own: (its address, the process)."""
    process = children.start(
        "explore", "--no-browser", "whole_report", "--people", "4", stderr=subprocess.STDOUT, text=True
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + process.stdout.read()
        yield found.group(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(chromium, server):
    """Open the page: (how, what was asked for, what went wrong)."""
    asked, wrong, contexts = [], [], []

    def go(width=1100, height=900, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda r: asked.append(r.url))
        tab.on("websocket", lambda w: asked.append(w.url))
        tab.on("pageerror", lambda e: wrong.append(str(e)))
        tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        tab.goto(server[0])
        settled(tab)
        return tab

    yield go, asked, wrong
    for context in contexts:
        context.close()


@pytest.fixture
def visit(pages, server):
    """Open the page; at the end: no error was logged, and every request of all tests went to this machine."""
    go, asked, wrong = pages
    yield go
    assert not wrong
    assert len(asked) > 3
    assert {
        u for u in asked if not re.match(rf"(http|ws)://{server[0][7:]}/|data:|blob:{server[0]}", u)
    } == set()


@pytest.fixture(scope="module")
def shared(pages):
    return pages[0]()


@pytest.fixture
def tab(visit, shared):
    """The one page of these tests, as it is when it is opened."""
    if shared.locator("html").get_attribute("data-theme") == "dark":
        shared.click("#theme")
    shared.get_by_role("button", name="Mean adult").click()
    settled(shared)
    if shared.input_value("#paradigm") != "whole_report":
        shared.select_option("#paradigm", "whole_report")
        settled(shared)
    return shared


def settled(tab):
    """Wait until every question is answered."""
    tab.wait_for_selector("html[data-ready]")
    tab.wait_for_function("!document.body.hasAttribute('aria-busy')")


def numbers(tab):
    """The tables of numbers, as texts: {(caption, column, row): number}."""
    return tab.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#numbers table")].flatMap(t => {
        const head = [...t.querySelectorAll("th")].map(h => h.textContent);
        return [...t.querySelectorAll("tbody tr")].flatMap(r => [...r.cells].slice(1).map((c, i) =>
          [`${head[i + 1]} at ${r.cells[0].textContent}`, c.textContent]));
        }))"""
    )


def drawn(tab):
    """What Bokeh has on its first plot: the y of every point of the human arm."""
    return tab.evaluate(
        """() => {
        const columns = m => Object.fromEntries(m.data.entries ? m.data : Object.entries(m.data));
        const sources = [...Bokeh.documents[0]._all_models.values()].filter(m => m.type === "ColumnDataSource");
        const points = sources.map(columns).find(d => d.mark && d.name.includes("human"));
        return points.name.map((n, i) => n === "human" ? points.y[i] : null).filter(y => y !== null);
        }"""
    )


def press(tab, key, times=1):
    for _ in range(times):
        tab.keyboard.press(key)
    settled(tab)


def keep(tab, tmp_path, name):
    folder = Path(os.environ.get("COGATTN_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    tab.wait_for_timeout(300)  # Bokeh draws in the next frame
    tab.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_it_opens_and_fits(visit, tmp_path, width, scheme):
    tab = visit(width, 844 if width < 500 else 900, scheme)
    assert tab.locator("#finding").text_content().startswith("Whole report: letters of 6 at 200 ms")
    assert tab.locator("html").get_attribute("data-theme") == scheme
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    canvas = tab.locator("#fig0 canvas").first.bounding_box()
    assert canvas["width"] > 0.5 * min(width, 600)
    assert tab.locator("#fig1").is_hidden()
    keep(tab, tmp_path, f"explore-{width}-{scheme}")


def test_a_slider_moved_by_keyboard_moves_the_curve_and_its_numbers(tab, tmp_path):
    before, curve = numbers(tab), drawn(tab)
    tab.focus("#knob-capacity")
    press(tab, "ArrowLeft", 40)
    after, moved = numbers(tab), drawn(tab)
    assert float(tab.get_attribute("#knob-capacity", "aria-valuetext").split()[0]) < 40
    assert float(after["human at 50"]) < float(before["human at 50"]) - 0.3
    assert after["people at 50"] == before["people at 50"]
    assert after["softmax at 50"] == before["softmax at 50"]
    assert max(abs(a - b) for a, b in zip(curve, moved, strict=True)) > 0.3
    assert "mean adult" in tab.locator("#legend").text_content()
    keep(tab, tmp_path, "explore-moved")
    tab.get_by_role("button", name="Reset capacity").press("Enter")
    settled(tab)
    assert numbers(tab) == before
    tab.focus("#knob-slots")
    press(tab, "End")
    assert tab.get_attribute("#knob-slots", "aria-valuetext") == "no limit"
    assert float(numbers(tab)["human at 200"]) > float(before["human at 200"]) + 1


def test_all_of_it_is_reached_by_keyboard_and_has_a_name(visit):
    tab = visit()
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll(".page :is(button, select, input:not([hidden]))")]
        .filter(e => !(e.getAttribute("aria-label") || e.labels?.length))
        .filter(e => !(e.matches("button") && e.textContent.trim()))
        .map(e => e.outerHTML)"""
    )
    assert nameless == []
    seen = []
    for _ in range(30):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert seen[:4] == ["To the sliders", "paradigm", "seed", "copy"]
    assert seen.index("theme") < seen.index("Mean adult") < seen.index("beside") < seen.index("knob-capacity")
    tab.keyboard.press("Shift+Tab")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_another_task_has_its_own_curves_and_a_mind_keeps_its_numbers(tab, tmp_path):
    tab.get_by_role("button", name="Two slots").click()
    tab.select_option("#paradigm", "prp")
    settled(tab)
    assert tab.locator("#finding").text_content().startswith("Two choices at once")
    assert [tab.locator(f"#fig{i}").is_visible() for i in range(4)] == [True, True, False, False]
    assert tab.get_attribute("#knob-slots", "aria-valuetext") == "2 items"
    assert tab.get_by_role("button", name="Two slots").get_attribute("aria-pressed") == "true"
    first = tab.locator("#trial-title").text_content()
    tab.get_by_role("button", name="Next trial").click()
    settled(tab)
    assert tab.locator("#at").text_content() == "2"
    assert first
    tab.get_by_role("button", name="Dark colours").click()
    settled(tab)
    assert tab.locator("html").get_attribute("data-theme") == "dark"
    keep(tab, tmp_path, "explore-prp-dark")


def test_a_mind_is_saved_and_opened_again(tab, tmp_path):
    tab.get_by_role("button", name="No limits").click()
    settled(tab)
    with tab.expect_download() as begun:
        tab.get_by_role("button", name="Save observer").click()
    path = tmp_path / "observer.toml"
    begun.value.save_as(path)
    assert ca.Observer.from_file(path) == ca.Observer().unlimited()
    tab.get_by_role("button", name="Mean adult").click()
    settled(tab)
    tab.set_input_files("#file-observer", path)
    tab.wait_for_function("document.querySelector('#status').textContent.includes('loaded')")
    assert tab.get_attribute("#knob-capacity", "aria-valuetext") == "no limit"
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_role("button", name="Copy as command").click()
    tab.wait_for_function("document.querySelector('#status').textContent.startsWith('Copied')")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert "cogattn run whole_report --people 4" in copied
    assert "capacity = inf" in copied


def test_a_persons_own_file_or_why_not(tab, tmp_path):
    good, bad = tmp_path / "mine.csv", tmp_path / "bad.csv"
    mine = ca.run("whole_report", arms="human", people=1, trials=8, seed=4)
    mine.frame[["person", "exposure", "targets", "score"]].to_csv(good, index=False)
    bad.write_text("person,exposure,targets,score\n1,0.1,6,lots\n")
    tab.set_input_files("#file-data", bad)
    tab.wait_for_selector("#status.wrong")
    assert "score must be a number" in tab.locator("#status").text_content()
    tab.set_input_files("#file-data", good)
    tab.wait_for_selector("#status li")
    assert "64 trials of 1 person read from mine.csv" in tab.locator("#status").text_content()
    assert "your data" in tab.locator("#legend").text_content()
    keep(tab, tmp_path, "explore-my-data")
    tab.get_by_role("button", name="Take my data off").click()
    settled(tab)
    assert "your data" not in tab.locator("#legend").text_content()
    assert tab.get_by_role("button", name="Load my data").is_visible()


def test_all_bands_are_scored_until_it_is_stopped(tab):
    tab.get_by_role("button", name="Score all tasks").click()
    tab.wait_for_selector(".task .dot")
    tab.get_by_role("button", name="Stop").click()
    tab.wait_for_function("document.querySelector('#score').textContent === 'Score all again'")
    first = tab.locator(".task").first
    assert re.fullmatch(r"\d of \d", first.locator(".count").text_content())
    inside = int(first.locator(".count").text_content()[0])
    assert first.locator(".dot.in").count() == inside


def test_a_link_restores_task_mind_seed_and_the_mind_beside_it(visit, server, tmp_path):
    tab = visit()
    tab.goto(f"{server[0]}/#task=visual_search&seed=3&capacity=30&beside=&beside.slots=2&trial=2")
    tab.reload()
    tab.wait_for_function("document.querySelector('#finding').textContent.startsWith('Visual search')")
    settled(tab)
    assert tab.input_value("#seed") == "3"
    assert tab.get_attribute("#knob-capacity", "aria-valuetext") == "30 items/s"
    assert tab.locator("#at").text_content() == "2"
    assert "two slots" in tab.locator("#legend").text_content()
    assert tab.input_value("#beside") == "Two slots"
    first = tab.locator("#finding").text_content()
    tab.reload()  # the address alone brings it back
    tab.wait_for_function(f"document.querySelector('#finding').textContent === {first!r}")
    settled(tab)
    assert {"task=visual_search", "seed=3", "capacity=30"} <= set(tab.url.split("#")[1].split("&"))
    tab.wait_for_function("document.querySelector('#interval').textContent.includes('ith 2 seeds')")
    keep(tab, tmp_path, "explore-link")
    tab.goto(f"{server[0]}/#task=visual_serch")
    tab.wait_for_selector("#status.wrong")
    assert "did you mean 'visual_search'" in tab.locator("#status").text_content()
    assert tab.locator("#finding").text_content() == first


def test_another_task_hides_the_old_figure_until_it_is_played(tab):
    gone = tab.evaluate(
        """() => { const list = document.querySelector("#paradigm"); list.value = "serial_recall";
        list.dispatchEvent(new Event("change"));
        return [document.querySelector("#finding").textContent, document.querySelector("#numbers").childElementCount,
                getComputedStyle(document.querySelector(".plots")).visibility]; }"""
    )
    assert gone == ["Serial recall: computing …", 0, "hidden"]
    settled(tab)
    assert tab.locator("#finding").text_content().startswith("Serial recall: half of the lists")
    assert tab.locator("#badge").is_visible()  # nobody was measured
    assert tab.locator("#row-wandering .no-effect").is_hidden() or tab.locator("#row-wandering.none").count()


def test_what_does_nothing_is_grey_and_a_trial_plays_in_time(tab, tmp_path):
    assert tab.locator("#badge").is_hidden()
    assert tab.locator("#row-capacity").evaluate("r => r.parentElement.tagName") == "FIELDSET"
    assert tab.locator("#row-dwell.none .no-effect").text_content() == " – no effect in this task"
    tab.fill("#moment", "900")
    rows = tab.locator("#rows .row")
    assert rows.last.locator("b").text_content() == "slots"
    assert rows.last.locator(".slot").count() >= 3
    assert rows.last.locator(".held").count() >= 1
    tab.get_by_role("button", name="Play it in time").click()
    tab.wait_for_function("document.querySelector('#moment').value > 920")
    tab.locator("#play").click()
    keep(tab, tmp_path, "explore-film")
    for kind, head in (("png", b"\x89PNG"), ("csv", b"# Whole report")):
        with tab.expect_download() as begun:
            tab.select_option("#export", kind)
        begun.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(head)
    settled(tab)


@pytest.mark.full
def test_ctrl_c_stops_it_cleanly(server):
    """The last test here: the server of all the others is stopped, with a page that is still open."""
    _, process = server
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in (0, 130)
    said = (
        process.stdout.read()
    )  # (a browser that leaves while it is being let in is an error of the library's own)
    assert "KeyboardInterrupt" not in said
    assert str(Path("cogattn", "explore")) not in said.replace("cogattn explore", "")
