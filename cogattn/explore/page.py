"""The page: sliders for every number of a mind, and what they do to it, at once.

`cogattn explore` serves it on this machine alone (`server`). The page's own script (`page.js`) asks in small messages
(`messages`), `Page` answers each; curves are Bokeh plots whose data change in place.
"""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from cogattn import paradigms
from cogattn.errors import CogattnError, InputError, choice, crash_report, own_fault, whole
from cogattn.explore import effects, knobs, messages, plays, trial
from cogattn.explore.curves import Panel, Picture
from cogattn.explore.plays import Play
from cogattn.explore.plots import Canvas, faint
from cogattn.human import imports
from cogattn.observer import Observer
from cogattn.paradigms import registry
from cogattn.runs.trials import Trials

FIRST = registry.where(compared=True)[0]  #: the paradigm that it begins with
PLOTS = 4  #: at most so many panels has a figure
SEEDS = 5  #: so many plays stand behind the interval of the headline
_TYPES = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv"}
_SHADOW = {"name": "mean adult", "color": "#999999", "dash": "-", "mark": ""}


class Page:
    """One open page: what is on it, and what it answers."""

    def __init__(
        self, name: str = FIRST, mind: Observer | None = None, seed: int = 0, people: int | None = None
    ) -> None:
        choice("paradigm", name, paradigms.names())
        self.play = Play(name, mind or Observer(), whole("seed", seed), people)
        self.play.plan.crowd()  # refuses what cannot be played, before a page is made
        self.dark = False
        self.own: pd.DataFrame | None = None
        self.other: Observer | None = None  # the mind that is set beside this one
        self.canvases = [Canvas(290) for _ in range(PLOTS)]
        self.strip = Canvas(250, hover=False)
        self.condition, self.at = 0, 0
        self._waiting: list[str] = []  # the paradigms that are still to be scored
        self._scores: dict[str, list[dict[str, Any]]] = {}
        self._changed: list[str] = []
        self._pace = messages.MessageRate()
        self._lines: dict[Play, str] = {}  # the headline under other seeds
        self._begin()

    # -- what is shown ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Another paradigm: its curves, and one trial of the condition in the middle."""
        self.picture: Picture | None = None
        self.own = None
        self.condition, self.at = len(self.play.plan.paradigm.conditions()) // 2, 0
        self.draw(keep=False)

    def draw(self, *, keep: bool = True) -> None:
        """Play what is asked for, and put it on the page."""
        before = self.picture
        self.done, self.picture = plays.shown(self.play)
        if self.own is not None or self.other is not None:
            self.picture = plays.picture(self.done, self.own, self._beside())
        if self.play.full:
            self._still = before is not None and _same(before, self.picture)
        for i, panel in enumerate(self.picture.panels[:PLOTS]):
            self.canvases[i].show(panel, self.dark, self._behind(i), keep=keep)
        if self.play.full:
            self.tell_trial()

    def _behind(self, i: int) -> list[Any]:
        """The human arm of the mean adult, where this mind is another and none is set beside it."""
        if self.play.mind == Observer() or self.other is not None:
            return []
        usual = plays.shown(replace(self.play, mind=Observer(), full=True))[1].panels
        return faint(usual[i], "human") if i < len(usual) else []

    def _beside(self) -> tuple[str, pd.DataFrame] | None:
        """The other mind's name and trials."""
        if self.other is None:
            return None
        return _called(self.other), plays.shown(replace(self.play, mind=self.other))[0].frame

    def tell_trial(self) -> None:
        """One trial, on its strip."""
        record = trial.record(self.done, self.condition, self.at)
        self.moment = trial.timeline(self.done, record, self.at)
        self.spans = trial.moments(record)
        rows = len(self.moment.panels[0].y_ticks)
        self.strip.plot.height = min(420, max(150, 70 + 24 * rows)) if rows else 230
        self.strip.show(self.moment.panels[0], self.dark)

    def paint(self) -> None:
        """All plots in the colours of the theme."""
        for canvas in (*self.canvases, self.strip):
            canvas.paint(self.dark)

    # -- what is said ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that the page says in words and numbers."""
        assert self.picture is not None
        shown = self.picture.panels[:PLOTS]
        return {
            "paradigm": self.play.name,
            "source": self.play.plan.paradigm.source,
            "question": self.play.plan.paradigm.question,
            "title": self.picture.title,
            "values": knobs.spelled(self.play.mind),
            "legend": self._legend(),
            "panels": [
                {"title": p.title, "says": f"{p.y_label} over {p.x_label}", "wide": p.wide} for p in shown
            ],
            "numbers": [table for p in shown for table in _numbers(p)],
            "command": self.play.command(),
            "script": plays.script(self.play),
            "toml": plays.toml(self.play.mind),
            "played": _played(self.play),
            "own": self.own is not None,
            "preset": knobs.called(self.play.mind),
            "seed": self.play.seed,
            "beside": None
            if self.other is None
            else {"name": _called(self.other), "values": knobs.spelled(self.other)},
            "measured": _measured(self.play.plan.paradigm),
            "effects": effects.of(self.play.name),
        } | (self._settled() if self.play.full else {})

    def _settled(self) -> dict[str, Any]:
        """What is said once a slider is let go."""
        rows = self._scores[self.play.name] = bands(self.done)
        if self.other is not None:  # a copy: what is kept is this mind's alone
            beside = bands(plays.shown(replace(self.play, mind=self.other))[0])
            rows = [
                row | {"arms": row["arms"] | _renamed(one["arms"])}
                for row, one in zip(rows, beside, strict=True)
            ]
        return {
            "score": rows,
            "banded": self.play.plan.paradigm.banded,
            "trial": self._trial(),
            "still": self._changed if self._still else [],
        }

    def _trial(self) -> dict[str, Any]:
        return {
            "title": self.moment.title,
            "sitting": self.moment.title.startswith("Person"),
            "conditions": trial.conditions(self.done),
            "condition": self.condition,
            "at": self.at,
            "answered": "answered" in self.moment.names,
            "spans": self.spans,
        }

    def _legend(self) -> list[dict[str, Any]]:
        """What every line is, in the order of the figure: people last, the mean adult behind all."""
        found: dict[str, dict[str, Any]] = {}
        assert self.picture is not None
        for panel in self.picture.panels[:PLOTS]:
            for name, s in panel.named.items():
                found.setdefault(
                    name, {"name": name, "color": s.color, "dash": s.dash, "mark": s.mark, "hollow": s.hollow}
                )
        shadow = [_SHADOW] if any(self._behind(i) for i in range(PLOTS)) else []
        return [*found.values(), *shadow]

    # -- what is asked ---------------------------------------------------------------------------------------

    def hear(self, text: object) -> dict[str, Any]:
        """The answer to a message as it came over the wire: there is one to each, whatever it is."""
        try:
            self._pace.tick()
            asked = messages.read(text)
        except CogattnError as error:  # n: the one that waits, since it cannot be read which it was
            return {"error": str(error), "n": None, "ms": 0}
        return self.answer(asked)

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one message. A mistake is told on the page; it never stops it."""
        began = time.perf_counter()
        try:
            messages.check(asked)
            said = self._dos[asked["do"]](self, asked)
        except CogattnError as error:
            said = {"error": str(error)}
        except (
            Exception
        ) as error:  # a fault of a file of theirs, or of ours: it is told, and the page goes on
            said = {"error": own_fault(error) or crash_report(error, f"explore, message {asked.get('do')}")}
        return said | {"n": asked.get("n", 0), "ms": round(1000 * (time.perf_counter() - began))}

    def _hello(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The page is open, or has changed between day and night."""
        self.dark = bool(asked.get("dark"))
        for canvas in self.canvases:
            canvas.plot.height = 220 if asked.get("narrow") else 290  # on a phone the sliders need the room
        self.paint()
        return self._again()

    def _again(self) -> dict[str, Any]:
        """The same once more, in other colours."""
        assert self.picture is not None
        for i, panel in enumerate(self.picture.panels[:PLOTS]):
            self.canvases[i].show(panel, self.dark, self._behind(i), keep=True)
        self.strip.show(self.moment.panels[0], self.dark)
        return self.state() | {"again": True}

    def _move(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Sliders are where they are now."""
        values = dict(asked.get("values", {}))
        self._changed = list(values)
        return self._mind(knobs.mind(values, self.play.mind), bool(asked.get("full", True)))

    def _preset(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._changed = []
        return self._mind(knobs.preset(str(asked.get("name"))))

    def _observer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A saved mind comes back."""
        self._changed = []
        return self._mind(knobs.from_text(str(asked.get("text", "")))) | {
            "note": f"{asked.get('file', 'observer')}: loaded"
        }

    @contextmanager
    def _or_as_it_was(self, show: Callable[[], None]) -> Iterator[None]:
        """What cannot be played leaves the page as it was, and shows that again."""
        was = self.play, self.other, self.own
        try:
            yield
        except CogattnError:
            self.play, self.other, self.own = was
            show()
            raise

    def _mind(self, mind: Observer, full: bool = True) -> dict[str, Any]:
        with self._or_as_it_was(self.draw):
            self.play = replace(self.play, mind=mind, full=full)
            self.draw()
        return self.state()

    def _paradigm(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = choice("paradigm", asked.get("name"), paradigms.names())
        self._changed = []
        with self._or_as_it_was(self._begin):  # one of your own may have no curves as data
            self.play = replace(self.play, name=name, full=True)
            self._begin()
        return self.state()

    def _step(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Another trial, or another condition."""
        last = len(self.play.plan.paradigm.conditions()) - 1
        self.condition = whole("condition", asked.get("condition", self.condition), most=last)
        self.at = whole("trial", asked.get("at", self.at), most=10**6)
        self.tell_trial()
        return {"trial": self._trial()}

    def _data(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A person's own file: his points beside the curves, and what was found in it."""
        frame, notes = own_data(self.play, str(asked.get("file")), str(asked.get("bytes")), asked.get("unit"))
        self.own = None
        with self._or_as_it_was(self.draw):
            self.own = frame
            self.draw()
        return self.state() | {"notes": notes}

    def _forget(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """The person's points go."""
        self.own = None
        self.draw()
        return self.state() | {"notes": []}

    def _link(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What an address says: a task, its seed, a mind, another beside it, a trial. All of it or nothing."""
        name = choice("paradigm", asked.get("paradigm") or self.play.name, paradigms.names())
        seed = whole("seed", self.play.seed if asked.get("seed") is None else asked["seed"])
        mind, other = (
            None if v is None else knobs.mind(v) for v in (asked.get("values"), asked.get("other"))
        )
        self._changed = []
        with self._or_as_it_was(self._begin):
            self.play = replace(self.play, name=name, seed=seed, mind=mind or self.play.mind, full=True)
            self.other = other
            self.play.plan.crowd()
            self._begin()
            return self.state() | self._at(asked)

    def _at(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The trial that an address names, if it names one."""
        there = {k: v for k, v in asked.items() if k in ("condition", "at") and v is not None}
        return self._step(there) if there else {}

    def _seed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Other chances."""
        seed, self._changed = whole("seed", asked["seed"]), []
        with self._or_as_it_was(self.draw):
            self.play = replace(self.play, seed=seed, full=True)
            self.draw()
        return self.state()

    def _set_beside(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Another mind beside this one: one of those to begin with, or "this", as it is now; no name: none."""
        name = asked.get("name")
        other = self.play.mind if name == "this" else knobs.preset(str(name)) if name else None
        self.play, self._changed = replace(self.play, full=True), []
        with self._or_as_it_was(self.draw):
            self.other = other
            self.draw()
        return self.state()

    def _again_elsewhere(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """The line of the figure under one seed more: it is asked for until there are enough."""
        play = replace(self.play, full=True)
        every = [replace(play, seed=play.seed + n) for n in range(SEEDS)]
        self._lines = {one: line for one, line in self._lines.items() if one in every}
        new = next((one for one in every if one not in self._lines), None)
        if new is not None:
            self._lines[new] = plays.headline(new)
        told = plays.again(list(self._lines.values()))
        return {"interval": {"plays": len(self._lines), "of": SEEDS, "words": told, "seed": play.seed}}

    def _export(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The figure as it is printed, or the table of its curves."""
        kind = choice("kind of file", asked.get("kind"), ("png", "svg", "csv"))
        drawn = plays.drawn(self.done, self.own, self._beside())
        data = plays.csv(self.play, drawn) if kind == "csv" else plays.printed(drawn, kind)
        name = f"{self.play.name}-seed{self.play.seed}.{kind}"
        return {"file": {"name": name, "type": _TYPES[kind], "bytes": base64.b64encode(data).decode()}}

    def _score(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Score every paradigm that has bands; `more` does the work, one after the other."""
        kinds = {name: paradigms.get(name)() for name in paradigms.names()}
        self._waiting = [] if asked.get("stop") else [n for n, kind in kinds.items() if kind.banded]
        return {"waiting": len(self._waiting)}

    def more(self) -> dict[str, Any] | None:
        """Score the next paradigm that waits; None: there is none."""
        if not self._waiting:
            return None
        name = self._waiting.pop(0)
        rows = bands(plays.shown(replace(self.play, name=name, full=True))[0])
        return {"all": {"name": name, "title": paradigms.get(name)().title, "rows": rows},
                "waiting": len(self._waiting)}  # fmt: skip

    _dos: Mapping[str, Callable[[Page, Mapping[str, Any]], dict[str, Any]]] = {
        "hello": _hello, "move": _move, "preset": _preset, "observer": _observer, "paradigm": _paradigm,
        "trial": _step, "data": _data, "forget": _forget, "score": _score,
        "link": _link, "beside": _set_beside, "seed": _seed, "again": _again_elsewhere, "export": _export,
    }  # fmt: skip


def _renamed(arms: Mapping[str, Any]) -> dict[str, Any]:
    """The human arm of the other mind, under its own name."""
    return {"beside": arms["human"]} if "human" in arms else {}


def _called(mind: Observer) -> str:
    """What a mind is called in a legend."""
    return knobs.called(mind).lower() or "other mind"


def _measured(paradigm: Any) -> str:
    """Whose results are drawn beside the arms; "": nobody's."""
    return str(paradigm.source) if paradigm.scored() or len(paradigm.human()) else ""


def _same(a: Picture, b: Picture) -> bool:
    """Whether two pictures show the same numbers."""
    pairs = [
        (s, t)
        for p, q in zip(a.panels, b.panels, strict=False)
        for s, t in zip(p.strokes, q.strokes, strict=False)
    ]
    return all(len(s.y) == len(t.y) and np.allclose(s.y, t.y, equal_nan=True) for s, t in pairs)


def _played(play: Play) -> str:
    """How much was played, in words."""
    plan = play.plan
    trials = getattr(plan.paradigm, "trials", plan.trials) if plan.trials == 1 else plan.trials
    what = f"{trials} trials a condition" if trials > 1 else "one session"
    return f"one mind, {plan.people} times, {what}, seed {plan.seed}"


def _numbers(panel: Panel) -> list[dict[str, Any]]:
    """The tables of a panel, one for each condition, as rows of texts."""
    out = []
    for condition, table in panel.tables().items():
        rows = [
            [panel.x_ticks.get(float(at)) or f"{at:.3g}", *map(_short, row)]
            for at, row in zip(table.index, table.to_numpy(float), strict=True)
        ]
        caption = ", ".join(filter(None, (panel.title or panel.y_label, condition)))
        out.append({"head": [panel.x_label, *map(str, table.columns)], "rows": rows, "caption": caption})
    return out


def _short(value: float) -> str:
    """A number as people read it; nothing where there is none."""
    if not np.isfinite(value):
        return ""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def bands(done: Trials) -> list[dict[str, Any]]:
    """Every human band of a run: where it is, and where the arms are. place: -1 = its low end, 1 = its high end."""
    table = done.summary()
    table = table[table["low"].notna()]
    rows = []
    for (metric, condition), own in table.groupby(["metric", "condition"], sort=False):
        low, high = float(own["low"].iloc[0]), float(own["high"].iloc[0])
        arms = {}
        for arm, value in zip(own["arm"], own["model"], strict=True):
            if np.isfinite(value):
                place = (value - (low + high) / 2) / ((high - low) / 2)
                arms[str(arm)] = {"value": f"{value:.3g}", "place": float(np.clip(place, -99, 99)),
                                  "inside": bool(low <= value <= high)}  # fmt: skip
        rows.append({"metric": str(metric), "condition": str(condition), "low": f"{low:.3g}",
                     "high": f"{high:.3g}", "arms": arms})  # fmt: skip
    return rows


def own_data(play: Play, name: str, text: str, unit: Any) -> tuple[pd.DataFrame, list[str]]:
    """A person's file, as it came from the page, as trials of this paradigm; and what was done to it."""
    wanted = plays.columns(play.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (PurePath(name).name or "data.csv")
        try:
            path.write_bytes(base64.b64decode(text, validate=True))
            found = imports.read(
                path, wanted, unit=str(unit) if unit else None, levels=plays.levels(play.name)
            )
        except (ValueError, OSError) as error:
            raise InputError(str(error).replace(f"{path.parent}/", "")) from None
    own, left_out = plays.as_trials(play, found.frame)
    return own, [*found.notes, *left_out]
