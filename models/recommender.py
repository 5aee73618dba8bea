"""A network that recommends a film: attention over what a person has seen.

    python models/recommender.py                        # train (2 minutes on one core), measure, write the weights
    python models/recommender.py --check                # load the weights and measure them again
    python models/recommender.py --data ratings.csv [--movies movies.csv] --to mine.safetensors    # your own ratings

Which of ten films will this person like best? n films that he has seen are read off a list, one after the other, each
with its stars and how much of it was watched. A quarter were left soon, by somebody else perhaps: their stars tell
nothing of him. By default people and films are made: a film is a direction x in four dimensions, a person a taste t ~
N(0, 1), and

    stars = 3 + t·x + noise (sd 1/2), to the half star        so the best predictor is known: the posterior mean of t

--data takes ratings as MovieLens gives them (Harper & Konstan 2015, ACM Trans Interact Intell Syst 5:19):
ratings.csv, u.data or ratings.dat; the ten are then one film that the person rated later and nine that he rated
lower. A copy of this file beside such weights (mine.py) is a network that takes its task on the people who were held
out.

The network knows a film by its number alone. Each film seen is encoded by itself; four queries of four heads read
them:

    logit(j, s) = q_j·k(film s, stars s) + f(share of s watched)        u = g(Σ_s softmax_s(logit(j, s)) · v(s), all j)
    evidence for film c = u·e_c + b_c                                   and a null key, logit 0, value 0

What you should see, for 1, 2, 4, 8, 16, 32 films seen: right without a gate .21 .30 .39 .54 .67 .77, who knows the
law .21 .30 .40 .58 .71 .81, a guess .10. 50 people (100 trials each) .22 .31 .33 .32 .30 .27: three films are held,
and more to read does harm. The network leaves most attention to the null key, so that what it reads is nearly a sum,
and gives more to films of middling stars; so three films that its attention picks from 32 tell less than three at
random (of those who know the law: .30 and .33 right). What softmax attention wants is not what a small store should
keep. Weak: this is a list that is read, the memory of years is no part of it; time and order tell nothing in the made
world.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.special import ndtri
from torch import nn

from cogattn.errors import InputError
from cogattn.mind.draws import DISPLAY, seed_of, trial_keys, uniforms
from cogattn.nn.functional import gated_attention
from cogattn.nn.gate import GateState
from cogattn.nn.networks.registry import (
    DISTRACTOR,
    PICTURE,
    TARGET,
    Keys,
    Labels,
    TaskDesign,
    load_weights,
    noted,
    read_weights,
    row_chunks,
)  # fmt: skip
from cogattn.nn.networks.training import GROUPS, Course, Workshop, group_of, seeded
from cogattn.world.stream import TaskStream, one_by_one

LENGTHS = (1, 2, 4, 8, 16, 32)
LONGEST = 256
OFFERED = 10  # films to choose from
LEFT_SOON = 4  # one film of so many was not watched to its end
#: s per film: a title of three words and its stars, read at 238 words a minute (Brysbaert 2019, J Mem Lang 109:104047).
PACE = (3 + 1) * 60 / 238
FILMS, FACTORS, NOISE = 300, 4, 0.5  # of the made world
FILM, WIDTH, HEADS, QUERIES = 24, 64, 4, 4
BATCH = 256
DROPPED = 1 / 2  # of training trials: those in which some films are shut
SEED = 0
COURSE = Course(steps=6000, rate=4e-3, warmup=300)  # no lesson comes twice: its loss is that of the held out
OWN = replace(COURSE, decay=0.1, every=200, patience=8)  # of one's own ratings, which do

Floats = npt.NDArray[np.float64]


# ------------------------------------------------------------------------------------------------- trials


@dataclass(frozen=True)
class Display:
    """B people: what each has seen, in order, and what is offered."""

    film: Labels  # (B, n)
    stars: Floats  # (B, n), standardised
    watched: Floats  # (B, n) share
    role: Labels  # (B, n) TARGET, or DISTRACTOR: left soon
    offered: Labels  # (B, OFFERED)
    truth: Labels  # (B,) which of those he likes best

    def __len__(self) -> int:
        return len(self.truth)

    def tensors(self, rows: Labels, device: str) -> tuple[torch.Tensor, ...]:
        """What reaches the network."""
        numbers = [torch.from_numpy(x[rows]).float().to(device) for x in (self.stars, self.watched)]
        return (
            torch.from_numpy(self.film[rows]).to(device),
            *numbers,
            torch.from_numpy(self.offered[rows]).to(device),
        )


class World(Protocol):
    """Where people and films come from."""

    @property
    def films(self) -> int:
        """How many films there are."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many seen films a task may show."""

    def draw(self, n: int, keys: Keys, group: str) -> Display:
        """The people of these keys. Pure, row by row."""

    def title(self, film: int) -> str:
        """What a film is called."""

    def stars(self, standardised: float) -> float:
        """As the person gave them."""


def _left_soon(n: int, keys: Keys) -> tuple[Labels, Floats]:
    """Which films were left soon, as roles, and how much of each was watched. (B, n) both"""
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 1000 + np.arange(2 * n))
    left = u[:, :n].argsort(1).argsort(1) < n // LEFT_SOON
    watched = np.where(left, 0.3 * u[:, n:], 0.7 + 0.3 * u[:, n:])
    return np.where(left, DISTRACTOR, TARGET), watched


@dataclass(frozen=True)
class Made:
    """A world whose law is known."""

    factors: Floats  # (films, FACTORS), of length 1

    @classmethod
    def of(cls, films: int = FILMS, seed: int = SEED) -> Made:
        """The same films for ever."""
        x = np.random.default_rng(seed).standard_normal((films, FACTORS))
        return cls(x / np.linalg.norm(x, axis=1, keepdims=True))

    @property
    def films(self) -> int:
        """How many there are."""
        return len(self.factors)

    @property
    def lengths(self) -> tuple[int, ...]:
        """All."""
        return LENGTHS

    def draw(self, n: int, keys: Keys, group: str) -> Display:
        """People are new with every key, so those of a task were never met in training."""
        block = PICTURE + np.arange(FACTORS + n + self.films)
        u = uniforms(keys[:, None], DISPLAY, block)
        taste, error, order = np.split(u, [FACTORS, FACTORS + n], 1)
        shuffled = order.argsort(1)
        film, offered = shuffled[:, :n], shuffled[:, n : n + OFFERED]
        liking = ndtri(taste) @ self.factors.T  # (B, films)
        role, watched = _left_soon(n, keys)
        z = ndtri(error)
        own = 3 + np.take_along_axis(liking, film, 1) + NOISE * z
        stars = np.where(role == TARGET, own, 3 + math.hypot(1, NOISE) * z)
        stars = np.clip(np.round(2 * stars) / 2, 0.5, 5)
        truth = np.take_along_axis(liking, offered, 1).argmax(1)
        return Display(film, (stars - 3) / math.hypot(1, NOISE), watched, role, offered, truth)

    def best(self, display: Display, held: npt.NDArray[np.bool_] | None = None) -> Labels:
        """What one would offer (B,) who knows the law, and of the films those `held` (B, n).

        Posterior mean of the taste, m = (1 + X'X / s^2)^-1 X'r / s^2 with s^2 = NOISE^2 + 1/48 (half stars).
        """
        known = (display.role == TARGET) & (True if held is None else held)
        x = self.factors[display.film] * known[..., None]  # (B, n, FACTORS)
        precision = 1 / (NOISE**2 + 1 / 48)
        inverse = np.eye(FACTORS) + precision * x.mT @ x
        seen = precision * x.mT @ (display.stars * math.hypot(1, NOISE))[..., None]
        mean = np.linalg.solve(inverse, seen)  # (B, FACTORS, 1)
        found: Labels = (self.factors[display.offered] @ mean)[..., 0].argmax(1)
        return found

    def title(self, film: int) -> str:
        """They have no names."""
        return f"film {film}"

    def stars(self, standardised: float) -> float:
        """Half stars."""
        return 3 + standardised * math.hypot(1, NOISE)


# ---------------------------------------------------------------------------- ratings of one's own (--data)

COLUMNS = ("userId", "movieId", "rating", "timestamp")
RARE = 5  # films with fewer ratings are left out


@dataclass(frozen=True)
class Log:
    """People's ratings in the order in which they gave them; the first half of each is history, the second is asked."""

    film: Labels  # (ratings,) number of the film
    rating: Floats
    first: Labels  # (people,) where each one's ratings begin
    count: Labels  # (people,)
    group: npt.NDArray[np.str_]  # (people,) of `training.GROUPS`
    ids: tuple[Any, ...]  # of the films
    titles: dict[Any, str]
    mean: float
    sd: float
    notes: tuple[str, ...] = ()  # what was odd about the file

    @property
    def films(self) -> int:
        """How many there are."""
        return len(self.ids)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Histories that somebody of each group has."""
        return tuple(n for n in LENGTHS if all(len(self._people(n, group)) for group in GROUPS))

    def draw(self, n: int, keys: Keys, group: str) -> Display:
        """A person, n films one after the other of the first half, one of the second and nine that he rated lower."""
        people = self._people(n, group)
        rows = [self._trial(people, n, np.random.default_rng(int(key))) for key in keys]
        film, rating, offered, truth = (np.array(x) for x in zip(*rows, strict=True))
        role, watched = _left_soon(n, keys)
        stray = (uniforms(keys[:, None], DISPLAY, PICTURE + 3000 + np.arange(n)) * len(self.film)).astype(
            np.int64
        )
        film, rating = (
            np.where(role == TARGET, x, y[stray]) for x, y in ((film, self.film), (rating, self.rating))
        )
        return Display(film, (rating - self.mean) / self.sd, watched, role, offered, truth)

    def _people(self, n: int, group: str) -> Labels:
        """Who has seen so many films and can be asked."""
        return np.flatnonzero((self.count // 2 >= n) & (self.group == group) & self._can_be_asked)

    @cached_property
    def _can_be_asked(self) -> npt.NDArray[np.bool_]:
        return np.array([len(self._better(p)) > 0 for p in range(len(self.count))])

    def _later(self, person: int) -> slice:
        begin = self.first[person] + self.count[person] // 2
        return slice(begin, self.first[person] + self.count[person])

    def _better(self, person: int) -> Labels:
        """Those of a person's later films that he rated above nine others of them."""
        rating = self.rating[self._later(person)]
        return (
            np.flatnonzero(rating > np.sort(rating)[OFFERED - 2])
            if len(rating) >= OFFERED
            else np.empty(0, int)
        )

    def _trial(self, people: Labels, n: int, rng: np.random.Generator) -> tuple[Labels, Floats, Labels, int]:
        person = int(rng.choice(people))
        end = self.first[person] + rng.integers(n, self.count[person] // 2 + 1)
        seen, later = slice(end - n, end), self._later(person)
        film, rating = self.film[later], self.rating[later]
        best = int(rng.choice(self._better(person)))
        lower = rng.choice(np.flatnonzero(rating < rating[best]), OFFERED - 1, replace=False)
        order = rng.permutation(OFFERED)
        offered = film[np.concatenate([[best], lower])][order]
        return self.film[seen], self.rating[seen], offered, int(order.argmin())

    def title(self, film: int) -> str:
        """Its name, where the titles tell it."""
        return self.titles.get(self.ids[film], f"film {self.ids[film]}")

    def stars(self, standardised: float) -> float:
        """As the file has it."""
        return self.mean + self.sd * standardised


@cache
def log_of(path: Path, movies: Path | None = None) -> Log:
    """The ratings of a file, and the titles of another. No file is changed."""
    table, notes = read_ratings(path)
    people, person = np.unique(table["userId"].to_numpy(), return_inverse=True)
    group = np.array([group_of(str(p)) for p in people])
    often = table["movieId"].map(table["movieId"].value_counts()) >= RARE
    if not often.all():
        notes.append(f"{int((~often).sum())} ratings of films with fewer than {RARE} left out")
    table, person = table[often], person[often.to_numpy()]
    ids, film = np.unique(table["movieId"].to_numpy(), return_inverse=True)
    order = np.lexsort((table["timestamp"].to_numpy(), person))
    rating = table["rating"].to_numpy(float)[order]
    count = np.bincount(person, minlength=len(people))
    taught = rating[group[person[order]] == GROUPS[0]]
    mean, sd = (float(taught.mean()), float(taught.std())) if len(taught) else (0.0, 0.0)
    log = Log(
        film[order], rating, count.cumsum() - count, count, group, tuple(ids.tolist()), read_titles(movies), mean, sd,
        tuple(notes),
    )  # fmt: skip
    if LEFT_SOON not in log.lengths or not log.sd > 0:
        raise InputError(
            f"{path} must hold people with at least {2 * OFFERED} ratings each, one of the later above nine others, "
            f"among those trained on, looked at and tested (7 : 1 : 2); it holds {len(people)} people"
        )
    return log


def read_ratings(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """(userId, movieId, rating, timestamp) of ratings.csv, u.data (tabs) or ratings.dat ("::"), and what was odd."""
    text = _text(path)
    first = text.split("\n", 1)[0].strip()
    if not first:
        raise InputError(f"{path} must hold ratings, and is empty or begins with an empty line")
    between = next((x for x in ("::", "\t") if x in first), ",")
    cells = [x.strip().strip('"') for x in first.split(between)]
    named = not _is_number(cells[0])
    names = cells if named else list(COLUMNS[: len(cells)])
    missing = [name for name in COLUMNS[:3] if name not in names]
    if missing or (not named and len(cells) > len(COLUMNS)):
        raise InputError(
            f"{path} must have the columns {', '.join(COLUMNS)} (the last may be missing), got {first!r}"
        )
    if between == "::":  # pandas is fast with one character alone
        text, between = text.replace("::", "\t"), "\t"
    table = _table(path, text, between, names, named)
    return _clean(path, table, int(named))


def _table(path: Path, text: str, between: str, names: list[str], named: bool) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.StringIO(text), sep=between, names=names, skiprows=int(named), index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is no table: {str(error).strip()}") from None
    if not len(table):
        raise InputError(f"{path} must hold ratings, and holds none")
    return table.assign(timestamp=0) if "timestamp" not in names else table


def _clean(path: Path, table: pd.DataFrame, lines_before: int) -> tuple[pd.DataFrame, list[str]]:
    """Numbers where numbers belong, nothing missing, each film once per person."""
    table = table[list(COLUMNS)]
    for name in ("rating", "timestamp"):
        value = pd.to_numeric(table[name], errors="coerce")
        _none_bad(path, name, "a number", table, ~np.isfinite(value.to_numpy(float)), lines_before)
        table = table.assign(**{name: value})
    for name in ("userId", "movieId"):
        _none_bad(path, name, "given", table, table[name].isna().to_numpy(), lines_before)
        if table[name].dtype.kind not in "iuf":  # names: all of one kind, so that they can be sorted
            table = table.assign(**{name: table[name].astype(str)})
    order = table.sort_values("timestamp", kind="stable")
    again = order.duplicated(["userId", "movieId"], keep="last")
    notes = (
        [f"{int(again.sum())} ratings of a film that the same person rated again later left out"]
        if again.any()
        else []
    )
    return order[~again], notes


def _none_bad(
    path: Path, name: str, what: str, table: pd.DataFrame, bad: npt.NDArray[np.bool_], lines_before: int
) -> None:
    if bad.any():
        at = int(bad.argmax())
        got = table[name].iloc[at]
        told = "nothing" if pd.isna(got) else repr(str(got))
        line, lines = at + 1 + lines_before, int(bad.sum())
        raise InputError(f"{name} in {path} must be {what}, got {told} in line {line} ({lines} such lines)")


def read_titles(path: Path | None) -> dict[Any, str]:
    """{movieId: title} of movies.csv, movies.dat ("::") or u.item ("|"), in UTF-8 or, as the old ones are, Latin-1."""
    if path is None:
        return {}
    found: dict[Any, str] = {}
    between = {".csv": ",", ".dat": "::"}.get(path.suffix, "|")
    for line in csv.reader(io.StringIO(_text(path).replace(between, "\t") if between == "::" else _text(path)),
                           delimiter="\t" if between == "::" else between):  # fmt: skip
        if len(line) > 1 and _is_number(line[0]):
            found[int(line[0])] = line[1]
    if not found:
        raise InputError(
            f"{path} must hold movieId and title in each line (movies.csv, movies.dat, u.item), and holds none"
        )
    return found


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------------------------------------- network


class Recommender(nn.Module):
    """Each film seen by itself; one attention over them; a direction in which the films offered are ranked."""

    def __init__(self, films: int) -> None:
        super().__init__()
        self.film = nn.Embedding(films, FILM)
        self.liked = nn.Embedding(films, 1)  # b: by everybody
        self.seen = nn.Sequential(nn.Linear(2 * FILM + 1, 128), nn.GELU(), nn.Linear(128, 2 * WIDTH))
        self.query = nn.Parameter(torch.randn(HEADS, QUERIES, WIDTH // HEADS) * 0.3)
        self.ended = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))  # f
        self.taste = nn.Sequential(nn.Linear(QUERIES * WIDTH, 192), nn.GELU(), nn.Linear(192, FILM))
        nn.init.normal_(self.film.weight, std=0.5)
        nn.init.zeros_(self.liked.weight)

    def streams(
        self, film: torch.Tensor, stars: torch.Tensor, watched: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q, k, v of the one attention call, (B, HEADS, n, ...); one more dimension of q and k adds f."""
        e, r = self.film(film), stars[..., None]
        k, v = self.seen(torch.cat([e, e * r, r], -1)).chunk(2, -1)
        k, v = (x.view(*film.shape, HEADS, -1).transpose(1, 2) for x in (k, v))
        f = self.ended(watched[..., None])[:, None].expand(-1, HEADS, -1, -1)
        q = F.pad(self.query, (0, 1), value=1.0).expand(len(film), -1, -1, -1)
        return q, torch.cat([k, f], -1), v

    def weigh(self, film: torch.Tensor, stars: torch.Tensor, watched: torch.Tensor) -> torch.Tensor:
        """(B, n) log of a film's summed exp(logit) over queries and heads: how much attention it asks for."""
        q, k, _ = self.streams(film, stars, watched)
        return (q @ k.mT).logsumexp((1, 2))

    def forward(
        self,
        film: torch.Tensor,
        stars: torch.Tensor,
        watched: torch.Tensor,
        offered: torch.Tensor,
        gate: GateState | None = None,
        weights: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Evidence for each film offered (B, OFFERED); and, asked for, the attention each film seen got (B, n)."""
        q, k, v = self.streams(film, stars, watched)
        k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))  # the null key, last
        gate = None if gate is None else gate.with_null(film.shape[1])
        looks = None
        if weights:
            read, looks = gated_attention(q, k, v, gate, scale=1.0, need_weights=True)
        else:
            read = gated_attention(q, k, v, gate, scale=1.0)
        taste = self.taste(read.transpose(1, 2).flatten(1))  # (B, FILM)
        evidence: torch.Tensor = (self.film(offered) @ taste[..., None] + self.liked(offered))[..., 0]
        return evidence, None if looks is None else looks[..., :-1].mean((1, 2))


# ------------------------------------------------------------------------------------------------- subject


class RecommenderSubject:
    """The trained network and its task: a `registry.Specialist`."""

    def __init__(
        self, name: str, network: Recommender, world: World, device: str = "cpu", gap: float = math.nan
    ) -> None:
        self.name, self.world, self.device, self.gap = name, world, device, gap
        self.network = network.to(device).eval()
        self.design = TaskDesign(
            f"The best of {OFFERED} films", "seen", world.lengths, "films seen", "right", chance=1 / OFFERED,
            source="Harper & Konstan 2015, ACM Trans Interact Intell Syst 5:19 (the form of the data)",
        )  # fmt: skip

    def stream(self, value: float) -> TaskStream:
        """The list is read, a film after the other; asked a second after the last."""
        return one_by_one(self.design.count(value, most=LONGEST), PACE)

    def show(self, value: float, keys: Keys) -> Display:
        """People who were not trained on."""
        return self.world.draw(
            self.design.count(value, most=LONGEST), np.atleast_1d(np.asarray(keys, np.uint64)), "tested"
        )

    @torch.inference_mode()
    def weigh(self, display: Display) -> Floats:
        """How much attention each film asks for by itself (B, n)."""
        parts = [np.empty((0, display.film.shape[1]))]
        for rows, _ in row_chunks(len(display)):
            parts.append(self.network.weigh(*display.tensors(rows, self.device)[:3]).double().cpu().numpy())
        return np.concatenate(parts)[: len(display)]

    def answer(self, display: Display, gate: GateState | None = None) -> dict[str, npt.NDArray[Any]]:
        """score: 1 = the best; rank: of the best, 1 to 10, in the network's order; response: the film it takes."""
        evidence = self._read(display, gate, weights=False)[0]
        of_best = np.take_along_axis(evidence, display.truth[:, None], 1)
        taken = np.take_along_axis(display.offered, evidence.argmax(1)[:, None], 1)[:, 0]
        titles = np.array([self.world.title(int(film)) for film in taken], object)
        right = evidence.argmax(1) == display.truth
        return {"score": right * 1.0, "rank": 1 + (evidence > of_best).sum(1), "response": titles}

    def allocate(self, display: Display, gate: GateState | None = None) -> Floats:
        """The attention each film got (B, n)."""
        return self._read(display, gate, weights=True)[1]

    def elements(self, display: Display, row: int) -> list[str]:
        """The list that is read."""
        stars = [self.world.stars(x) for x in display.stars[row]]
        seen = zip(display.film[row], stars, display.role[row], strict=True)
        return [f"{self.world.title(int(film))}, {r:.3g} stars{'' if role == TARGET else ', left soon'}"
                for film, r, role in seen]  # fmt: skip

    @torch.inference_mode()
    def _read(self, display: Display, gate: GateState | None, weights: bool) -> tuple[Floats, Floats]:
        """Evidence (B, OFFERED) and attention (B, n), the latter empty if it is not asked for."""
        scores, looks = [np.empty((0, OFFERED))], [np.empty((0, display.film.shape[1]))]
        for rows, part in row_chunks(len(display), gate, self.device):
            score, look = self.network(*display.tensors(rows, self.device), part, weights)
            scores.append(score.double().cpu().numpy())
            looks += [] if look is None else [look.double().cpu().numpy()]
        return np.concatenate(scores)[: len(display)], np.concatenate(looks)[: len(display)]


def load(device: str) -> RecommenderSubject:
    """The subject with the weights that lie beside this file, in the world that they were trained in."""
    file = Path(__file__)
    weights, make = file.with_suffix(".safetensors"), f"python models/{file.name}"
    notes = read_weights(weights, make)[1]
    world: World = Made.of()
    if "data" in notes:
        if _digest(Path(notes["data"])) != notes["digest"]:
            raise InputError(f"{notes['data']} is not as it was when {weights} was made; train anew")
        world = log_of(Path(notes["data"]), Path(notes["movies"]) if "movies" in notes else None)
    network = Recommender(world.films)
    load_weights(network, weights, make)
    return RecommenderSubject(file.stem, network, world, device, noted(notes, "gap", weights, make))


def _digest(path: Path) -> str:
    return hashlib.sha256(_text(path).encode()).hexdigest()


# ---------------------------------------------------------------------------------------- training, measuring


def loss(
    network: Recommender, world: World, step: int, group: str = GROUPS[0], seed: int = SEED
) -> torch.Tensor:
    """Cross-entropy of the best film. In half of the trials some films are shut, as many as it happens."""
    keys = trial_keys(seed, step, np.arange(BATCH))
    people = world.draw(world.lengths[step % len(world.lengths)], keys, group)
    u = uniforms(keys[:, None], DISPLAY, PICTURE + 2000 + np.arange(2 + people.film.shape[1]))
    share = np.where(u[:, :1] < DROPPED, u[:, 1:2], 1.0)
    gate = GateState(keep=torch.from_numpy(u[:, 2:] < share))
    evidence = network(*people.tensors(np.arange(BATCH), "cpu"), gate)[0]
    return F.cross_entropy(evidence, torch.from_numpy(people.truth))


def measure(network: Recommender, world: World, trials: int = 4000) -> dict[str, float]:
    """People who were not trained on, no gate: share right, and of who knows the law; those trained on: the gap."""
    subject, found = RecommenderSubject("", network, world), {}
    for n in world.lengths:
        people = subject.show(n, trial_keys(seed_of(SEED, "accuracy"), n, np.arange(trials)))
        found[f"right_{n}"] = float(subject.answer(people)["score"].mean())
        if isinstance(world, Made):
            found[f"best_{n}"] = float((world.best(people) == people.truth).mean())
    lessons = world.draw(max(world.lengths), trial_keys(seed_of(SEED, "gap"), 0, np.arange(trials)), "taught")
    logits, ended = subject.weigh(lessons), lessons.role == TARGET
    found["gap"] = float(logits[ended].mean() - logits[~ended].mean())
    return found | {"sd_ended": float(logits[ended].std()), "sd_left": float(logits[~ended].std())}


def report(numbers: dict[str, float]) -> None:
    """The table that the head of this file quotes."""
    print("people held out, no gate, share right:")
    for name, x in numbers.items():
        if name.startswith("right_"):
            n = name.removeprefix("right_")
            known = f", who knows the law {numbers[f'best_{n}']:.3f}" if f"best_{n}" in numbers else ""
            print(f"  {n:>3s} films seen   {x:.3f}{known}")
    spread = f"sd {numbers['sd_ended']:.2f} of films watched to their end, {numbers['sd_left']:.2f} of those left soon"
    print(f"logits, people trained on: gap {numbers['gap']:.2f} ({spread})")


def look(network: Recommender, world: World) -> float:
    """The loss of people who are neither taught nor tested: for when to stop."""
    return float(
        np.mean([loss(network, world, n, GROUPS[1], seed_of(SEED, "look")).item() for n in range(6)])
    )


def workshop(file: Path, world: Callable[[], World], **more: Any) -> Workshop:
    """How a recommender of this world is made."""
    return Workshop(
        file,
        network=lambda: seeded(lambda: Recommender(world().films), SEED),
        lesson=lambda network, step: loss(network, world(), step),
        measure=lambda network: measure(network, world()),
        report=report,
        **more,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of one's own ratings."""
    parser.add_argument("--data", help="ratings.csv, u.data or ratings.dat: train on these")
    parser.add_argument("--movies", help="movies.csv, u.item or movies.dat: the titles")
    parser.add_argument("--to", help="where those weights go (a .safetensors file)")


def own_ratings(shop: Workshop, asked: argparse.Namespace) -> Workshop:
    """Train on the file that --data names, or check such weights."""
    if asked.data is None:
        if asked.to or asked.movies:
            raise InputError("--to and --movies belong to --data FILE: name the file")
        return shop
    file, data = shop.own_file(asked.to), Path(asked.data)
    movies = Path(asked.movies) if asked.movies else None
    log = log_of(data, movies)
    for note in log.notes:
        print(note, file=sys.stderr)
    notes = {
        "command": f"{shop.make} --data {data} --to {asked.to}",
        "data": str(data.resolve()),
        "digest": _digest(data),
    }
    notes |= {"movies": str(movies.resolve())} if movies else {}
    return workshop(file, lambda: log, course=OWN, held_out=lambda network: look(network, log), notes=notes)


WORKSHOP = workshop(Path(__file__), lambda: Made.of(), course=COURSE)

if __name__ == "__main__":
    raise SystemExit(WORKSHOP.main(arguments, own_ratings))
