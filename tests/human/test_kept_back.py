"""More files in the shapes of laboratories' programs, written after the reader was: each is read without a flag.

They were put together from what is known of the formats (manuals and exports of E-Prime, Gorilla 2, OpenSesame 4,
Inquisit 6, PsychoPy, lab.js, jsPsych 7), with what such files have around the trials: practice in the same columns,
pages, running means, codes of keys, timeouts that look like times.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cogattn.human import imports
from cogattn.tune import tasks

PEOPLE, TRIALS = 3, 72


def truth(levels, seed):
    """People's trials: level (a word of the condition), rt [s] (missing: no response), right, key that is right."""
    rng = np.random.default_rng(seed)
    n = PEOPLE * TRIALS
    level = rng.permutation(np.resize(levels, n))
    hard = np.array([levels.index(v) for v in level]) / len(levels)
    frame = pd.DataFrame({"person": np.repeat(np.arange(1, PEOPLE + 1), TRIALS), "level": level})
    frame["trial"] = np.tile(np.arange(1, TRIALS + 1), PEOPLE)
    frame["rt"] = np.round(0.42 + 0.08 * hard + rng.gamma(2, 0.05, n), 3)
    frame["right"] = (rng.random(n) < 0.95 - 0.05 * hard).astype(int)
    frame["key"] = np.where(rng.random(n) < 0.5, "left", "right")
    frame.loc[rng.random(n) < 0.03, ["rt", "right"]] = [np.nan, 0]
    return frame


def pressed(t, none=None):
    other = np.where(t["key"] == "left", "right", "left")
    return np.where(t["rt"].isna(), none, np.where(t["right"] == 1, t["key"], other))


def first(frame, by, n=5):
    return frame.groupby(by, sort=False).head(n)


def eprime_ant():
    """The attention network test as E-Prime exports it: practice has a list of its own, but the same slide."""
    t = truth(["congruent", "neutral", "incongruent"], 1)
    cues = np.resize(["no", "center", "double", "up", "down"], len(t))
    f = pd.DataFrame({
        "ExperimentName": "ANT", "Subject": t["person"], "Session": 1, "Display.RefreshRate": 60.005,
        "Group": 1, "RandomSeed": 3829, "SessionDate": "03-14-2019", "Block": 3, "BlockList": 1,
        "Procedure[Block]": "BlockProc", "Running[Block]": "BlockList", "PracticeList": "NULL",
        "Trial": t["trial"], "FlankerType": t["level"], "WarningType": cues,
        "Procedure[Trial]": "TrialProc", "Running[Trial]": "TrialList", "FixationDuration": 1200,
        "SlideTarget.ACC": t["right"], "SlideTarget.CRESP": t["key"], "SlideTarget.RESP": pressed(t, ""),
        "SlideTarget.RT": (1000 * t["rt"]).fillna(0).astype(int), "SlideTarget.RTTime": 19000 + 3000 * t.index,
        "SlideTarget.OnsetTime": 18500 + 3000 * t.index, "TargetDirection": t["key"],
    })  # fmt: skip
    prac = first(f, "Subject").assign(**{
        "Block": 1, "Procedure[Block]": "PracticeBlockProc", "Running[Block]": "PracticeBlockList",
        "Running[Trial]": "PracticeList", "PracticeList": 1, "Procedure[Trial]": "TrialProc",
    })  # fmt: skip
    both = pd.concat([prac, f]).sort_values("Subject", kind="stable")
    cue = pd.Series(cues).map({"no": 0, "double": 1, "center": 2, "up": 3, "down": 3})
    return both.to_csv(index=False, sep="\t", lineterminator="\r\n").encode("utf-16"), t, {"cue": cue}


def inquisit_flanker():
    """Millisecond's raw data: codes of keys, 0 where nobody pressed, the latency then the deadline; pages are rows."""
    t = truth(["congruent", "incongruent"], 2)
    f = pd.DataFrame({
        "build": "6.6.1", "date": "2023-05-04", "time": "10:22:31", "group": 1, "subject": t["person"] + 5000,
        "blockcode": "flanker_test", "blocknum": 4, "trialcode": "flanker", "trialnum": t["trial"],
        "values.congruency": t["level"], "values.target": t["key"],
        "response": np.where(t["rt"].isna(), 0, np.where(pressed(t) == "left", 18, 23)), "correct": t["right"],
        "latency": (1000 * t["rt"]).fillna(1500).astype(int),
    })  # fmt: skip
    page = first(f, "subject", 1).assign(blockcode="instructions", trialcode="instructions", response=57,
                                         correct=1, latency=8342, **{"values.congruency": ""})  # fmt: skip
    prac = first(f, "subject", 6).assign(blockcode="flanker_practice", blocknum=2)
    both = pd.concat([page, prac, f]).sort_values("subject", kind="stable")
    return both.to_csv(index=False, sep="\t"), t, {}


def psychopy_simon():
    """One component in a practice loop and in the trials, another for the pages; a last column without a name."""
    t = truth(["congruent", "incongruent"], 3)
    f = pd.DataFrame({
        "stim_side": t["key"], "congruency": t["level"], "corrAns": t["key"], "practice_loop.thisRepN": "",
        "practice_loop.thisN": "", "blocks.thisN": 0, "trials.thisRepN": 0, "trials.thisTrialN": t["trial"] - 1,
        "trials.thisN": t["trial"] - 1, "trials.ran": 1, "instr_key.keys": "", "instr_key.rt": "",
        "target.started": 10.0 + 2.0 * t["trial"], "key_resp.keys": pressed(t, "None"),
        "key_resp.corr": t["right"], "key_resp.rt": t["rt"], "key_resp.started": 10.0 + 2.0 * t["trial"],
        "participant": "P0" + t["person"].astype(str), "session": "001", "date": "2024_Mar_05_1412",
        "expName": "simon", "psychopyVersion": "2023.2.3", "frameRate": 59.94, "": "",
    })  # fmt: skip
    prac = first(f, "participant", 8).assign(**{
        "trials.thisRepN": "", "trials.thisTrialN": "", "trials.thisN": "", "practice_loop.thisRepN": 0,
        "practice_loop.thisN": np.tile(np.arange(8), PEOPLE), "key_resp.rt": 1.1, "blocks.thisN": "",
    })  # fmt: skip
    keep = ("participant", "session", "date", "expName", "psychopyVersion", "frameRate")
    page = first(f, "participant", 1).assign(
        **(
            dict.fromkeys([c for c in f if c not in keep], "")
            | {"instr_key.keys": "space", "instr_key.rt": 9.2}
        )
    )
    both = pd.concat([page, prac, f]).sort_values("participant", kind="stable")
    return both.to_csv(index=False, encoding="utf-8-sig"), t, {}


def gorilla_stroop():
    """Gorilla 2: a row per zone, both 'Correct' and 'Incorrect', practice by display, the timeout a response row."""
    t = truth(["congruent", "neutral", "incongruent"], 4)
    f = pd.DataFrame({
        "Event Index": t.index + 1, "UTC Timestamp": 1.6e12, "UTC Date and Time": "2022-11-02 14:00",
        "Experiment ID": 88123, "Experiment Version": 4, "Tree Node Key": "task-x1", "Repeat Key": "",
        "Schedule ID": 1, "Participant Public ID": "BLIND", "Participant Private ID": 7000000 + t["person"],
        "Participant Starting Group": "", "Participant Status": "complete", "Task Name": "Stroop colour words",
        "Task Version": 3, "Spreadsheet": "main", "Trial Number": t["trial"], "Screen Name": "Screen 2",
        "Screen Number": 2, "Zone Name": "Zone1", "Zone Type": "response_keyboard",
        "Reaction Time": np.where(t["rt"].isna(), 2000.0, 1000 * t["rt"]), "Reaction Onset": 0,
        "Response": np.where(t["rt"].isna(), "", pressed(t, "")), "Attempt": 1, "Correct": t["right"],
        "Incorrect": 1 - t["right"], "Dishonest": 0, "X Coordinate": "", "Timed Out": np.where(t["rt"].isna(), "1", ""),
        "randomise_trials": 1, "display": "trials", "Condition": t["level"], "ANSWER": t["key"],
    })  # fmt: skip
    empty = dict.fromkeys(("Response", "Correct", "Incorrect", "Timed Out"), "")
    fix = f.assign(**empty, **{"Screen Number": 1, "Screen Name": "Screen 1", "Zone Type": "timelimit_screen",
                               "Reaction Time": 500.4})  # fmt: skip
    prac = first(f, "Participant Private ID", 4).assign(display="practice")
    begin = first(f, "Participant Private ID", 1).assign(**empty, **{"Trial Number": "BEGIN TASK", "Zone Type": "",
                  "Reaction Time": "", "display": "", "Condition": ""})  # fmt: skip
    parts = pd.concat([begin, prac, pd.concat([fix, f]).sort_index(kind="stable")])
    return parts.sort_values("Participant Private ID", kind="stable").to_csv(index=False), t, {}


def opensesame_posner():
    """OpenSesame 4: every column quoted, in the order of the alphabet, each answer there twice, running means."""
    t = truth(["valid", "invalid"], 5)
    rt = (1000 * t["rt"]).fillna(1500)
    f = pd.DataFrame({
        "acc": 95.2, "accuracy": 95.2, "average_response_time": 480.1, "avg_rt": 480.1, "block": "main",
        "correct": t["right"], "correct_keyboard_response": t["right"], "correct_response": t["key"],
        "count_fixation": t.index, "cue_validity": t["level"], "experiment_file": "posner.osexp", "fullscreen": "no",
        "logfile": "subject-1.csv", "practice": "no", "response": pressed(t, "None"),
        "response_keyboard_response": pressed(t, "None"), "response_time": rt,
        "response_time_keyboard_response": rt, "soa": 200, "subject_nr": t["person"], "subject_parity": "odd",
        "target_side": t["key"], "time_target": 4000 + 2500 * t.index, "total_correct": t.index,
        "total_response_time": 1e5,
    })  # fmt: skip
    prac = first(f, "subject_nr", 6).assign(practice="yes", block="practice")
    both = pd.concat([prac, f]).sort_values("subject_nr", kind="stable")
    soa = {"soa": pd.Series(0.2, t.index)}
    return both.to_csv(index=False, quoting=1, na_rep="NA"), t, soa


def labjs_stroop():
    """lab.js: the first row of a person holds what the browser is, every component is a row, practice is a block."""
    t = truth(["congruent", "incongruent"], 6)
    f = pd.DataFrame({
        "sender": "Trial screen", "sender_type": "html.Screen", "sender_id": "4_0_" + t["trial"].astype(str) + "_1",
        "timestamp": "2023-02-01T09:00:00Z", "meta": "", "code": "s" + t["person"].astype(str), "phase": "task",
        "congruency": t["level"], "word": "red", "color": t["key"], "correctResponse": t["key"],
        "response": np.where(t["rt"].isna(), "", pressed(t, "")), "duration": (1000 * t["rt"]).fillna(2000) + 0.004,
        "ended_on": np.where(t["rt"].isna(), "timeout", "response"), "response_action": "keypress",
        "correct": np.where(t["right"] == 1, "true", "false"), "time_run": 1.0, "time_render": 1.2, "time_end": 500.0,
    })  # fmt: skip
    page = first(f, "code", 1).assign(sender="Instruction", phase="", congruency="", correctResponse="", correct="",
              duration=12000.5, response="continue", meta=json.dumps({"labjs_version": "22", "a": 1}))  # fmt: skip
    prac = first(f, "code", 5).assign(phase="practice")
    cross = f.assign(sender="Fixation", duration=500.1, ended_on="timeout", response="", correctResponse="",
                     correct="false")  # fmt: skip
    rest = pd.concat([page, prac, pd.concat([cross, f]).sort_index(kind="stable")])
    return rest.sort_values("code", kind="stable").to_csv(index=False), t, {}


def jspsych_flanker():
    """jsPsych 7 as DataPipe keeps it: a list of objects, null where nobody answered, practice by a flag of its own."""
    t = truth(["congruent", "incongruent"], 7)
    rows = []
    for who, own in t.groupby("person"):
        told = {"subject_id": f"a{who}xk", "success": True, "timeout": False, "failed_images": []}
        rows.append(told | {"trial_type": "preload", "trial_index": 0, "time_elapsed": 80})
        rows.append({"subject_id": f"a{who}xk", "trial_type": "instructions", "rt": 15032, "trial_index": 1})
        parts = pd.concat([own.head(4).assign(practice=True), own.assign(practice=False)])
        keys = pressed(parts)
        for i, (r, key) in enumerate(zip(parts.itertuples(), keys, strict=True), 2):
            one = {"subject_id": f"a{who}xk", "trial_type": "html-keyboard-response", "trial_index": i,
                   "time_elapsed": 1900 * i, "plugin_version": "1.1.3"}  # fmt: skip
            rows.append(one | {"task": "fixation", "rt": None, "response": None, "stimulus": "+"})
            none = bool(np.isnan(r.rt))
            rows.append(one | {"task": "flanker", "rt": None if none else round(1000 * r.rt), "response": key,
                               "stimulus": "<p>&gt;&gt;&lt;</p>", "correct_response": r.key, "practice": r.practice,
                               "condition": r.level, "correct": r.right == 1})  # fmt: skip
    return json.dumps(rows), t, {}


def millisecond_nogo():
    """Inquisit's go/no-go: the kind of a trial is only in its code; a withheld response has the deadline as latency."""
    t = truth(["go", "go", "go", "nogo"], 8)
    stop = t["level"] == "nogo"
    gone = np.where(stop, t["right"] == 0, t["rt"].notna())
    t["rt"] = t["rt"].where(gone).fillna(pd.Series(np.where(stop & (t["right"] == 0), 0.4, np.nan)))
    t["right"] = np.where(stop, t["right"], t["rt"].notna().astype(int))
    f = pd.DataFrame({
        "date": "020319", "time": "11:14", "subject": t["person"], "blockcode": "test", "blocknum": 3,
        "trialcode": t["level"], "trialnum": t["trial"], "response": np.where(t["rt"].isna(), 0, 57),
        "correct": t["right"], "latency": (1000 * t["rt"]).fillna(800).astype(int), "stimulusitem1": "x",
    })  # fmt: skip
    prac = first(f, "subject", 6).assign(blockcode="practice", blocknum=1)
    both = pd.concat([prac, f]).sort_values("subject", kind="stable")
    return both.to_csv(index=False, sep="\t"), t, {"signal": stop.astype(int)}


KEPT = {
    "ANT_merged.txt": ("ant", "congruence", eprime_ant),
    "flanker_raw_23.iqdat": ("flanker", "congruence", inquisit_flanker),
    "01_simon_2024.csv": ("simon", "congruence", psychopy_simon),
    "data_exp_88123-v4_task-x1.csv": ("stroop", "congruence", gorilla_stroop),
    "posner_merged.csv": ("posner", "cue", opensesame_posner),
    "stroop_task_export.csv": ("stroop", "congruence", labjs_stroop),
    "flanker_datapipe.json": ("flanker", "congruence", jspsych_flanker),
    "gonogo_raw.iqdat": ("go_nogo", "", millisecond_nogo),
}
VALUES = {"congruent": 1, "neutral": 0, "incongruent": -1, "valid": 1, "invalid": -1}


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_back_file_is_read_without_a_flag(tmp_path, name):
    task, column, write = KEPT[name]
    made, t, more = write()
    path = tmp_path / name
    path.write_bytes(made if isinstance(made, bytes) else made.encode())
    found = imports.propose(path, tasks.known())
    frame, told = found.table.frame, "\n".join(found.says() + found.table.notes)
    assert (found.task, found.sure, found.lacking) == (task, "sure", ()), told
    assert (len(frame), frame["person"].nunique()) == (len(t), PEOPLE), told
    np.testing.assert_allclose(frame["rt"], t["rt"], atol=6e-4, err_msg=told)
    assert frame["correct"].astype(int).tolist() == t["right"].tolist(), told
    if column:
        assert frame[column].tolist() == t["level"].map(VALUES).tolist(), told
    for other, values in more.items():
        np.testing.assert_allclose(frame[other], values, err_msg=told)


def test_a_log_that_e_prime_wrote_is_read_as_its_table_would_be(tmp_path):
    """Frames of trials, those of blocks behind them: practice is a block; what is pressed in no trial is empty."""
    t = truth(["congruent", "incongruent"], 9).query("person == 1")

    def frame(level, **cells):
        tab = "\t" * (level - 1)
        lines = [f"{k.replace('_dot_', '.')}: {v}" for k, v in cells.items()]
        body = ["*** LogFrame Start ***", *lines, "*** LogFrame End ***"]
        return f"{tab}Level: {level}\n" + "".join(f"{tab}{line}\n" for line in body)

    def block(rows, name):
        out = ""
        for r, key in zip(rows.itertuples(), pressed(rows, ""), strict=True):
            rt = 0 if np.isnan(r.rt) else round(1000 * r.rt)
            out += frame(3, Procedure="TrialProc", Congruency=r.level, Target_dot_ACC=r.right, Target_dot_RT=rt,
                         Target_dot_RESP=key, Target_dot_CRESP=r.key)  # fmt: skip
        return out + frame(2, Procedure=name, Running="BlockList")

    head = "*** Header Start ***\nLevelName: Session\nSubject: 7\nSession: 1\nExperiment: Flanker\n*** Header End ***\n"
    log = head + block(t.head(6), "PracticeProc") + block(t, "BlockProc") + frame(1, Subject=7, Session=1)
    path = tmp_path / "flanker-7-1.txt"
    path.write_bytes(log.replace("\n", "\r\n").encode("utf-16"))
    found = imports.propose(path, tasks.known())
    table = found.table.frame
    assert (found.task, found.sure) == ("flanker", "sure")
    assert table["person"].astype(str).unique().tolist() == ["7"]
    np.testing.assert_allclose(table["rt"], t["rt"], atol=6e-4)
    assert table["correct"].astype(int).tolist() == t["right"].tolist()
    assert table["congruence"].tolist() == t["level"].map(VALUES).tolist()
