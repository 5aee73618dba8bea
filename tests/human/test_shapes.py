"""Files in the shapes that other people's programs give them, made up here: read without a word, or asked about."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cogattn.errors import InputError
from cogattn.human import imports
from cogattn.human.imports import Recipe, codes, levels
from cogattn.tune import tasks

PEOPLE, TRIALS = 4, 60


def truth():
    """Four people's flankers: rt [s] (missing: nobody answered), right or not, congruent or not."""
    rng = np.random.default_rng(7)
    n = PEOPLE * TRIALS
    frame = pd.DataFrame({"person": np.repeat([f"p{i}" for i in range(PEOPLE)], TRIALS)})
    frame["congruent"] = rng.permutation(np.tile([1, 0], n // 2))
    frame["rt"] = np.round(0.45 + 0.05 * (1 - frame["congruent"]) + rng.gamma(2, 0.04, n), 3)
    frame["right"] = (rng.random(n) < 0.93).astype(int)
    late = rng.random(n) < 0.04
    frame.loc[late, ["rt", "right"]] = [np.nan, 0]
    frame["trial"] = np.tile(np.arange(1, TRIALS + 1), PEOPLE)
    return frame


TRUE = truth()
WORD = TRUE["congruent"].map({1: "congruent", 0: "incongruent"})
MS = (1000 * TRUE["rt"]).round()
OUTCOME = np.where(TRUE["rt"].isna(), "timeout", TRUE["right"].map({1: "hit", 0: "error"}))
KEY = np.where(TRUE["rt"].isna(), None, np.where(TRUE["right"] == 1, "f", "j"))


def csv(frame, **how):
    return frame.to_csv(index=False, **how)


def eprime():
    frame = pd.DataFrame({
        "ExperimentName": "Flanker_v2", "Subject": TRUE["person"].str[1:].astype(int) + 101, "Session": 1,
        "Procedure[Trial]": "TrialProc", "Congruency": WORD, "Stim.ACC": TRUE["right"], "Stim.CRESP": "f",
        "Stim.RESP": KEY, "Stim.RT": MS.fillna(0).astype(int), "Stim.OnsetTime": 1000 * np.arange(len(TRUE)) + 17,
        "Prac.ACC": "NULL", "Prac.RT": "NULL",
    })  # fmt: skip
    blank = dict.fromkeys(frame, "NULL") | {"ExperimentName": "Flanker_v2", "Subject": 101, "Session": 1}
    prac = pd.DataFrame([blank | {"Procedure[Trial]": "PracProc", "Prac.ACC": 1, "Prac.RT": 600}] * 6)
    body = pd.concat([prac, frame]).to_csv(index=False, sep="\t", na_rep="")
    return ("C:\\data\\flanker_merged.emrg\r\n" + body.replace("\n", "\r\n")).encode("utf-16")


def gorilla():
    rows = pd.DataFrame({
        "Event Index": np.arange(len(TRUE)), "Participant Private ID": TRUE["person"], "Task Name": "Flanker",
        "Zone Type": "response_keyboard", "Reaction Time": MS, "Response": KEY, "Correct": TRUE["right"],
        "display": "trial", "congruency": WORD,
    })  # fmt: skip
    fixed = rows.assign(**{"Zone Type": "fixation", "Reaction Time": 500.2, "Response": "", "Correct": ""})
    both = pd.concat([fixed, rows]).sort_index(kind="stable")
    return csv(both) + "END OF FILE\n"


def labjs():
    rows = pd.DataFrame({
        "sender": "stimulus", "sender_id": "1_2", "timestamp": "2024", "participant": TRUE["person"],
        "duration": MS.fillna(1500), "ended_on": np.where(TRUE["rt"].isna(), "timeout", "response"), "response": KEY,
        "correctResponse": "f", "correct": np.where(TRUE["right"] == 1, "true", "false"), "condition": WORD,
    })  # fmt: skip
    cross = rows.assign(
        sender="cross", duration=500, ended_on="timeout", response="", correctResponse="", correct=""
    )
    return csv(pd.concat([cross, rows]).sort_index(kind="stable"))


def opensesame():
    frame = pd.DataFrame({
        "acc": 93.1, "avg_rt": 500.0, "correct": TRUE["right"], "count_stimulus": TRUE["trial"], "practice": "no",
        "response": KEY, "response_time": MS.fillna(2000), "subject_nr": TRUE["person"], "flanker_congruency": WORD,
    })  # fmt: skip
    prac = frame.groupby("subject_nr").head(4).assign(practice="yes", response_time=900.0)
    return csv(pd.concat([prac, frame]), na_rep="None")


def jspsych():
    frame = pd.DataFrame({
        "rt": MS, "stimulus": "<p>&lt;&lt;&gt;&lt;&lt;</p>", "response": KEY, "trial_type": "html-keyboard-response",
        "trial_index": TRUE["trial"], "time_elapsed": 1000 * TRUE["trial"], "task": "response",
        "correct_response": "f", "correct": np.where(TRUE["right"] == 1, "true", "false"),
        "congruency": WORD, "PROLIFIC_PID": TRUE["person"],
    })  # fmt: skip
    welcome = (
        frame.groupby("PROLIFIC_PID")
        .head(2)
        .assign(task="", congruency="", correct="", correct_response="", rt=2267)
    )
    return csv(pd.concat([welcome, frame]), na_rep="null")


def plain(names: dict[str, Any], **how):
    def made():
        return csv(pd.DataFrame(names), **how)

    return made


def r_table():
    frame = pd.DataFrame({"subj": TRUE["person"], "cond": WORD, "rt": TRUE["rt"], "acc": TRUE["right"]})
    out = io.StringIO()
    out.write('"subj" "cond" "rt" "acc"\n')
    for i, row in enumerate(frame.itertuples(index=False), 1):
        out.write(f'"{i}" "{row.subj}" "{row.cond}" {"NA" if np.isnan(row.rt) else row.rt} {row.acc}\n')
    return out.getvalue()


def chinese():
    words = TRUE["congruent"].map({1: "一致", 0: "不一致"})
    frame = pd.DataFrame({"被试": TRUE["person"], "条件": words, "正确": TRUE["right"], "反应时": MS})
    return csv(frame).encode("gbk")


SHAPES = {
    "flanker_eprime.txt": eprime,
    "gorilla_flanker.csv": gorilla,
    "labjs_flanker.csv": labjs,
    "opensesame_flanker.csv": opensesame,
    "jspsych_flanker.csv": jspsych,
    "r_flanker.txt": r_table,
    "flanker_gbk.csv": chinese,
    "flanker_sinit.csv": plain({"sinit": TRUE["person"], "Comp": WORD.str[:-6].replace("", "con"), "rt": TRUE["rt"],
                                "Error": 1 - TRUE["right"]}),
    "flanker_deep.csv": plain({"vpNum": TRUE["person"], "trial.cond": "go_" + WORD + "_left", "response.rt": MS,
                               "response.correct": TRUE["right"].map({1: "TRUE", 0: "FALSE"})}),
    "flanker_status.csv": plain({"subn": TRUE["person"], "Compatible": TRUE["congruent"], "RT": MS.fillna(2000),
                                 "status": np.where(TRUE["rt"].isna(), 3, 2 - TRUE["right"])}),
    "flanker_minus.csv": plain({"uid": TRUE["person"], "congruency": WORD.str[:3], "rt": MS.fillna(-1),
                                "acc": np.where(TRUE["rt"].isna(), -1, TRUE["right"])}),
    "flanker_codes.csv": plain({"pid": TRUE["person"], "incongruent": 1 - TRUE["congruent"], "latency": TRUE["rt"],
                                "outcome": OUTCOME}),
    "flanker_keys.csv": plain({"participant": TRUE["person"], "type": WORD, "key": KEY, "corr_key": "F", "RT_ms": MS}),
    "flanker_comma.csv": plain({"Versuchsperson": TRUE["person"], "VP": TRUE["person"], "Bedingung": WORD.replace(
        {"congruent": "kongruent", "incongruent": "inkongruent"}), "RT": TRUE["rt"], "korrekt_acc": TRUE["right"]},
        sep=";", decimal=","),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_is_the_same_data_without_a_word_said(tmp_path, name):
    made = SHAPES[name]()
    path = tmp_path / name
    path.write_bytes(made if isinstance(made, bytes) else made.encode())
    found = imports.propose(path, tasks.known())
    frame = found.table.frame
    told = "\n".join(found.table.notes)
    assert (found.task, found.lacking) == ("flanker", ()), told
    assert (len(frame), frame["person"].nunique()) == (len(TRUE), PEOPLE), told
    np.testing.assert_allclose(frame["rt"], TRUE["rt"], atol=6e-4, err_msg=told)
    assert frame["correct"].tolist() == TRUE["right"].tolist(), told
    assert frame["congruence"].tolist() == TRUE["congruent"].map({1: 1, 0: -1}).tolist(), told


def test_a_file_without_a_head_is_asked_about_and_read_with_its_columns(tmp_path):
    path = tmp_path / "flanker_p7.txt"
    own = TRUE[TRUE["person"] == "p1"]
    rows = zip(own["trial"], WORD[own.index], MS[own.index].fillna(1500), 2 - own["right"], strict=True)
    path.write_text("".join(f"block1 {t} {w} {ms:.0f} {s}\n" for t, w, ms, s in rows))
    with pytest.raises(InputError, match="has no head line, its first is block1,1"):
        imports.propose(path, tasks.known())
    heads = ("block", "trial", "congruence", "rt", "status")
    frame = imports.propose(path, tasks.known(), Recipe(heads=heads)).table.frame
    assert frame["correct"].tolist() == own["right"].tolist()
    assert set(frame["person"]) == {"flanker_p7"}
    with pytest.raises(InputError, match="--columns must name 5 columns"):
        imports.propose(path, tasks.known(), Recipe(heads=heads[:3]))


def put(tmp_path, frame, name="flanker.csv"):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return path


BASE = pd.DataFrame({"id": TRUE["person"], "congruency": WORD, "rt": TRUE["rt"], "acc": TRUE["right"]})
WANTED = ("person", "congruence", "correct", "rt")


def test_what_cannot_be_meant_is_refused(tmp_path):
    flipped = put(tmp_path, BASE.assign(acc=1 - TRUE["right"]))
    with pytest.raises(InputError, match=r"below chance in every condition .* say --column error=acc"):
        imports.read(flipped, WANTED)
    frame = imports.read(flipped, WANTED, columns={"error": "acc"}).frame
    assert frame["correct"].tolist() == TRUE["right"].tolist()
    with pytest.raises(InputError, match="which no person takes in s: say --unit rt=ms"):
        imports.read(put(tmp_path, BASE.assign(rt=4000 + MS)), WANTED, unit={"rt": "s"})
    with pytest.raises(InputError, match="every trial of person p0 and 3 others is there twice"):
        imports.read(put(tmp_path, pd.concat([BASE, BASE])), WANTED)


def test_two_conditions_that_may_be_meant_are_asked_about(tmp_path):
    rows = BASE.drop(columns="congruency").assign(
        stimulusConflict=[0, 1] * 120, responseConflict=[0, 0, 1, 1] * 60
    )
    found = imports.propose(put(tmp_path, rows), tasks.known(), task="flanker")
    assert found.lacking == ("congruence",)
    assert "--column congruence=NAME" in " ".join(found.says())


def test_letters_without_distractors_are_a_whole_report(tmp_path):
    rows = pd.DataFrame({"subject": ["a"] * 6 + ["b"] * 6, "exposure_ms": [17, 50, 150] * 4, "n_letters": 6,
                         "n_correct": [0, 2, 3, 1, 2, 4] * 2})  # fmt: skip
    found = imports.propose(put(tmp_path, rows), tasks.known())
    assert (found.task, found.sure, found.lacking) == ("whole_report", "likely", ())
    found = imports.propose(put(tmp_path, rows.drop(columns="n_letters")), tasks.known())
    assert (found.task, found.lacking) == ("whole_report", ("targets",))
    assert "--set targets=VALUE" in " ".join(found.says())
    found = imports.propose(put(tmp_path, rows.assign(n_distractors=[0, 3] * 6)), tasks.known())
    assert found.task == "partial_report"


def test_few_codes_that_come_again_are_no_copy(tmp_path):
    low = pd.DataFrame({"id": "a", "trial": np.tile(np.arange(1, 11), 4), "set_size": 4, "changed": [0, 1] * 20,
                        "says_changed": [0, 1] * 20})  # fmt: skip
    table = imports.read(
        put(tmp_path, low.assign(block=np.repeat([1, 2, 3, 4], 10))), ("person", "set_size", "changed")
    )
    assert "twice" not in "\n".join(table.notes)


def test_answers_are_kept_and_read_the_next_file(tmp_path):
    coded = BASE.assign(congruency=TRUE["congruent"].map({1: 7, 0: 9}))
    path = put(tmp_path, coded)
    told = tasks.shape("flanker").levels
    words = {"congruence": {"7": "congruent", "9": "incongruent"}}
    first = imports.read(path, WANTED, levels=told, words=words)
    kept = first.recipe.save(tmp_path / "mine.toml")
    again = imports.read(put(tmp_path, coded, "next.csv"), WANTED, levels=told, recipe=kept)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    (tmp_path / "odd.toml").write_text("colour = 3\n")
    with pytest.raises(InputError, match="must hold columns, constants"):
        Recipe.from_file(tmp_path / "odd.toml")


def stopped():
    """Three goes, one of them wrong, a stop that succeeded and one that failed, again and again; who was right."""
    rows = [("go", 0.412, 1, 0, 1), ("go", 0.398, 1, 0, 1), ("go", 0.371, 0, 0, 0), ("stop", None, 0, 1, 1),
            ("stop", 0.342, 1, 0, 0)] * 12  # fmt: skip
    frame = pd.DataFrame(rows, columns=["trial_kind", "rt", "CorrectGo", "SuccStop", "truth"])
    frame["rt"] += np.arange(len(frame)) / 1e4
    return frame.drop(columns="truth").assign(id="a"), frame["truth"].tolist()


STOPS = ("person", "correct", "rt")


def test_right_in_going_and_right_in_stopping_are_put_together(tmp_path):
    frame, truth = stopped()
    table = imports.read(put(tmp_path, frame, "stops.csv"), STOPS)
    assert table.frame["correct"].tolist() == truth
    assert "right is SuccStop where trial_kind is a stop, else CorrectGo" in table.notes
    again = imports.read(put(tmp_path, frame, "next.csv"), STOPS, recipe=table.recipe)
    assert again.frame["correct"].tolist() == truth


def test_right_in_going_alone_is_not_right_in_all_trials(tmp_path):
    frame, _ = stopped()
    for lacking in ("SuccStop", "trial_kind"):
        path = put(tmp_path, frame.drop(columns=lacking), "stops.csv")
        with pytest.raises(
            InputError, match="column CorrectGo says who was right in go trials only: say which"
        ) as no:
            imports.read(path, STOPS)
        assert "--only COLUMN=go, or --column correct=NAME" in str(no.value)
    path = put(tmp_path, frame, "stops.csv")
    going = imports.read(path, STOPS, only={"trial_kind": "go"}).frame["correct"]
    assert going.tolist() == [1, 1, 0] * 12
    said = imports.read(path, STOPS, columns={"correct": "CorrectGo"}).frame["correct"]
    assert said.tolist() == frame["CorrectGo"].tolist(), "what is said is done"


def test_a_recipe_keeps_the_words_of_the_outcome(tmp_path):
    frame, truth = stopped()
    words = np.where(
        frame["trial_kind"] == "go", "go", np.where(frame["SuccStop"], "successful stop", "failed stop")
    )
    frame = frame.drop(columns=["SuccStop", "trial_kind"]).assign(trial_type=words)
    table = imports.read(put(tmp_path, frame, "stops.csv"), STOPS)
    assert table.frame["correct"].tolist() == truth
    again = imports.read(
        put(tmp_path, frame, "next.csv"), STOPS, recipe=table.recipe.save(tmp_path / "r.toml")
    )
    assert again.frame["correct"].tolist() == truth
    succeeded = frame[frame["trial_type"] != "failed stop"]  # a run without a failure
    again = imports.read(put(tmp_path, succeeded, "one.csv"), STOPS, recipe=tmp_path / "r.toml")
    assert again.frame["correct"].tolist() == [1, 1, 0, 1] * 12


@pytest.mark.parametrize("codes", ["012", ["0.0", "1.0", "2.0"]])
@pytest.mark.parametrize("where", ["congruence", ""])
def test_once_a_code_is_named_every_code_is(tmp_path, codes, where):
    """What is left out is neither taken as our own number nor merged with another code."""
    coded = BASE.drop(columns=["congruency"], errors="ignore").assign(
        congruence=list(codes) * (len(BASE) // 3)
    )
    path, told = put(tmp_path, coded), tasks.shape("flanker").levels
    some, every = (
        {"0": "congruent", "2": "incongruent"},
        {"0": "congruent", "1": "neutral", "2": "incongruent"},
    )
    words = {where: some} if where else some
    mend = "--word congruence:0=congruent,2=incongruent,1"
    with pytest.raises(
        InputError, match=f"congruence: .* but not for 1.*; got .* in row 3 of .*{mend}"
    ) as refused:
        imports.read(path, WANTED, levels=told, words=words)
    assert f"({len(BASE) // 3} such rows)" in str(refused.value)
    words = {where: every} if where else every
    frame = imports.read(path, WANTED, levels=told, words=words).frame
    assert frame["congruence"].tolist() == [1, 0, -1] * (len(BASE) // 3)


def test_a_number_beside_a_word_that_was_told_stays_what_it_is(tmp_path):
    """Nothing was said of codes, or nothing else than what they are: no code is left out."""
    sizes = pd.DataFrame({"id": "a", "set_size": ["4", "six"] * 10, "changed": [0, 1] * 10})
    table = imports.read(
        put(tmp_path, sizes), ("person", "set_size", "changed"), words={"set_size": {"six": 6}}
    )
    assert table.frame["set_size"].tolist() == [4, 6] * 10
    with pytest.raises(InputError, match="changed: words were given for 1, but not for 0"):
        imports.read(
            put(tmp_path, sizes.drop(columns="set_size")), ("person", "changed"), words={"changed": {"1": 1}}
        )
    with pytest.raises(InputError, match="set_size: words were given for 1, but not for 2"):
        imports.read(
            put(tmp_path, sizes.assign(set_size=[1, 2] * 10)),
            ("person", "set_size"),
            words={"set_size": {"1": 4}},
        )


@pytest.mark.parametrize(
    ("codes", "sure"), [("012", "not sure"), ("01", "not sure"), (("-1", "0", "1"), "sure")]
)
def test_codes_that_may_mean_anything_are_asked_for(tmp_path, codes, sure):
    coded = BASE.drop(columns=["congruency"], errors="ignore")
    coded = coded.assign(condition=(list(codes) * len(BASE))[: len(BASE)])
    said = Recipe(columns={"congruence": "condition"})
    found = imports.propose(put(tmp_path, coded, "flanker.csv"), tasks.known(), said)
    assert (found.task, found.sure) == ("flanker", sure)
    each = ",".join(f"{c}=MEANING" for c in codes)
    assert (f"--word congruence:{each}" in " ".join(found.says())) == (sure != "sure")
    own = [*codes] if sure != "sure" else ["incongruent", "neutral", "congruent"]
    assert found.conditions["congruence"].tolist() == own


def test_all_that_is_missing_is_told_at_once(tmp_path):
    path = put(tmp_path, pd.DataFrame({"id": ["a", "b"] * 10, "colour": 1}))
    with pytest.raises(
        InputError, match="no column for cue, soa, correct, rt; it has id, colour: say --column"
    ):
        imports.read(path, ("person", "cue", "soa", "correct", "rt"))


def test_constants_and_columns_to_take_along(tmp_path):
    theta = np.round(np.linspace(-1, 1, len(BASE)), 3)
    table = imports.read(
        put(tmp_path, BASE.assign(theta=theta)), (*WANTED, "soa"), constants={"soa": 0.2}, keep=("theta",)
    )
    assert set(table.frame["soa"]) == {0.2}
    assert table.frame["theta"].tolist() == theta.tolist()


def test_notes_are_records(tmp_path):
    path = put(tmp_path, pd.concat([BASE.assign(stage="test"), BASE.head(5).assign(stage="practice")]))
    records = imports.read(path, WANTED).records()
    assert set(records[0]) == {"code", "column", "count", "text"}
    gone = [r for r in records if r["column"] == "stage"]
    assert [(r["code"], r["count"]) for r in gone] == [("left_out", 5)]


@pytest.mark.parametrize(
    ("cells", "counts", "error", "values"),
    [
        (["0", "1"], [1, 9], False, {"0": 0, "1": 1}),
        (["0", "1"], [9, 1], True, {"0": 1, "1": 0}),
        (["1", "2"], [9, 1], False, {"1": 1, "2": 0}),
        (["-1", "1"], [1, 9], False, {"-1": 0, "1": 1}),
        (["0", "1", "9"], [2, 9, 1], False, {"0": 0, "1": 1, "9": 0}),
        (["HIT", "TNEG", "MISS", "FA"], [4, 4, 1, 1], False, {"HIT": 1, "TNEG": 1, "MISS": 0, "FA": 0}),
        (["True", "False"], [1, 9], True, {"True": 0, "False": 1}),
        (["3", "4"], [5, 5], False, None),
        (["blue", "red"], [5, 5], False, None),
    ],
)
def test_codes_of_right_and_wrong(cells, counts, error, values):
    found = codes.rights(cells, counts, error=error)
    assert found.known == (values is not None)
    if values is not None:
        assert found.values == values


def test_words_of_conditions():
    told = {"congruent": 1, "neutral": 0, "incongruent": -1}
    for words in (
        ("C", "I", "N"),
        ("con", "inc", "neu"),
        ("compatible", "incompatible"),
        ("Kongruent", "Inkongruent"),
    ):
        assert levels.levels(words, told) == dict(zip(words, (1, -1, 0), strict=False))
    assert levels.levels(("C", "O"), told) is None
    assert levels.of_numbers("congruence", "condition", ["0", "1"], told) is None  # nobody can know
    cue = {"none": 0, "double": 1, "centre": 2, "spatial": 3}
    assert levels.levels(("nocue", "center", "Double", "up"), cue) == {
        "nocue": 0,
        "center": 2,
        "Double": 1,
        "up": 3,
    }
