"""Every citation with a volume and a page is listed in the docs: as checked, or as unverified."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "citations.md").read_text(encoding="utf-8")
#: (year, journal volume:page); a year of three authors may stand in brackets, a journal too.
CITED = re.compile(
    r"((?:18|19|20)\d\d)[a-z]?\)?,? \(?([A-Z][A-Za-z]*(?: [A-Za-z]+)* \d{1,3}(?:\(\d+\))?:\d+)"
)


def citations():
    """(year, place) of every citation of the package, the docs, the models and the simulations: in which files."""
    found = {}
    rooms = ("cogattn", "docs", "models", "simulations")
    paths = [ROOT / "README.md", *(p for room in rooms for p in sorted((ROOT / room).rglob("*")))]
    for path in paths:
        if path.suffix in (".py", ".md", ".csv") and "made" not in path.parts and path.name != "citations.md":
            text = re.sub(r"\s*\n[ #]*", " ", path.read_text(encoding="utf-8"))
            for match in CITED.finditer(text):
                found.setdefault(match.groups(), []).append(str(path.relative_to(ROOT)))
    return found


def listed():
    """(year, place) of every row of the page."""
    rows = re.findall(r"^\| .*?((?:18|19|20)\d\d) \| (.*?) \|", PAGE, re.MULTILINE)
    return [(year, place) for year, place in rows if re.search(r"\d:\d|\):\d", place)]


def test_every_citation_is_listed():
    found = citations()
    assert len(found) > 70
    assert {cited: files for cited, files in found.items() if cited not in set(listed())} == {}


def test_a_citation_is_listed_once_and_is_somewhere():
    rows = listed()
    assert len(rows) == len(set(rows))
    assert set(rows) <= set(citations())


def test_what_is_unverified_is_said_to_be():
    unverified, checked = PAGE.split("## Unverified")[1].split("## Checked")
    assert "Psychol Rev 127:362" in unverified
    assert "Psychol Rev 97:523" in checked


def test_the_citation_the_change_log_and_the_package_name_one_version():
    """Either none has a date, because it is not released, or both have the same."""
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', project, re.M)
    head = re.search(r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert version
    assert head
    assert f"\nversion: {version[1]}\n" in cff
    assert head[1] == version[1]
    dates = re.findall(r'^date-released: "(20\d\d-\d\d-\d\d)"$', cff, re.M)
    assert dates == [date for date in [head[2]] if date != "unreleased"]
