"""The site: its scripts run, nothing public is undocumented, no link is dead, nothing is fetched from outside."""

from __future__ import annotations

import json
import re
import sys
import warnings
import zlib
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("sphinx_gallery", reason="needs the extra: pip install 'cogattn[docs]'")

import matplotlib

matplotlib.use("Agg")

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import pages  # noqa: E402
from walking import walked  # noqa: E402

from cogattn import paradigms  # noqa: E402
from cogattn.nn import MECHANISMS  # noqa: E402

GUIDES = sorted(p.stem for p in (ROOT / "docs" / "gallery").glob("*.py"))
#: The constants at the top of a guide, as small as it takes to see whether it runs.
SMALL = {"PEOPLE": 4, "TRIALS": 300, "LOOKS": 30}


def run(source, name):
    """A script in a namespace of its own, in which a warning that a reader would see fails: the figures it leaves."""
    from matplotlib import pyplot as plt

    plt.close("all")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(source, name, "exec", dont_inherit=True), {"__name__": name})
    figures = plt.get_fignums()
    plt.close("all")
    return figures


def smaller(source, **constants):
    """The same script with smaller constants."""
    for name, value in constants.items():
        source = re.sub(rf"^{name} = \d+", f"{name} = {value}", source, flags=re.M)
    return source


# --- every script runs ------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize("name", paradigms.names())
def test_the_page_of_a_paradigm_runs(name):
    assert run(pages.paradigm(name, people=3), name)


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_page_of_a_mechanism_runs(name):
    assert run(pages.mechanism(name, looks=20), name)


@pytest.mark.full
@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_runs(name):
    source = (ROOT / "docs" / "gallery" / f"{name}.py").read_text(encoding="utf-8")
    few = {"TRIALS": 12} if name == "fit_your_data" else {}
    assert run(smaller(source, **SMALL | few), name)


# --- every page says what it should -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", paradigms.names())
def test_a_paradigm_tells_its_question_its_theory_and_what_fails(name):
    question, theory, options, failing = pages.said(name)
    assert min(map(len, (question, theory, options, failing))) > 20
    assert failing.endswith(".")
    assert options.startswith(("Options: ", "The psychomotor", "Mackworth's clock"))


def test_a_missed_band_is_called_missed(monkeypatch):
    assert pages.verdict("tracking").startswith("No band: there is no table of people here")
    assert ":doc:`/curves`" in pages.verdict("posner")
    rows = pages.bands("go_nogo")
    assert f"Inside {int(rows['inside'].sum())} of 3 human bands" in pages.verdict("go_nogo")
    monkeypatch.setattr(pages, "bands", lambda name: rows.assign(inside=[True, False, True]))
    assert pages.verdict("go_nogo").count("**(missed)**") == 1
    assert "Inside 2 of 3 human bands" in pages.verdict("go_nogo")


def test_every_band_of_the_scorecard_is_on_a_page():
    rows = sum(len(pages.bands(name)) for name in paradigms.names())
    assert rows == len(pages.scorecard())


def test_docstrings_become_pages_as_they_are_meant():
    text = "Of `laws.race`s, w_x, *who wins* and a * b * c_:\n\n    a = b_\n\nname: one\n    two\nother, more: three"
    assert pages.rst(text).split("\n\n") == [
        r"Of :mod:`laws.race <cogattn.laws.race>`\ s, w_x, *who wins* and a \* b \* c\_:",
        ".. code-block:: text\n   :class: law",
        "   a = b_",
        "- **name**: one two",
        "- **other, more**: three",
    ]


def test_links_move_with_a_text():
    there = pages.rebased(
        "[a](docs/theory.md#x) [b](CHANGELOG.md) [c](https://x.org/y.md) [d](#e)", ROOT, ROOT / "docs"
    )
    assert there == "[a](theory.md#x) [b](made/changes.md) [c](https://x.org/y.md) [d](#e)"


def test_the_readme_opens_the_site():
    """The sentence, the picture and the table on the first page, the rest on a page of its own, and nothing twice."""
    lead, shown, rest = pages.readme().values()
    assert "people, the limited network" in lead
    assert lead.count("|") == 0
    assert shown.startswith("![")
    assert [shown.count(f"\n| {what} |") for what in ("a class", "a transformer of your own")] == [1, 1]
    assert rest.startswith("# The whole in one page\n\nIn a checkout")
    title, overview = 2, 6  # words of the readme's own title, and of that of the page
    words = len((ROOT / "README.md").read_text("utf-8").split()) - title
    assert words == sum(len(part.split()) for part in (lead, shown, rest)) - overview


def test_every_written_page_has_its_place():
    written = {p.stem for p in (ROOT / "docs").glob("*.md")}
    toc = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert set(pages.NAMED) <= written
    for name in set(pages.NAMED) - {"index"}:
        assert re.search(rf"^(.*<)?{name}>?$", toc, re.M), f"{name} is not on the first page"
    for name in written - set(pages.NAMED):
        assert f"/{name}\n" in pages.guides()


def test_what_written_pages_link_to_is_there():
    for path in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\((?!\w+:|#)([^)\s#]+)", path.read_text(encoding="utf-8")):
            if not link.startswith("made/"):  # seen to when the site is built
                there = path.parent / link
                assert there.exists() or there.with_suffix(".md").exists(), f"{path.name} links to {link}"


# --- the reference ----------------------------------------------------------------------------------------------


@walked("module", pages.MODULES)
def test_nothing_public_is_undocumented(module):
    assert import_module(module).__doc__
    for name in pages.public(module):
        thing = import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
        text = pages.inspect.getdoc(thing) or ""
        made_up = f"{name}("  # what a dataclass says of itself if nobody else does
        assert text, f"{module}.{name} has no docstring"
        assert not text.startswith(made_up), f"{module}.{name} has no docstring"


def test_every_module_and_every_name_of_a_face_is_in_the_reference():
    texts = dict(pages.reference())
    for module in pages.MODULES:
        assert f" <{module}>" in texts["index.rst"]
        for name in pages.public(module):
            if "." not in name:
                assert f":: {module}.{name}\n" in texts[f"{module}.rst"]
    for face in ("cogattn", "cogattn.nn", "cogattn.tune", "cogattn.paradigms"):
        for name in import_module(face).__all__:
            assert f"`{name}" in texts[f"{face}.rst"], f"{face} does not show {name}"


# --- the drawing ------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_house_is_drawn_from_its_imports():
    graph = pages.house()
    high = pages.floors(graph)
    assert {"mind", "laws", "paradigms", "nn"} <= set(graph)
    assert "mind" in graph["paradigms"] or "stream" in graph["paradigms"]
    assert all(high[b] < high[a] for a in graph for b in graph[a])
    assert "torch" in pages.worlds()["nn"]
    assert "simpy" in pages.worlds()["mind"]


def test_arrows_that_follow_from_others_are_left_out():
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert pages.needed(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}


# --- the site, built ----------------------------------------------------------------------------------------------


FETCHES = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
LEADS = ("canonical", "index", "search", "next", "prev")  # a link of the head that nobody fetches


class Links(HTMLParser):
    """What a page fetches, where it leads, and which places it has."""

    def __init__(self):
        super().__init__()
        self.fetched, self.led, self.places = [], [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.places |= {attrs[k] for k in ("id", "name") if attrs.get(k)}
        if attrs.get(FETCHES.get(tag)) and attrs.get("rel") not in LEADS:
            self.fetched.append(attrs[FETCHES[tag]])
        if tag == "a" and attrs.get("href"):
            self.led.append(attrs["href"])


def read(site):
    """Every page of a built site; what lies in _static/ are the theme's own files."""
    pages = {}
    for path in set(site.rglob("*.html")) - set((site / "_static").rglob("*")):
        links = Links()
        links.feed(path.read_text(encoding="utf-8"))
        pages[path.resolve()] = links
    return pages


def faults(site):
    """Dead links, places that are not there, and what would have to be fetched from outside."""
    found = []
    every = read(site)
    for path, links in every.items():
        for target in [*links.fetched, *links.led]:
            url = urlsplit(target)
            where = f"{path.relative_to(site)}: {target}"
            if url.scheme in ("data", "mailto"):
                continue
            if url.scheme or url.netloc:
                well_formed = url.scheme in ("http", "https") and re.fullmatch(
                    r"[\w.-]+\.\w+(:\d+)?", url.netloc
                )
                if target in links.fetched or not well_formed:
                    found.append(f"{where}: outside")
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            there = there / "index.html" if there.is_dir() else there
            if not there.exists():
                found.append(f"{where}: nothing there")
            elif url.fragment and there in every and unquote(url.fragment) not in every[there].places:
                found.append(f"{where}: no such place")
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        outside = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", text)
        found += [f"{path.relative_to(site)}: {url}: outside" for url in outside]
    return found


def test_a_fault_of_a_site_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="#x">1</a><a href="#y">2</a><a href="b.html">3</a><a href="https://x.org">4</a>'
        '<a href="http://nowhere">5</a><img src="https://x.org/i.png"><script src="//x.org/j.js"></script>'
    )
    (tmp_path / "a.css").write_text("@import 'https://fonts.org/f.css'; p {background: url(i.png)}")
    kinds = [fault.split(": ")[-1] for fault in faults(tmp_path)]
    assert sorted(kinds) == ["no such place", "nothing there", *["outside"] * 4]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_holds_together(tmp_path):
    from sphinx.cmd.build import main

    site = tmp_path / "site"
    assert (
        main(["-W", "--keep-going", "-q", "-d", str(tmp_path / "trees"), str(ROOT / "docs"), str(site)]) == 0
    )
    assert faults(site) == []
    led = {link for links in read(site).values() for link in links.led}
    print(*sorted(link for link in led if urlsplit(link).scheme), sep="\n")  # for a person to look at
    lines = zlib.decompress((site / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode().splitlines()
    listed = {line.split(" py:")[0] for line in lines}
    missing = [f"{m}.{n}" for m in pages.MODULES for n in pages.public(m) if f"{m}.{n}" not in listed]
    assert missing == []
    assert set(pages.MODULES) <= listed


def test_the_page_of_simulations_shows_what_they_wrote():
    """Every question; the answer and how it was made of each that says so; of the rest, that they are older."""
    page = pages.questions()
    scripts = sorted(p.stem for p in (pages.ROOT / "simulations").glob("*.py"))
    homes = [pages.SIMULATED / name for name in scripts]
    assert page.count("*Made before simulations") == sum(
        h.is_dir() and not (h / "provenance.json").exists() for h in homes
    )
    made = [h for h in homes if (h / "answer.txt").exists()]
    assert page.count("*Made on 20") == len(made)
    assert page.count("*No committed result") == sum(not h.is_dir() for h in homes)
    for home in made:
        answer = (home / "answer.txt").read_text("utf-8").strip()
        assert answer
        assert "nan" not in answer.lower().split()
        assert f"python simulations/{home.name}.py" in page
        assert json.loads((home / "provenance.json").read_text("utf-8"))["status"] == "done"
