"""Associative recall: all right without limits, min(K, P) / P of P pairs with K slots, and nothing past the store."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors import safe_open

from cogattn import run
from cogattn.errors import InputError
from cogattn.laws import memory
from cogattn.mind import cohort
from cogattn.mind.draws import trial_keys
from cogattn.nn import eviction_plan
from cogattn.nn.gate import GateState
from cogattn.nn.networks import registry
from cogattn.observer import Observer
from cogattn.paradigms import NetworkTask

NUMBERS = (2, 4, 8, 16, 32)


@pytest.fixture(scope="module")
def recall() -> Any:
    return registry.find_specialist("associative_recall", device="cpu")


@pytest.fixture(scope="module")
def stream(recall: Any) -> Any:
    return recall.streaming()


@pytest.fixture(scope="module")
def file() -> Any:
    return registry.module("associative_recall")


def keys_of(n: int, trials: int = 200, seed: int = 7) -> npt.NDArray[np.uint64]:
    return trial_keys(seed, n, np.arange(trials))


def held(subject: Any, n: int, observer: Observer, trials: int, seed: int = 3) -> tuple[Any, GateState]:
    """What a mind makes of the trials of these keys: the display, and when it held each pair."""
    display = subject.show(n, keys_of(n, trials))
    weights = np.exp(subject.weigh(display) * math.log(1 / observer.alpha) / subject.gap)
    out = cohort.play(
        subject.stream(n),
        [observer],
        person=0,
        trial=np.arange(trials),
        seed=seed,
        weights=weights / weights.max(1, keepdims=True),
        details=True,
    )
    return display, NetworkTask(design=subject.design).gate(out)


def one_of_a_kind(display: Any) -> npt.NDArray[np.bool_]:
    """(B, L): no earlier pair of the key asked for has the value that is right, so that an old one is never right."""
    own = (display.key[:, None, :] == display.ask[:, :, None]) & display.met
    return (own & (display.value[:, None, :] == display.truth()[:, :, None])).sum(-1) == 1


def z(right: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """How far a count of right answers is from its law, in standard errors (queries of a trial share a store)."""
    off = (right - expected).reshape(len(right), -1).mean(1)
    return float(off.mean() / (off.std() / math.sqrt(len(off))))


# --- what is shown ---


@pytest.mark.parametrize("n", NUMBERS)
def test_pairs_have_keys_of_their_own_and_some_are_asked_for(recall, n):
    d = recall.show(n, keys_of(n))
    assert d.key.shape == d.value.shape == (200, n)
    assert all(len(set(row)) == n for row in d.key.tolist())
    assert d.ask.shape == (200, min(n, 8))
    for key, value, ask, truth in zip(d.key, d.value, d.ask, d.truth(), strict=True):
        assert len(set(ask)) == len(ask)
        assert [dict(zip(key, value, strict=True))[a] for a in ask] == truth.tolist()


@pytest.mark.parametrize("n", NUMBERS)
def test_in_a_stream_the_latest_value_is_right(stream, n):
    d = stream.show(n, keys_of(n, 50))
    assert (d.when == np.arange(n, n + 32)).all()
    for b in range(50):
        known = {}
        for t, (key, value) in enumerate(zip(d.key[b].tolist(), d.value[b].tolist(), strict=True)):
            if t >= n:
                ask = d.ask[b, t - n]
                assert ask != key
                assert d.truth()[b, t - n] == known[ask]
            known[key] = value
        assert len(known) == n
        assert (np.diff(np.sort(d.key[b, :n])) > 0).all()


def test_the_exam_shows_only_pairs_that_training_never_showed(recall, stream, file):
    trained = set()
    for step in range(60):
        d, _ = file.lesson(step)
        trained |= set(zip(d.key.ravel().tolist(), d.value.ravel().tolist(), strict=True))
    examined = set()
    for subject in (recall, stream):
        d = subject.show(32, keys_of(32))
        examined |= set(zip(d.key.ravel().tolist(), d.value.ravel().tolist(), strict=True))
    pairs = {(k, v) for k, v in trained if k != file.NONE}
    assert len(pairs) == 64 * 48  # every other pair is met
    assert len(examined) == 64 * 16
    assert not pairs & examined


@pytest.mark.parametrize("kind", ["recall", "stream"])
def test_a_trial_depends_on_its_own_key_alone(kind, request):
    subject = request.getfixturevalue(kind)
    keys = keys_of(8)
    every, some = subject.show(8, keys), subject.show(8, keys[[150, 3]])
    for name in ("key", "value", "ask"):
        assert np.array_equal(getattr(every, name)[[150, 3]], getattr(some, name))
    assert np.array_equal(subject.weigh(every)[[150, 3]], subject.weigh(some))
    gate = GateState(
        keep=torch.rand(200, every.key.shape[1], generator=torch.Generator().manual_seed(0)) < 0.5
    )
    rows = subject.answers(every, gate)[[150, 3]]
    assert np.array_equal(rows, subject.answers(some, gate[torch.tensor([150, 3])]))


# --- what it says ---


@pytest.mark.parametrize("n", NUMBERS)
def test_without_limits_all_is_right(recall, stream, n):
    assert recall.answer(recall.show(n, keys_of(n)))["score"].mean() > 0.999
    assert stream.answer(stream.show(n, keys_of(n)))["score"].mean() > 0.995


def test_it_says_the_latest_value_that_is_left_or_unknown(stream, file):
    """Whatever is hidden from each query: the ideal answer of one who knows what it finds and nothing else."""
    d = stream.show(3, keys_of(3))
    plan = eviction_plan(2, d.key.shape[1], "random", seed=1, batch=200)
    said, left = stream.answers(d, plan=plan), d.truth(plan.alive[:, d.when])
    assert (said == left).mean() > 0.999
    lost, old = left == file.UNKNOWN, (left != file.UNKNOWN) & (left != d.truth())
    assert 0.3 < lost.mean() < 0.6
    assert old.mean() > 0.03
    answer = stream.answer(d)
    assert answer["unknown"].max() == 0.0
    assert answer["stale"].mean() < 0.003


def test_a_key_that_was_never_shown_is_unknown(recall, file):
    d = recall.show(8, keys_of(8))
    strange = (d.key.max(1, keepdims=True) + 1 + np.arange(8)) % 64
    strange = np.where((strange[:, :, None] == d.key[:, None, :]).any(-1), -1, strange)
    asked = np.where(strange >= 0, strange, d.ask)
    said = recall.answers(file.Display(d.key, d.value, asked, d.when))
    assert (said[strange >= 0] == file.UNKNOWN).mean() > 0.999


# --- people: the closed forms ---


@pytest.mark.parametrize("n", NUMBERS)
def test_of_p_pairs_a_mind_of_k_slots_has_k(recall, n):
    """Whatever its policy, a full store holds K of the P pairs; who has 3.4 slots has 3 or 4."""
    display, gate = held(recall, n, Observer(slots=3.4), 800)
    law = memory.serial_recall(n, 3.4, "weakest").mean()
    assert law == pytest.approx(0.6 * min(3, n) / n + 0.4 * min(4, n) / n)
    assert abs(recall.answer(display, gate)["score"].mean() - law) < 1e-9 if n == 2 else True
    if n > 2:
        assert abs(z(recall.answers(display, gate) == display.truth(), law)) < 4


def test_by_its_place_in_the_list_a_pair_is_left_as_the_law_says(recall):
    display, gate = held(recall, 8, Observer(slots=3.4), 2500)
    right, at = recall.answers(display, gate) == display.truth(), display.last()
    for place, law in enumerate(memory.serial_recall(8, 3.4, "weakest")):
        here = right[at == place]
        assert here.mean() == pytest.approx(law, abs=4 * math.sqrt(law * (1 - law) / len(here)) + 0.004)


@pytest.mark.parametrize("slots", [2.0, 3.4])
@pytest.mark.parametrize("n", [4, 16])
def test_in_a_stream_a_mind_keeps_track_as_the_law_says(stream, slots, n):
    display, gate = held(stream, n, Observer(slots=slots), 400)
    lag = display.when - display.last()
    law = memory.retention(lag, slots, "random", before=display.last())
    sure = one_of_a_kind(display)
    right = stream.answers(display, gate) == display.truth()
    assert abs(z(np.where(sure, right, 0), np.where(sure, law, 0))) < 4


@pytest.mark.parametrize("n", NUMBERS)
def test_the_share_of_a_long_stream_in_closed_form(n):
    """The lag of a key's latest pair is geometric: the sum of (1/N)((1 - 1/N)(1 - 1/K))^(l - 1) is K / (K + N - 1)."""
    lag = np.arange(1, 5000)
    for slots in (1.0, 3.0, 6.0):
        share = (1 / n * (1 - 1 / n) ** (lag - 1) * memory.retention(lag, slots)).sum()
        assert share == pytest.approx(slots / (slots + n - 1))


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_by_lag_a_store_of_k_slots_keeps_what_its_formula_says(stream, slots):
    d = stream.show(24, keys_of(24, 600))
    plan = eviction_plan(slots, d.key.shape[1], policy="random", seed=2, batch=600)
    right, lag, sure = stream.answers(d, plan=plan) == d.truth(), d.when - d.last(), one_of_a_kind(d)
    for step in (1, 2, 3, 5, 8, 12):
        here, law = right[(lag == step) & sure], (1 - 1 / slots) ** (step - 1)
        assert len(here) > 150
        assert here.mean() == pytest.approx(law, abs=4 * math.sqrt(law * (1 - law) / len(here)) + 1e-3)


def test_people_fall_and_softmax_stays(recall):
    frame = run("own_task", model="associative_recall", people=6, trials=15).frame
    mean = frame.groupby(["arm", "pairs"])["score"].mean()
    assert (mean["softmax"] == 1).all()
    assert mean["human"].is_monotonic_decreasing
    assert mean["human", 32] < 0.2 < 0.9 < mean["human", 2]
    own = frame[frame["arm"] == "human"]
    assert (own["score"] + own["unknown"]).between(0.99, 1.01).all()  # nobody guesses


def test_a_file_of_ones_own_makes_the_stream_a_task(tmp_path):
    path = tmp_path / "track.py"
    path.write_text(
        "from cogattn.nn.networks.registry import find_specialist\n\n"
        "def load(device):\n    return find_specialist('associative_recall', device).streaming()\n"
    )
    frame = run("own_task", model=str(path), people=4, trials=10).frame
    mean = frame.groupby(["arm", "keys"])[["score", "stale"]].mean()
    assert (mean.loc["softmax", "score"] > 0.99).all()
    assert mean.loc["human", "score"].is_monotonic_decreasing
    assert mean.loc[("human", 2), "stale"] > 0.03 > mean.loc[("human", 32), "stale"]


# --- one pass, or step by step through a cache of K ---


@pytest.mark.parametrize("slots", [1.0, 2.6, 4.0])
def test_the_gate_the_plan_and_the_cache_of_one_mind_say_the_same(stream, slots):
    d, gate = held(stream, 8, Observer(slots=slots), 130)
    plan = stream.plan(gate)
    assert plan.slots <= math.ceil(slots)
    by_gate = stream._call(d, gate, None, lambda scores, _: scores)
    by_plan = stream._call(d, None, plan, lambda scores, _: scores)
    by_cache = stream.step_by_step(d, plan)
    np.testing.assert_allclose(by_plan, by_gate, atol=1e-3)
    np.testing.assert_allclose(by_cache, by_gate, atol=1e-3)
    assert np.array_equal(stream.cached(d, plan), stream.answers(d, gate))
    assert 0.02 < (stream.cached(d, plan) == d.truth()).mean() < 0.9


def test_a_plan_drawn_by_itself_is_read_the_same_both_ways(stream):
    d = stream.show(16, keys_of(16, 70))
    for policy in ("random", "oldest", "weakest"):
        plan = eviction_plan(3, d.key.shape[1], policy, seed=4, batch=70)
        assert np.array_equal(stream.cached(d, plan), stream.answers(d, plan=plan))


# --- nothing passes the gate ---


@pytest.mark.parametrize("kind", ["recall", "stream"])
def test_what_a_closed_pair_is_changes_no_bit(kind, request, file):
    subject = request.getfixturevalue(kind)
    d = subject.show(8, keys_of(8))
    S = d.key.shape[1]
    keep = np.random.default_rng(0).random((200, S)) < 0.4
    times = {"t_on": np.where(keep, 0.0, np.inf), "t_off": np.full(keep.shape, np.inf)}
    other = file.Display(
        np.where(keep, d.key, (d.key + 5) % 64), np.where(keep, d.value, (d.value + 9) % 64), d.ask, d.when
    )
    for gate in (GateState.from_events(keep), GateState.from_numpy(**times)):
        one, two = (subject._call(x, gate, None, lambda scores, _: scores) for x in (d, other))
        assert np.array_equal(one, two)
        assert np.array_equal(subject.answers(d, gate), subject.answers(other, gate))


def test_a_pair_tells_nothing_of_another(recall, file):
    """Each element is encoded by itself: changing one changes the key and the value of no other."""
    key, value = (torch.randint(0, 64, (4, 10), generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    with torch.no_grad():
        before = recall.network.pairs(key, value)
        key[:, 3], value[:, 3] = 1, 2
        after = recall.network.pairs(key, value)
    others = [0, 1, 2, 4, 5, 6, 7, 8, 9]
    for x, y in zip(before, after, strict=True):
        assert torch.equal(x[:, :, others], y[:, :, others])


@pytest.mark.parametrize("kind", ["recall", "stream"])
def test_a_gate_that_limits_nothing_is_no_gate_to_the_bit(kind, request):
    subject = request.getfixturevalue(kind)
    d = subject.show(4, keys_of(4))
    S = d.key.shape[1]
    plain = subject._call(d, None, None, lambda scores, _: scores)
    gates = [
        GateState(),
        GateState(keep=torch.ones(200, S, dtype=torch.bool)),
        GateState(t_on=torch.zeros(200, S), t_off=torch.full((1, S), math.inf).expand(200, -1)),
        GateState(t_on=torch.zeros(1, S)),
    ]
    for gate in gates:
        assert np.array_equal(plain, subject._call(d, gate, None, lambda scores, _: scores))


def test_attention_goes_to_the_pair_asked_for_and_to_nothing_closed(recall):
    d = recall.show(8, keys_of(8))
    got = recall.allocate(d)
    assert got.shape == (200, 8)
    np.testing.assert_allclose(got, 1 / 8, atol=0.01)
    keep = np.random.default_rng(1).random((200, 8)) < 0.5
    got = recall.allocate(d, GateState.from_events(keep))
    assert (got[~keep] == 0).all()
    np.testing.assert_allclose(got[keep], 1 / 8, atol=0.03)


def test_all_pairs_weigh_alike_and_fillers_less(recall, file):
    d, _ = file.lesson(0, 99)
    logits, filler = recall.weigh(d), d.key == file.NONE
    gain = math.log(1 / 0.44) / recall.gap
    assert (gain * logits[~filler]).std() < 0.03  # in log w
    assert np.exp(gain * (logits[filler].mean() - logits[~filler].mean())) == pytest.approx(0.44, abs=0.01)


def test_elements_are_words(recall):
    d = recall.show(4, keys_of(4))
    assert recall.elements(d, 3) == [f"{k}:{v}" for k, v in zip(d.key[3], d.value[3], strict=True)]


# --- errors ---


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r, d: r.show(2.5, keys_of(1)), "pairs must be a whole number from 2 to 64, got 2.5"),
        (lambda r, d: r.stream(1), "pairs must be a whole number from 2 to 64, got 1"),
        (lambda r, d: r.streaming().stream(33), "keys must be a whole number from 2 to 32, got 33"),
        (lambda r, d: r.answer(d, GateState(keep=torch.ones(200, 5, dtype=torch.bool))), "gate.keep must have 4"),
        (lambda r, d: r.answer(d, GateState(keep=torch.ones(7, 4, dtype=torch.bool))), "gate.keep must have 200 rows"),
        (lambda r, d: r.answers(d, plan=eviction_plan(2, 4, batch=200)), "each query coming with one of them"),
        (lambda r, d: r.cached(d, eviction_plan(2, 5, batch=200)), "a plan must be for"),
        (lambda r, d: r.plan(GateState()), "must say t_on and t_off"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_line(recall, call, said):
    with pytest.raises(InputError, match=said):
        call(recall, recall.show(4, keys_of(4)))


# --- training ---


def test_what_a_lesson_wants_is_the_latest_value_found(file):
    d, found = file.lesson(3)
    truth = d.truth(found)
    kinds = {"unknown": 0, "old": 0, "new": 0}
    for b in range(0, 64, 5):
        for j, when in enumerate(d.when):
            own = [s for s in range(when) if d.key[b, s] == d.ask[b, j]]
            seen = [s for s in own if found[b, j, s]]
            assert truth[b, j] == (d.value[b, seen[-1]] if seen else file.UNKNOWN)
            kinds["unknown" if not seen else "new" if seen[-1] == own[-1] else "old"] += 1
    assert min(kinds.values()) > 10


def test_lessons_lower_the_loss_and_are_the_same_twice(file):
    before = torch.get_rng_state()
    (one, curve), (two, _) = file.WORKSHOP.teach(steps=8), file.WORKSHOP.teach(steps=8)
    assert curve.loss[0] == pytest.approx(math.log(65), abs=0.3)
    assert np.mean(curve.loss[-3:]) < curve.loss[0] - 0.1
    for x, y in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(x, y)
    assert torch.equal(before, torch.get_rng_state())


def test_the_weights_are_as_their_notes_say(file, capsys):
    with safe_open(str(file.WORKSHOP.weights), framework="pt") as weights:
        notes = weights.metadata()
    assert notes["command"] == "python models/associative_recall.py"
    assert all(float(notes[f"right_{n}"]) > 0.999 for n in NUMBERS)
    assert file.WORKSHOP.weights.stat().st_size < 200_000
    assert file.WORKSHOP.check() == 0
    assert capsys.readouterr().out.endswith("as its notes say\n")
