"""What a person has seen, read off a list: a world whose law is known, and the files of one that is not."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import specialists
import torch
from scipy import stats
from specialists import kept, keys

from cogattn.errors import InputError
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.nn.networks.training import GROUPS

SUBJECT, FILE = specialists.loaded("recommender")
MADE = SUBJECT.world


# --- the made world ---


def test_the_best_film_is_the_one_the_person_likes_best_and_stars_tell_of_it():
    """Taste is found again from many films by least squares, with no word of the law's posterior."""
    people = MADE.draw(256, keys(200), "tested")
    own = people.role == 1
    stars = np.array([[MADE.stars(x) for x in row] for row in people.stars]).round(9)
    assert set(np.unique(stars)) <= set(np.arange(1, 11) / 2)
    hits, tastes = 0, []
    for row in range(200):
        x = MADE.factors[people.film[row, own[row]]]
        taste = np.linalg.lstsq(x, stars[row, own[row]] - 3, rcond=None)[0]
        tastes.append(taste)
        hits += (MADE.factors[people.offered[row]] @ taste).argmax() == people.truth[row]
    assert hits / 200 > 0.88
    assert np.std(tastes) == pytest.approx(1, abs=0.08)
    assert stats.kstest(np.ravel(tastes), "norm").pvalue > 1e-3


def test_films_left_soon_tell_nothing_and_are_a_quarter():
    people = MADE.draw(16, keys(500), "tested")
    left = people.role == 0
    assert (left.sum(1) == 4).all()
    assert people.watched[left].max() < 0.3 < 0.7 < people.watched[~left].min()
    best = MADE.factors[
        np.take_along_axis(people.offered, people.truth[:, None], 1)[:, 0]
    ]  # (B, 4) near the taste
    liking = (MADE.factors[people.film] @ best[..., None])[..., 0]
    assert abs(np.corrcoef(liking[left], people.stars[left])[0, 1]) < 0.07
    assert np.corrcoef(liking[~left], people.stars[~left])[0, 1] > 0.5
    assert people.stars[left].std() == pytest.approx(people.stars[~left].std(), abs=0.05)


def test_nobody_sees_a_film_twice_or_is_offered_what_he_saw():
    people = MADE.draw(32, keys(100), "tested")
    every = np.concatenate([people.film, people.offered], 1)
    assert all(len(set(row)) == 42 for row in every)


def test_who_knows_the_law_beats_every_other_guess_of_the_taste():
    """The posterior mean, against two shortcuts that use the same films: it must be right more often than both."""
    people = MADE.draw(8, keys(4000, seed=2), "tested")
    own = (people.role == 1)[..., None]
    x, r = MADE.factors[people.film] * own, people.stars[..., None]

    def right(taste):
        return ((MADE.factors[people.offered] @ taste)[..., 0].argmax(1) == people.truth).mean()

    mean = (MADE.best(people) == people.truth).mean()
    assert mean > right(x.mT @ r) + 0.02  # a sum of what was liked
    assert mean > right(np.linalg.pinv(x) @ r) + 0.005  # least squares
    nothing = MADE.best(people, held=np.zeros((4000, 8), bool))
    assert (nothing == people.truth).mean() == pytest.approx(0.1, abs=0.02)


# --- the network in it ---


@pytest.mark.parametrize("n", [1, 8, 32])
def test_it_is_nearly_as_good_as_who_knows_the_law(n):
    people = SUBJECT.show(n, keys(1500, seed=n))
    right, best = SUBJECT.answer(people)["score"].mean(), (MADE.best(people) == people.truth).mean()
    assert right > 0.93 * best - 0.01
    assert right > 0.1 + 0.02 * n**0.5


def test_under_a_gate_it_does_the_best_with_what_is_left():
    people = SUBJECT.show(16, keys(1500, seed=5))
    gate = kept((1500, 16), share=0.25)
    best = (MADE.best(people, held=gate.keep.numpy()) == people.truth).mean()
    right = SUBJECT.answer(people, gate)["score"].mean()
    assert best - 0.05 < right < best + 0.03
    assert right < SUBJECT.answer(people)["score"].mean() - 0.2


def test_the_rank_is_that_of_the_best():
    people = SUBJECT.show(8, keys(500))
    told = SUBJECT.answer(people)
    assert ((told["rank"] == 1) == (told["score"] == 1)).all()
    assert told["rank"].min() == 1
    assert told["rank"].max() <= 10
    titles = [[MADE.title(f) for f in row] for row in people.offered]
    assert all(said in row for said, row in zip(told["response"], titles, strict=True))


def test_people_hold_a_few_films_however_many_they_read():
    held = {n: specialists.held(SUBJECT, n, people=20, trials=40)[1].sum(1).mean() for n in (2, 8, 32)}
    assert held[2] == pytest.approx(2, abs=0.05)
    assert 2.5 < held[8] < 3.6
    assert held[32] == pytest.approx(held[8], abs=0.1)


def test_what_is_shut_changes_no_bit():
    people, other = (SUBJECT.show(8, keys(600, seed=s)) for s in (1, 2))
    gate = kept((600, 8))

    def mixed(take):
        pairs = ((people.film, other.film), (people.stars, other.stars), (people.watched, other.watched))
        film, stars, watched = (np.where(take, y, x) for x, y in pairs)
        return replace(people, film=film, stars=stars, watched=watched)

    before = SUBJECT._read(people, gate, weights=False)[0]
    assert (SUBJECT._read(mixed(~gate.keep.numpy()), gate, weights=False)[0] == before).all()
    assert (SUBJECT._read(mixed(gate.keep.numpy()), gate, weights=False)[0] != before).any(1).mean() > 0.9


@pytest.mark.parametrize("n", [1, 16])
def test_it_keeps_the_contract(n):
    specialists.is_pure(SUBJECT, n)
    specialists.is_as_wide_as_its_stream(SUBJECT, n)
    specialists.answers_alike_without_limits(SUBJECT, n)
    specialists.allocates_what_is_open(SUBJECT, n)
    specialists.refuses_a_gate_of_another_size(SUBJECT, n)


def test_films_watched_to_their_end_ask_for_more_attention():
    people = SUBJECT.show(32, keys(1000))
    logits, ended = SUBJECT.weigh(people), people.role == 1
    assert logits[ended].mean() - logits[~ended].mean() == pytest.approx(SUBJECT.gap, rel=0.05)


def test_the_list_is_read_at_the_pace_of_reading():
    stream = SUBJECT.stream(8)
    assert stream.stimuli[3].onset == pytest.approx(3 * 4 * 60 / 238)
    assert {t.when_full for t in stream.tasks} == {"weakest"}


@pytest.mark.parametrize("value", [0, 257, 1.5])
def test_a_history_has_a_length(value):
    with pytest.raises(InputError, match="seen must be"):
        SUBJECT.show(value, keys(1))


@pytest.mark.full
def test_it_learns_and_twice_the_same():
    specialists.learns_the_same_twice(FILE.WORKSHOP, steps=30)


def test_the_notes_say_what_it_can():
    notes = registry.read_weights(FILE.WORKSHOP.weights, FILE.WORKSHOP.make)[1]
    again = FILE.measure(SUBJECT.network, MADE, trials=1000)
    assert again["gap"] == pytest.approx(float(notes["gap"]), rel=0.03)
    assert again["right_32"] == pytest.approx(float(notes["right_32"]), abs=0.05)


# --- ratings of one's own ---


def rated(people=60, films=40, each=36, seed=0):
    """(user, film, stars, time) rows of people whose taste is one of two."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(1, people + 1):
        taste = rng.choice([-1, 1])
        for t, film in enumerate(rng.permutation(films)[:each]):
            good = taste * (1 if film % 2 else -1)
            stars = np.clip(np.round(2 * (3 + 1.2 * good + rng.normal(0, 0.5))) / 2, 0.5, 5)
            rows.append((person, 100 + int(film), float(stars), 1000 * person + t))
    return rows


def write(path: Path, rows, between=",", header="userId,movieId,rating,timestamp\n") -> Path:
    path.write_text(header + "".join(between.join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    return write(tmp_path_factory.mktemp("ratings") / "ratings.csv", rated())


@pytest.mark.parametrize(
    ("name", "between", "header"),
    [
        ("u.data", "\t", ""),
        ("ratings.dat", "::", ""),
        ("other.csv", ",", '"userId","movieId","rating","timestamp"\n'),
        ("bom.csv", ",", "\ufeffuserId,movieId,rating,timestamp\r\n"),
    ],
)
def test_every_form_of_the_file_tells_the_same(ratings, tmp_path, name, between, header):
    one, two = FILE.log_of(ratings), FILE.log_of(write(tmp_path / name, rated(), between, header))
    assert (one.film == two.film).all()
    assert (one.rating == two.rating).all()
    assert one.ids == two.ids
    assert (one.group == two.group).all()


def test_columns_may_stand_in_any_order_and_times_may_be_missing(ratings, tmp_path):
    turned = [(film, stars, person) for person, film, stars, _ in rated()]
    one, two = (
        FILE.log_of(ratings),
        FILE.log_of(write(tmp_path / "x.csv", turned, header="movieId,rating,userId\n")),
    )
    assert (one.film == two.film).all()
    assert (one.rating == two.rating).all()


def test_people_may_have_names(ratings, tmp_path):
    named = [(f"p{person:02d}" if person % 2 else person, *rest) for person, *rest in rated()]
    log = FILE.log_of(write(tmp_path / "ratings.csv", named))
    assert len(log.count) == 60
    assert log.films == FILE.log_of(ratings).films


def test_a_person_is_asked_about_later_films_one_of_which_he_rated_above_the_nine_others(ratings):
    log = FILE.log_of(ratings)
    told = {(user, film): (stars, time) for user, film, stars, time in rated()}
    people = log.draw(8, keys(200), "tested")
    tested = [user for user in range(1, 61) if log.group[user - 1] == "tested"]

    def is_asked(user, seen, offered, truth):
        if not all((user, film) in told for film in (*seen, *offered)):
            return False
        stars = [told[user, film][0] for film in offered]
        later = min(told[user, f][1] for f in offered) > max(told[user, f][1] for f in seen)
        return later and stars[truth] > max(np.delete(stars, truth))

    for row in range(200):
        seen = np.array(log.ids)[people.film[row, people.role[row] == 1]]
        offered = np.array(log.ids)[people.offered[row]]
        assert any(is_asked(user, seen, offered, people.truth[row]) for user in tested)


def test_nobody_is_both_taught_and_asked(ratings):
    log = FILE.log_of(ratings)
    people = [set(log._people(8, group).tolist()) for group in GROUPS]
    assert all(people)
    assert len(set.union(*people)) == sum(map(len, people))


def test_a_film_rated_again_counts_once_and_the_file_is_left_as_it_is(tmp_path):
    rows = rated()
    again = [(*rows[0][:2], 5.0 if rows[0][2] < 3 else 0.5, 10**9)]
    path = write(tmp_path / "ratings.csv", rows + again)
    before = path.read_bytes()
    log = FILE.log_of(path)
    assert len(log.film) == len(rows)
    assert log.notes[0].startswith("1 ratings of a film that the same person rated again")
    assert again[0][2] in log.rating[log.first[0] : log.first[0] + log.count[0]]
    assert path.read_bytes() == before


def test_rare_films_are_left_out_and_it_is_said(tmp_path):
    rows = [*rated(), (1, 999, 4.0, 5), (2, 999, 4.0, 5)]
    log = FILE.log_of(write(tmp_path / "ratings.csv", rows))
    assert 999 not in log.ids
    assert "2 ratings of films with fewer than 5 left out" in log.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold ratings, and is empty"),
        ("userId,movieId,rating,timestamp\n", "must hold ratings, and holds none"),
        ("user,film,stars\n1,2,3\n", "must have the columns userId, movieId, rating"),
        ("1,2\n3,4\n", "must have the columns"),
        ("1,2,3,4,5\n", "must have the columns"),
        (
            "userId,movieId,rating\n1,2,3\n1,3,good\n",
            r"rating in .* must be a number, got 'good' in line 3 \(1 such",
        ),
        ("userId,movieId,rating\n1,2,\n", "rating in .* must be a number, got nothing in line 2"),
        ("userId,movieId,rating\n1,2,inf\n", "rating in .* must be a number"),
        ("userId,movieId,rating\n1,2,3\n,3,4\n", "userId in .* must be given, got nothing in line 3"),
        ("userId,movieId,rating\n1,2,3\n1,2,3,4,5,6\n", "is no table"),
        ("userId,movieId,rating,timestamp\n1,2,3,4\n", "must hold people with at least 20 ratings"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, said):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        FILE.log_of(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        FILE.log_of(tmp_path / "ratings.csv")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("movies.csv", 'movieId,title,genres\n101,"Léon, the (1994)",Crime|Drama\n', "utf-8"),
        ("movies.csv", 'movieId,title,genres\n101,"Léon, the (1994)",Crime\n', "latin-1"),
        ("u.item", "101|Léon, the (1994)|01-Jan-1994||url|0|1\n", "latin-1"),
        ("movies.dat", "101::Léon, the (1994)::Crime|Drama\n", "latin-1"),
    ],
)
def test_titles_in_either_encoding(ratings, tmp_path, name, text, code):
    path = tmp_path / name
    path.write_bytes(text.encode(code))
    log = FILE.log_of(ratings, path)
    assert log.title(log.ids.index(101)) == "Léon, the (1994)"
    assert log.title(log.ids.index(102)) == "film 102"


def test_a_list_of_titles_that_holds_none(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text("nothing\n")
    with pytest.raises(InputError, match="must hold movieId and title"):
        FILE.read_titles(path)


@pytest.fixture(scope="module")
def own(ratings, tmp_path_factory):
    """The command on these ratings, with few steps, and the subject that comes of it."""
    folder = tmp_path_factory.mktemp("own")
    brief = replace(FILE.OWN, steps=120, warmup=10, every=60)
    old, FILE.OWN = FILE.OWN, brief
    argv, sys.argv = (
        sys.argv,
        ["x", "--data", str(ratings), "--to", str(folder / "mine.safetensors"), "--out", str(folder)],
    )
    try:
        assert FILE.WORKSHOP.main(FILE.arguments, FILE.own_ratings) == 0
    finally:
        FILE.OWN, sys.argv = old, argv
    shutil.copy(FILE.__file__, folder / "mine.py")
    return folder


@pytest.mark.slow
def test_it_trains_on_ones_own_ratings_and_a_copy_of_the_file_is_a_subject(own):
    subject = registry.find_specialist(str(own / "mine.py"), "cpu")
    assert subject.name == "mine"
    assert subject.design.values == (1, 2, 4, 8, 16)
    people = subject.show(16, keys(600))
    assert subject.answer(people)["score"].mean() > 0.2
    specialists.is_pure(subject, 8)
    assert "stars" in subject.elements(people, 0)[0]
    assert (own / "models" / "mine" / "curve.csv").is_file()


@pytest.mark.full
def test_weights_whose_ratings_have_changed_are_turned_away(own, ratings, tmp_path):
    data = shutil.copy(ratings, tmp_path / "ratings.csv")
    notes = registry.read_weights(own / "mine.safetensors", "")[1]
    world = FILE.log_of(data)
    network = FILE.Recommender(world.films)
    registry.save(network, notes | {"data": str(data)}, tmp_path / "mine.safetensors")
    shutil.copy(FILE.__file__, tmp_path / "mine.py")
    assert registry.find_specialist(str(tmp_path / "mine.py"), "cpu").world.films == world.films
    with open(data, "a") as file:
        file.write("1,101,3,5\n")
    with pytest.raises(InputError, match="is not as it was when"):
        registry.find_specialist(str(tmp_path / "mine.py"), "cpu")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "x.safetensors"], "belong to --data"),
        (["--data", "nowhere.csv"], "--to must name a .safetensors file"),
        (["--data", "nowhere.csv", "--to", "x.txt"], "--to must name a .safetensors file"),
        (["--data", "nowhere.csv", "--to", str(FILE.WORKSHOP.weights)], "other than recommender.safetensors"),
        (["--data", "nowhere.csv", "--to", "x.safetensors"], "nowhere.csv cannot be read"),
    ],
)
def test_a_command_that_cannot_be_done(monkeypatch, words, said):
    monkeypatch.setattr(sys, "argv", ["recommender.py", *words])
    with pytest.raises(SystemExit, match=said):
        FILE.WORKSHOP.main(FILE.arguments, FILE.own_ratings)


def test_all_shut_is_a_guess_of_what_everybody_likes():
    people = SUBJECT.show(4, keys(2000))
    nothing = GateState(keep=torch.zeros(2000, 4, dtype=torch.bool))
    assert SUBJECT.answer(people, nothing)["score"].mean() == pytest.approx(0.1, abs=0.03)
