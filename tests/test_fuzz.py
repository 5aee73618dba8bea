"""Two thousand bad inputs for all doors, and whether the fuzzer would notice: `nox -s fuzz` tries 1e5."""

from __future__ import annotations

import random

import fuzz
import fuzz_doors
import fuzz_values
import fuzz_words
import matplotlib as mpl
import pytest

from cogattn.errors import InputError

mpl.use("Agg")
SEED = 0
#: kind: how many inputs; of the slow doors (a right call plays something) only `nox -s fuzz` tries any.
INPUTS = {"api": 1400, "cli": 150, "files": 150, "page": 300}


@pytest.mark.parametrize("kind", INPUTS)
def test_no_input_is_answered_by_a_traceback_and_no_wrong_value_is_taken(kind):
    if kind == "page":
        pytest.importorskip("panel", reason="needs the extra: pip install 'cogattn[explore]'")
    found = fuzz.counted(fuzz.in_process(kind, SEED, INPUTS[kind]))
    assert found["inputs"] == INPUTS[kind]
    assert found["refused"] > INPUTS[kind] / 4
    assert not found["places"], f"seed {SEED}: {found}"


def test_each_input_is_one_argument_or_option_and_none_is_left_out():
    every = fuzz.each()
    words = [x.words for x in every]
    doors = {w.split("(")[0] for w in words if not w.startswith("cogattn '")}
    assert doors == {d.name for d in fuzz_doors.doors() if d.says}
    assert {w.split("'")[1] for w in words if w.startswith("cogattn '")} == set(fuzz_words.RIGHT)
    assert "cogattn.run(people=0)" in words
    assert "cogattn.watch(people=1000001)" in words
    assert [i for i, _ in fuzz.inputs(fuzz.EACH, 0, 5, 8)] == [5, 6, 7]


def test_a_log_is_gone_on_with_and_a_child_that_dies_is_a_hang(tmp_path, monkeypatch):
    """Inputs stand in one order, kinds mixed; what a log holds is not tried again."""
    counts = fuzz.shares(40, ["api", "page"])
    every = fuzz.order(counts)
    assert counts == {"api": 25, "page": 15}
    assert sorted(every) == sorted([("api", i) for i in range(25)] + [("page", i) for i in range(15)])
    assert 4 < sum(kind == "page" for kind, _ in every[:16]) < 8
    log, tried = tmp_path / "log.jsonl", []

    class Done:
        returncode = 0

    def child(command, **_):
        """It dies at the third input."""
        at, found = int(command[4]), Done()
        tried.append(at)
        with log.open("a") as out:
            for n in range(at, 40):
                out.write(fuzz.json.dumps({"begun": n, "kind": every[n][0], "words": "x"}) + "\n")
                if n == 2 and at == 0:
                    out.write('{"done": 2, "ki')
                    found.returncode = -9
                    return found
                out.write(
                    fuzz.json.dumps({"done": n, "kind": every[n][0], "outcome": ["taken", "x", "", ""]})
                    + "\n"
                )
        return found

    monkeypatch.setattr(fuzz.subprocess, "run", child)
    found = fuzz.in_children(0, counts, log, float("inf"))
    assert tried == [0, 3]
    assert {kind: len(outcomes) for kind, outcomes in found.items()} == counts
    dead = [o for outcomes in found.values() for o in outcomes if o.what == "hang"]
    assert len(dead) == 1
    assert "died (-9)" in dead[0].place
    assert fuzz.in_children(0, counts, log, float("inf")) == found
    assert tried == [0, 3]


def test_the_same_seed_tries_the_same():
    first, again = ([t.words for _, t in fuzz.inputs("api", 3, 0, 40)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 30


def test_every_kind_of_failure_is_noticed():
    def tried(call, wrong=False):
        return fuzz.judged(fuzz_doors.Input("x", wrong, call))

    def raises(error):
        raise error

    assert tried(lambda: None).what == "taken"
    assert tried(lambda: None, wrong=True).what == "wrong taken"
    assert tried(lambda: raises(InputError("x must be > 0, got -1"))).what == "refused"
    assert tried(lambda: raises(InputError(""))).what == "traceback"
    for error in (KeyError("a"), SystemExit(3), KeyboardInterrupt(), TypeError("'x'"), MemoryError()):
        assert tried(lambda error=error: raises(error)).what == "traceback"
    assert tried(lambda: raises(fuzz.HangError())).what == "hang"
    assert tried(lambda: random.Random(1, 2)).what == "refused"  # Python's own: one argument too many
    counts = fuzz.counted([tried(lambda: raises(KeyError("a"))), tried(lambda: None, wrong=True)])
    assert (counts["traceback"], counts["wrong taken"], counts["distinct places"]) == (1, 1, 1)


def test_every_command_has_a_right_call_to_begin_with():
    from cogattn.cli import app

    commands = {name for name in app.resolved_commands() if name[0] != "-"}
    assert set(fuzz_words.RIGHT) == commands


def test_the_grammar_marks_what_an_annotation_does_not_allow():
    def wrong(annotation, name=""):
        return {value.kind for value, is_wrong in fuzz_values.values(annotation, name) if is_wrong}

    assert {"none", "text", "nan", "float", "list", "huge"} <= wrong("int")
    assert "none" not in wrong("int | None")
    assert "negative" in wrong("int", "people") - wrong("int")
    assert {"bool", "nan", "none"} <= wrong("float")
    assert not {"float", "inf", "count"} & wrong("float")
    assert "list of texts" not in wrong("str | Sequence[str]")
    assert wrong("Any") == set()


@pytest.mark.full
def test_a_right_call_of_every_quick_door_is_not_refused():
    """A fuzzer of calls that are wrong anyway would find nothing."""
    usual = [d for d in fuzz_doors.doors() if not d.slow]
    assert len(usual) > 150
    refused = []
    with fuzz_doors.aside():
        for door in usual:
            try:
                fuzz_doors.used(door.call(**door.base()))
            except Exception as error:
                refused.append(f"{door.name}: {error}"[:120])
    assert len(refused) <= len(usual) / 4, "\n".join(refused)
