"""What people's programs write becomes the trials that it holds, and whatever is wrong with it is said in one line."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import math
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cogattn as ca
from cogattn.errors import InputError
from cogattn.human import imports
from cogattn.human.imports import columns, formats

DATA = Path(__file__).parent / "data"
REPORT = ("person", "exposure", "targets", "distractors", "score")
CHANGE = ("person", "set_size", "changed", "says_changed")
PRP = ("person", "soa", "rt1", "rt2")
RT = ("person", "rt")
quickly = settings(max_examples=25, deadline=None, derandomize=True)
LONG = "person,exposure_ms,targets,score\nanna,50,6,2\nanna,200,6,3\nben,50,6,1\nben,200,6,4\n"


def put(folder, content, name="mine.csv"):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, wanted=REPORT, **how):
    """The one line that a reader of bad data sees."""
    with pytest.raises(InputError) as refused:
        imports.read(path, wanted, **how)
    text = str(refused.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 420
    return text


def said(table, *words):
    text = "\n".join(table.notes)
    for word in words:
        assert word in text, text
    return text


def column(table, name):
    return [None if isinstance(v, float) and math.isnan(v) else v for v in table.frame[name].tolist()]


# --- each format, against what its sample holds (read off the files by eye) ---


def test_psychopy_trials_are_the_rows_of_the_loop_in_which_the_answering_component_ran():
    table = imports.read(DATA / "psychopy_change.csv", RT)
    assert table.kind == "psychopy"
    assert column(table, "rt") == [0.612, 0.7334, 0.8123, 0.9, 1.204, None, 0.55, 0.681]
    assert set(table.frame["person"]) == {"07"}
    said(table, "column key_resp.rt is taken as rt", "4 rows left out: no trials by loop", "practice_trials")
    said(table, "1 trial without rt: no response (kept)")


def test_psychopy_keys_become_answers_by_being_right_or_wrong():
    table = imports.read(DATA / "psychopy_change.csv", CHANGE)
    assert column(table, "changed") == [0, 1, 0, 1, 0, 1, 0]
    assert column(table, "says_changed") == [0, 1, 0, 0, 1, 1, 0]
    said(
        table,
        "changed: different is 1, same is 0",
        "says_changed is worked out",
        "1 trial left out: no says_changed",
    )


def test_psychopy_practice_can_be_asked_for_and_two_components_are_asked_about(tmp_path):
    table = imports.read(DATA / "psychopy_change.csv", RT, only={"loop": "practice_trials"})
    assert column(table, "rt") == [0.71, 1.02]
    head = "trials.thisN,soa_ms,first.keys,first.rt,second.keys,second.rt,participant\n"
    path = put(tmp_path, head + "".join(f"{i},{50 * i},f,0.5{i},j,0.9{i},a\n" for i in range(4)))
    assert "first.rt (4), second.rt (4) all hold response times: say which" in refusal(path, PRP)
    fewer = put(tmp_path, path.read_text().replace("j,0.93", ","), "fewer.csv")  # three answers beside four
    assert "first.rt (4), second.rt (3) all hold response times" in refusal(fewer, RT)
    table = imports.read(path, PRP, columns={"rt1": "first.rt", "rt2": "second.rt"})
    assert column(table, "rt1") == [0.5, 0.51, 0.52, 0.53]
    assert column(table, "rt2") == [0.9, 0.91, 0.92, 0.93]


def test_psychopy_routines_within_the_loop_that_ask_nothing_are_no_missed_trials(tmp_path):
    head = "trials.thisN,key_resp.keys,key_resp.rt,key_resp.started,pause.started,participant\n"
    rows = "0,f,0.5,1.0,,a\n0,,,,2.0,a\n1,,,3.0,,a\n1,,,,4.0,a\n"
    assert column(imports.read(put(tmp_path, head + rows), RT), "rt") == [0.5, None]


def test_jspsych_csv_and_json_hold_the_same_trials_in_milliseconds():
    tables = [imports.read(DATA / f"jspsych_prp.{kind}", PRP) for kind in ("json", "csv")]
    for table in tables:
        assert table.kind == "jspsych"
        assert column(table, "soa") == pytest.approx([0.05, 0.15, 0.4, 0.9, 0.05])
        assert column(table, "rt1") == [0.512, 0.498, None, 0.53, 0.478]
        assert column(table, "rt2") == [0.801, 0.702, None, 0.455, 0.833]
        said(table, "3 rows left out: instructions, preload, survey-text", "no trials by task (fixation)")
    pd.testing.assert_frame_equal(tables[0].frame, tables[1].frame)


def test_jspsych_of_several_people_a_line_each_and_rt_is_milliseconds_by_its_format(tmp_path):
    people = [
        [
            {"trial_type": "html-keyboard-response", "trial_index": i, "rt": 2 + i, "run": who}
            for i in range(3)
        ]
        for who in (1, 2)
    ]
    people = [
        [{**row, "rt": 300 + row["rt"], "participantId": row["run"]} for row in part] for part in people
    ]
    table = imports.read(put(tmp_path, "\n".join(map(json.dumps, people)), "all.json"), RT)
    assert column(table, "rt") == pytest.approx([0.302, 0.303, 0.304] * 2)
    assert column(table, "person") == ["1"] * 3 + ["2"] * 3


def test_jspsych_times_below_0_are_no_responses_and_who_has_a_time_responded(tmp_path):
    head = "trial_type,time_elapsed,worker_id,soa,rt,choice1_rt,choice2_rt,signal\n"
    rows = "x,1,a,50,410,500,700,0\nx,2,a,50,-1,-1,-51,1\nx,3,a,50,395,520.0,-12,0\n"
    path = put(tmp_path, head + rows)
    table = imports.read(path, ("person", "signal", "responded", "rt"))
    assert column(table, "rt") == [0.41, None, 0.395]
    assert column(table, "responded") == [1.0, 0.0, 1.0]
    said(table, "1 row with rt -1: no response", "whoever has a response time responded")
    names = {"rt1": "choice1_rt", "rt2": "choice2_rt"}
    table = imports.read(path, PRP, columns=names)
    assert column(table, "rt1") == [0.5, None, 0.52]
    assert column(table, "rt2") == [0.7, None, None]
    said(table, "2 rows with choice2_rt below 0: none, or before its stimulus; no response")


def test_jspsych_forms_are_scored_letter_by_letter(tmp_path):
    rows = [
        {"trial_type": "survey-text", "rt": 900, "response": {"Q0": "x"}},
        {
            "trial_type": "letters",
            "task": "report",
            "targets": "ABCD",
            "duration": 50,
            "response": {"Q0": "bda z"},
        },
        {
            "trial_type": "letters",
            "task": "report",
            "targets": "EFGH",
            "duration": 200,
            "response": {"Q0": ""},
        },
    ]
    table = imports.read(put(tmp_path, json.dumps(rows), "p9.json"), REPORT)
    assert column(table, "score") == [3, 0]
    assert column(table, "targets") == [4, 4]
    assert column(table, "exposure") == [0.05, 0.2]
    said(table, "1 letter reported that were no targets", "the file's name says who it is")


def test_bids_reads_a_folder_with_units_and_levels_from_the_sidecar_above_it():
    named = {"changed": "probe", "says_changed": "answer"}
    table = imports.read(DATA / "bids", (*CHANGE, "rt", "study"), columns={**named, "study": "retention"})
    expected = []
    for path in sorted((DATA / "bids").rglob("*_events.tsv")):
        raw = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).query("trial_type == 'probe'")
        for _, row in raw[raw["answer"] != "n/a"].iterrows():
            says = {"L": 0.0, "R": 1.0}[row["answer"]]
            rt = float(row["response_time"])
            changed = float(row["probe"] == "2")
            expected.append([path.name[4:6], float(row["load"]), changed, says, rt, 0.9])
    assert len(expected) == 23
    pd.testing.assert_frame_equal(
        table.frame.astype({"person": object}),
        pd.DataFrame(expected, columns=table.frame.columns).astype({"person": object}),
    )
    said(table, "changed: 1 is 0, 2 is 1", "says_changed: L is 0, R is 1", "study is in milliseconds")
    said(table, "rt is in seconds", "people who are in several files (01 in 2, 02 in 2)", "24 rows left out")


def test_bids_without_a_response_keeps_the_trial():
    table = imports.read(DATA / "bids" / "sub-02" / "beh" / "sub-02_task-change_run-2_events.tsv", RT)
    assert column(table, "rt") == [0.957, 0.831, 0.686, 0.519, None, 1.088]
    assert set(table.frame["person"]) == {"02"}


def test_a_sidecar_has_the_last_word_on_units(tmp_path):
    events = "onset\tduration\ttrial_type\tresponse_time\n1\t1\tgo\t400\n2\t1\tgo\t600\n"
    path = put(tmp_path, events, "sub-3_task-go_events.tsv")
    assert "(bids says s): seconds or milliseconds?" in refusal(path, RT)
    put(tmp_path, json.dumps({"response_time": {"Units": "milliseconds"}}), "task-go_events.json")
    assert column(imports.read(path, RT), "rt") == [0.4, 0.6]
    put(tmp_path, "{", "sub-3_task-go_events.json")
    assert "sub-3_task-go_events.json is not JSON" in refusal(path, RT)


def test_hssm_response_is_right_or_wrong_and_999_is_none():
    table = imports.read(DATA / "hssm.csv", ("person", "rt", "correct"))
    raw = pd.read_csv(DATA / "hssm.csv")
    assert table.kind == "hssm"
    assert column(table, "correct") == (raw["response"] > 0).astype(float).tolist()
    assert column(table, "rt") == [None if rt < 0 else rt for rt in raw["rt"]]
    said(table, "correct: -1 is 0", "1 trial with rt 0 or -999: taken as no response")


def test_hddm_coded_with_zeros_means_the_same(tmp_path):
    path = put(tmp_path, "rt,response,subj_idx\n0.41,1,a\n0.9,0,a\n")
    table = imports.read(path, ("person", "rt", "correct"))
    assert (table.kind, column(table, "correct")) == ("hssm", [1, 0])


def test_libtva_scores_the_letters_that_were_targets():
    table = imports.read(DATA / "libtva_p1.dat", REPORT)
    assert table.kind == "tva"
    assert column(table, "exposure") == pytest.approx([0.017, 0.05, 0.15] * 2 + [0.08] * 3)
    assert column(table, "targets") == [6] * 6 + [2] * 3
    assert column(table, "distractors") == [0] * 6 + [4] * 3
    assert column(table, "score") == [3, 1, 2, 1, 3, 1, 0, 1, 2]
    said(table, "2 letters reported that were no targets")


def test_libtva_exposures_are_milliseconds_however_short(tmp_path):
    path = put(tmp_path, "2\n1 3 ABC000 000000 A\n1 4 ABD000 000000 -\n", "p.dat")
    assert column(imports.read(path, REPORT), "exposure") == [0.003, 0.004]


def test_a_tablets_file_with_remarks_and_key_presses_is_the_same_format():
    table = imports.read(DATA / "tablet_P4_s1T-1.txt", REPORT)
    assert len(table.frame) == 12
    assert column(table, "score")[:6] == [0, 3, 1, 2, 0, 0]
    assert column(table, "targets")[3] == 2
    assert column(table, "distractors")[3] == 4
    assert "announces" not in said(table)


def test_letters_under_a_head_and_distractors_that_are_only_places(tmp_path):
    path = put(
        tmp_path,
        "subject\tduration_ms\ttargets\tdistractors\tresponse\np\t50\tABC0\t0000\tCA\np\t90\tAB00\t00XY\tXB\n",
    )
    table = imports.read(path, REPORT)
    assert table.kind == "tva"
    assert table.frame.to_numpy()[:, 1:].tolist() == [[0.05, 3, 0, 2], [0.09, 2, 2, 1]]


def test_a_file_that_was_cut_short_says_so(tmp_path):
    text = (DATA / "libtva_p1.dat").read_text()
    table = imports.read(put(tmp_path, text[: text.rindex("\t")], "cut.dat"), REPORT)
    said(table, "1 row left out: not the 5 columns of LibTVA (first: trial 9)")
    table = imports.read(put(tmp_path, "".join(text.splitlines(True)[:-2]), "cut.dat"), REPORT)
    said(table, "announces 9 trials and holds 7: was it cut short?")


def test_openmatb_signals_are_hits_with_their_times_and_misses_without():
    table = imports.read(DATA / "openmatb_3_260302_101500.csv", RT, only={"module": "sysmon"})
    assert table.kind == "openmatb"
    assert column(table, "rt") == [1.4, None, 2.25, 1.85]
    said(
        table,
        "1 signal left out: automation solved them",
        "2 false alarms left out",
        "1 answer BAD_FREQ left out",
    )
    both = imports.read(DATA / "openmatb_3_260302_101500.csv")
    assert column(both, "rt") == [1.4, None, 2.25, 12.5, None, 1.85]
    assert column(both, "correct") == [1, 0, 1, 1, 0, 1]
    assert column(both, "onset") == [5.0, None, 39.0, 52.0, None, 97.15]
    said(both, "rows of several kinds by module are taken together (sysmon, communications)")


@pytest.mark.parametrize(
    "name", ["psychopy_change.csv", "jspsych_prp.csv", "jspsych_prp.json", "hssm.csv", "libtva_p1.dat"]
)
def test_a_format_can_be_said_and_a_wrong_one_is_no_silent_number(name):
    kind = imports.read(DATA / name).kind
    assert imports.read(DATA / name, kind=kind).frame.equals(imports.read(DATA / name).frame)
    assert "format must be one of auto, long" in refusal(DATA / name, RT, kind="spss")
    if name.endswith("json"):
        assert "holds JSON: it cannot be read as bids" in refusal(DATA / name, RT, kind="bids")


def test_no_file_is_ever_changed(tmp_path):
    shutil.copytree(DATA, tmp_path / "data")
    files = [p for p in sorted((tmp_path / "data").rglob("*")) if p.is_file()]
    before = [(hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files]
    for path in [*files, tmp_path / "data" / "bids"]:
        try:
            imports.read(path)
        except InputError:
            assert path.suffix in (".json", ".tsv")  # sidecars and lists of people are no trials
    assert [(hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files] == before
    assert sorted(p for p in (tmp_path / "data").rglob("*") if p.is_file()) == files


# --- any long table, in any dialect ---

names = st.text("abcdefghxyzäöü0123456789_ '", min_size=1, max_size=8).filter(
    lambda s: s.strip() == s and s.lower() not in ("na", "nan", "none", "null", "nil") and "'" not in s[:1]
)
trials = st.lists(
    st.tuples(
        names,
        st.sampled_from([0.0125, 0.05, 0.08, 0.1, 0.2]),
        st.integers(1, 8),
        st.integers(0, 4),
        st.integers(0, 8),
        st.none() | st.floats(0.1, 3.0),
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(row[5] is not None for row in rows))
DIALECTS = {
    "comma": {"sep": ","},
    "semicolon, decimal comma": {"sep": ";", "decimal": ","},
    "tab, utf-16": {"sep": "\t", "encoding": "utf-16"},
    "bar, mark of utf-8": {"sep": "|", "encoding": "utf-8-sig"},
    "comma, latin-1": {"sep": ",", "encoding": "latin-1"},
    "all quoted, old line ends": {"sep": ",", "quoting": 1, "lineterminator": "\r"},
    "missing as n/a, DOS line ends": {"sep": "\t", "na_rep": "n/a", "lineterminator": "\r\n"},
}


@quickly
@given(trials, st.sampled_from(sorted(DIALECTS)), st.sampled_from(["s", "ms"]), st.booleans())
def test_a_long_table_comes_back_equal_from_every_dialect(tmp_path_factory, rows, dialect, unit, zipped):
    true = pd.DataFrame(rows, columns=["person", "exposure", "targets", "distractors", "score", "rt"])
    factor = 1000 if unit == "ms" else 1
    file = true.assign(exposure=true["exposure"] * factor, rt=true["rt"] * factor)
    file = file.rename(columns={"exposure": f"exposure_{unit}", "rt": f"RT ({unit})"})
    data = file.to_csv(index=False, **{**DIALECTS[dialect], "encoding": None}).encode(
        DIALECTS[dialect].get("encoding", "utf-8")
    )
    path = put(
        tmp_path_factory.mktemp("long"),
        gzip.compress(data) if zipped else data,
        "t.csv.gz" if zipped else "t.csv",
    )
    back = imports.read(path, tuple(true.columns), unit={"rt": unit}, kind="long").frame
    assert back["person"].tolist() == true["person"].tolist()
    rest = list(true.columns[1:])
    np.testing.assert_allclose(back[rest].to_numpy(float), true[rest].to_numpy(float), rtol=1e-12)


@quickly
@given(trials)
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("back")
    true = pd.DataFrame(rows, columns=["person", "exposure", "targets", "distractors", "score", "rt"])
    for name in ("t.csv", "t.parquet"):
        path = imports.write(imports.Imported(true, []), folder / name)
        back = imports.read(path, tuple(true.columns), unit={"rt": "s"}).frame
        assert back["person"].tolist() == true["person"].tolist()
        np.testing.assert_allclose(
            back.iloc[:, 1:].to_numpy(float), true.iloc[:, 1:].to_numpy(float), rtol=1e-9
        )


def test_parquet_numbers_and_names_stay_what_they_are(tmp_path):
    frame = pd.DataFrame({"person": [1, 2], "exposure": [50, 200], "targets": [6, 6], "score": [2.0, 3.0]})
    frame["changed"] = [True, False]
    frame.to_parquet(tmp_path / "t.parquet")
    table = imports.read(tmp_path / "t.parquet", (*REPORT, "changed"))
    assert column(table, "person") == [1, 2]
    assert column(table, "exposure") == [0.05, 0.2]
    assert column(table, "changed") == [1.0, 0.0]


# --- seconds or milliseconds ---


@pytest.mark.parametrize(
    ("head", "cells", "seconds"),
    [("rt", "0.4 0.6", 0.5), ("rt", "400 600", 0.5), ("RT (ms)", "400 600", 0.5), ("responseTime_s", "2 4", 3.0),
     ("rt.ms", "100 120", 0.11), ("latency", "350 450", 0.4)],
)  # fmt: skip
def test_the_unit_is_what_the_name_says_or_the_numbers_show(tmp_path, head, cells, seconds):
    path = put(tmp_path, f"id,{head}\n" + "".join(f"a,{c}\n" for c in cells.split()))
    assert imports.read(path, RT).frame["rt"].mean() == pytest.approx(seconds)


def test_it_asks_where_the_unit_is_not_sure(tmp_path):
    unsure = put(tmp_path, "id,rt\na,20\na,30\n")  # nobody answers within 3 ms, nor takes 300 s
    assert "rt in mine.csv is 25 in the middle: seconds or milliseconds? Say --unit rt=s or" in refusal(
        unsure, RT
    )
    assert imports.read(unsure, RT, unit="s").frame["rt"].tolist() == [20, 30]
    short = put(tmp_path, "id,rt\na,2\na,3\n", "short.csv")
    assert imports.read(short, RT).frame["rt"].tolist() == [2, 3]
    long = put(tmp_path, "id,rt\na,4000\na,4100\n", "long.csv")
    assert "which no person takes in s: say --unit rt=ms" in refusal(long, RT, unit={"rt": "s"})
    assert "unit of time must be one of s, ms" in refusal(unsure, RT, unit="min")
    lies = put(tmp_path, "id,rt_ms\na,0.4\na,0.6\n")
    assert "(its name says ms): seconds or milliseconds?" in refusal(lies, RT)
    assert imports.read(lies, RT, unit={"rt": "s"}).frame["rt"].tolist() == [0.4, 0.6]
    assert "(--unit says s)" in refusal(put(tmp_path, "id,rt\na,400\na,600\n"), RT, unit="s")
    jspsych = put(tmp_path, "rt,trial_type,trial_index\n0.4,x,1\n0.6,x,2\n")
    assert "(jspsych says ms)" in refusal(jspsych, RT)
    hssm = put(tmp_path, "rt,response,subj_idx\n400,1,1\n600,1,1\n")
    assert "(hssm says s)" in refusal(hssm, RT)


def test_seconds_beside_milliseconds_are_not_mixed_in_silence(tmp_path):
    path = put(tmp_path, "id,rt\n" + "anna,400\n" * 9 + "ben,0.4\n" * 4)
    assert "person ben and 0.4 s for person anna: seconds and milliseconds are mixed" in refusal(path, RT)


def test_an_onset_has_the_unit_of_the_responses(tmp_path):
    path = put(tmp_path, "id,rt,onset\n" + "".join(f"a,{400 + i},{2000 * i}\n" for i in range(1, 5)))
    assert imports.read(path, (*RT, "onset")).frame["onset"].tolist() == [2.0, 4.0, 6.0, 8.0]
    path = put(tmp_path, "id,rt,onset\n" + "".join(f"a,0.4,{20 * i}\n" for i in range(1, 5)))
    assert imports.read(path, (*RT, "onset")).frame["onset"].tolist() == [20, 40, 60, 80]


# --- columns, words, answers ---


def test_one_column_is_never_taken_twice_and_our_own_names_come_first(tmp_path):
    path = put(tmp_path, "id,soa_ms,duration_ms,exposure_ms,t,set_size,score\na,500,60,50,9,6,2\n")
    table = imports.read(path, REPORT)
    assert table.frame.iloc[0, 1:].tolist() == [0.05, 6, 0, 2]
    both = imports.read(path, ("person", "exposure", "soa", "set_size"))
    assert both.frame.iloc[0, 1:].tolist() == [0.05, 0.5, 6]


def test_two_of_our_columns_never_share_one_of_the_files(monkeypatch):
    monkeypatch.setattr(columns, "ALIASES", {"rt1": ("time",), "rt2": ("time", "time2")})
    sheet = imports.DataSheet(Path("x.csv"), ["time", "time2"], lambda *_: pd.DataFrame())
    assert columns.matched(sheet, ["rt1", "rt2"], {}) == {"rt1": "time", "rt2": "time2"}


def test_a_column_that_is_there_twice_is_named(tmp_path):
    table = imports.read(put(tmp_path, "id,rt,rt\na,0.4,0.9\na,0.5,0.9\n"), RT)
    assert column(table, "rt") == [0.4, 0.5]
    said(table, "column rt is there twice: the first is meant")


def test_what_has_no_column_names_what_there_is(tmp_path):
    text = refusal(put(tmp_path, "sat,exposure_ms,targets,score\na,50,6,2\n"))
    assert (
        "has no column for person; it has sat, exposure_ms, targets, score: say which one with --column person=NAME"
        in text
    )
    assert "no column for score=scored" in refusal(put(tmp_path, LONG), columns={"score": "scored"})
    assert "column that can be named must be one of" in refusal(
        put(tmp_path, LONG), columns={"points": "score"}
    )


def test_keys_are_right_where_they_are_the_right_keys(tmp_path):
    head = "subject,set_size,changed,key,correct_response\n"
    path = put(tmp_path, head + "a,2,1,left,left\na,2,0,left,right\na,4,1,,left\na,4,0,right,right\n")
    table = imports.read(path, CHANGE)
    assert column(table, "says_changed") == [1, 1, 0]
    said(table, "right is where key is correct_response", "1 trial left out: no says_changed")


def test_words_that_nobody_can_know_are_asked_for(tmp_path):
    path = put(tmp_path, "subject,set_size,changed,response\na,2,yes,j\na,4,no,f\n")
    text = refusal(path, CHANGE)
    assert "says_changed must be a number in every trial, got 'j' in row 2" in text
    assert "--word j=0 or =1" in text
    table = imports.read(path, CHANGE, words={"j": 1, "f": 0})
    assert column(table, "says_changed") == [1, 0]
    said(table, "changed: no is 0, yes is 1", "says_changed: f is 0, j is 1")
    twos = put(tmp_path, "subject,set_size,changed,says_changed\na,2,1,1\na,4,2,1\n")
    assert "changed must be 0 or 1, got 2 in row 3 of mine.csv (1 such rows): say what each means" in refusal(
        twos, CHANGE
    )
    assert column(imports.read(twos, CHANGE, words={"1": 0, "2": 1}), "changed") == [0, 1]


@pytest.mark.parametrize(
    ("level", "value"),
    [("different: the colour changed", 1), ("same as before", 0), ("no change of colour", 0), ("Not changed", 0),
     ("left key", None), ("same or different", None), ("changed", 1)],
)  # fmt: skip
def test_a_sidecars_description_means_yes_no_or_nothing(level, value):
    assert columns.meaning(level) == value


def test_practice_and_asked_rows(tmp_path):
    path = put(tmp_path, "id,rt,isPractice,group\na,0.3,1,x\na,0.4,0,x\na,0.5,0,y\na,0.6,0,z\n")
    table = imports.read(path, RT, only={"group": "x,y"})
    assert column(table, "rt") == [0.4, 0.5]
    said(table, "1 row left out: only group=x,y was asked for", "1 row of practice left out")
    assert "no row has group=q; there are x, y, z" in refusal(path, RT, only={"group": "q"})
    assert "column of mine.csv must be one of id, rt" in refusal(path, RT, only={"grup": "x"})


def test_a_list_in_a_cell_is_its_first_and_said(tmp_path):
    table = imports.read(put(tmp_path, 'id,rt\na,"[0.41, 0.9]"\na,[0.5]\na,[]\n'), RT)
    assert column(table, "rt") == [0.41, 0.5, None]
    said(table, "rt lists several answers in some trials of mine.csv: the first is taken")


# --- bad data: a clear line, or a named note ---


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (LONG.replace("200,6,3", "200,6,three"), "number in every trial, got 'three' in row 3 of mine.csv (1 such"),
        (LONG.replace("50,6,2", "-50,6,2"), "exposure must be a finite time >= 0, got -50 in row 2 of mine.csv"),
        (LONG.replace("50,6,2", "inf,6,2"), "exposure must be a finite time >= 0, got inf in row 2"),
        (LONG.replace("200,6,3", "200,6,3.5"), "score must be a whole number >= 0, got 3.5 in row 3"),
        (LONG.replace("200,6,3", "200,6,-3"), "score must be a whole number >= 0, got -3 in row 3"),
        (LONG.replace("200,6,3", '"1,200",6,3').replace(",50,", ",1000,"), "comma a decimal one, or does it part"),
        (LONG.replace(",50,", ",,").replace(",200,", ",n/a,"), "no trial of"),
        (LONG.splitlines()[0] + "\n", "mine.csv has a head but no trial"),
        (LONG.splitlines()[0], "mine.csv has a head but no trial"),
        ("", "mine.csv is empty"),
        (" \n\n", "mine.csv is empty"),
        ("# only\n# remarks\n", "every line is a remark"),
        (LONG.replace(",", ":"),
         "must have columns separated by , ; tab, | or blanks, got 'person:exposure_ms:targets:score'"),
        ("person,exposure_ms,targets,score\n" + "anna,50,6\n" * 3 + "ben,50,6,2\n", "3 of 4 rows of"),
        (LONG.replace("50,6,2", '"50,6,2'), 'holds an odd number of quotes (")'),
        (b"PK\x03\x04 sheet", "is an Excel file or an archive: save the sheet as CSV UTF-8"),
        (b"\x80\x03}q\x00(X\x01\x00\x00\x00a\x93\x00\x00\x01\x02\x03", "is no text: give a CSV"),
        (b"PAR1 and no more", "cannot read"),
        (b"\x1f\x8b\x08\x00half a gzip", "cannot read"),
        ('[{"rt": 1,', "is not JSON"),
        ("[]", "holds no trial"),
        ('{"a": 3}', "has no column for exposure, targets, score; it has a"),
        ("17\n1 50 ABC\n2 20 DEF\n", "must have columns separated by"),
    ],
)  # fmt: skip
def test_bad_data_are_one_clear_line(tmp_path, content, line):
    text = refusal(put(tmp_path, content))
    assert line in text


SAMPLES = sorted(p for p in DATA.rglob("*") if p.is_file())


@pytest.mark.full
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.binary(max_size=6)), max_size=4),
)
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, sample, damage):
    data = sample.read_bytes()
    for at, length, new in damage:
        i = int(at * len(data))
        data = data[:i] + new + data[i + int(length**8 * len(data)) :]
    path = put(tmp_path_factory.mktemp("damaged"), data, sample.name)
    for wanted in (None, RT, REPORT):
        with contextlib.suppress(InputError):  # whose message is always one line (test_errors.py)
            assert len(imports.read(path, wanted).frame) > 0


@pytest.mark.parametrize(
    ("rts", "line"),
    [
        ("0.4 fast", "rt must be a number in every trial, got 'fast' in row 3 of mine.csv (1 such rows)"),
        (
            "0.4 -0.2 -1",
            "rt must be a finite time >= 0, got -0.2 in row 3 of mine.csv (2 such rows); if that means no response",
        ),
        ("n/a null", "no trial of"),
    ],
)
def test_bad_response_times_are_one_clear_line(tmp_path, rts, line):
    path = put(tmp_path, "id,rt\n" + "".join(f"a,{rt}\n" for rt in rts.split()))
    assert line in refusal(path, RT)


def test_no_response_stays_and_a_missing_condition_goes(tmp_path):
    path = put(tmp_path, "id,soa,rt1,rt2\na,50,400,600\na,,410,610\na,100,,620\na,200,0,n/a\n,50,400,600\n")
    table = imports.read(path, PRP)
    assert column(table, "soa") == [0.05, 0.1, 0.2]
    assert column(table, "rt1") == [0.4, None, None]
    said(
        table,
        "1 trial left out: no soa",
        "1 trial left out: no person",
        "2 trials without rt1: no response (kept)",
    )
    said(table, "1 trial without rt2", "1 trial with rt1 0 or -999: taken as no response")


def test_ragged_rows_are_left_out_and_the_next_error_still_names_its_row(tmp_path):
    text = "id,rt,x\na,0.4,1\na,0.5\na,0.6,1\na,0.7,1,1\na,0.8,1\n"
    table = imports.read(put(tmp_path, text), RT)
    assert column(table, "rt") == [0.4, 0.6, 0.8]
    said(table, "2 rows left out: not 3 cells as the head has (first: row 3 with 2)")
    assert "got 'oh' in row 6" in refusal(put(tmp_path, text.replace("0.8", "oh")), RT)


def test_a_number_that_is_text_far_down_is_found(tmp_path):
    """Numbers are told from the first rows; what comes after them counts as much."""
    rows = "".join(f"a,{0.3 + i / 1e4:.4f}\n" for i in range(5000))
    assert "got 'late' in row 5002" in refusal(put(tmp_path, "id,rt\n" + rows + "a,late\n"), RT)


def test_other_encodings_are_read_and_said(tmp_path):
    text = "person;exposure;targets;score\nJürgen;0,05;6;2\nZoë;0,2;6;3\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"):
        table = imports.read(put(tmp_path, text.encode(encoding)), REPORT)
        assert column(table, "person") == ["Jürgen", "Zoë"]
        assert column(table, "exposure") == [0.05, 0.2]
        assert ("read as Latin-1" in said(table)) == (encoding == "latin-1")
    far = b"person,rt\n" + b"a,0.5\n" * 20_000 + "Zoë,0.5\n".encode("latin-1")
    table = imports.read(put(tmp_path, far), RT)
    assert table.frame["person"].iloc[-1] == "Zoë"
    said(table, "mine.csv is not UTF-8: read as Latin-1")
    ragged = (
        far + "Zoë,0.5,1\n".encode("latin-1") + b"b,fast\n"
    )  # a row that does not fit counts, whatever its letters
    assert "got 'fast' in row 20004 of mine.csv" in refusal(put(tmp_path, ragged), RT)


def test_remarks_above_the_head_and_marks_within_cells(tmp_path):
    table = imports.read(
        put(tmp_path, '# made in room 2\n\nid,colour,rt\na,#ff0000,0.4\n"b, c","x\ny",0.5\n'), RT
    )
    with_mark = imports.read(put(tmp_path, "\ufeff# made in room 2\nid,rt\na,0.4\n"), RT)
    assert column(with_mark, "rt") == [0.4]
    commas = imports.read(put(tmp_path, "id;rt, all, s\na;0.4\n"), RT, columns={"rt": "rt, all, s"})
    assert column(commas, "rt") == [0.4]
    assert column(table, "person") == ["a", "b, c"]
    assert column(table, "rt") == [0.4, 0.5]


def test_one_trial_is_a_table_and_errors_only_are_scores(tmp_path):
    table = imports.read(put(tmp_path, "".join(LONG.splitlines(True)[:2])), REPORT)
    assert table.notes[0] == "1 trial of 1 person read from mine.csv, columns separated by ','"
    nothing = imports.read(put(tmp_path, "id,exposure_ms,targets,score\n" + "a,50,6,0\n" * 3), REPORT)
    assert column(nothing, "score") == [0, 0, 0]


def people(rng, *names, trials=20, number=False):
    rows = pd.DataFrame(
        {"exposure_ms": rng.choice([20, 50, 100], trials), "targets": 6, "score": rng.integers(0, 5, trials)}
    )
    parts = [rows.assign(person=name) for name in names]
    frame = pd.concat(parts)
    return frame.assign(trial=np.tile(np.arange(trials), len(names))) if number else frame


def test_the_same_person_under_two_names_is_named(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.concat([people(rng, "anna", "ann"), people(rng, "ben")])
    table = imports.read(put(tmp_path, frame.to_csv(index=False)), REPORT)
    said(table, "people anna and ann have the same answers in all 20 trials: one person twice?")
    assert "ben" not in said(table)
    assert len(table.frame) == 60


@pytest.mark.parametrize("number", [False, True])
def test_data_that_are_there_twice_are_named(tmp_path, number):
    rng = np.random.default_rng(2)
    once, twice = people(rng, "ben", number=number), people(rng, "anna", "anna", number=number)
    if number:
        twice = twice.sort_values(
            "trial", kind="stable"
        )  # each row beside its copy: only the numbers show it
    table = imports.read(put(tmp_path, pd.concat([once, twice]).to_csv(index=False)), REPORT)
    said(table, "every trial of person anna is there twice: the same data twice? all are kept")
    assert "ben" not in said(table)
    assert len(table.frame) == 60


def test_people_who_are_alike_by_doing_nothing_are_not_accused(tmp_path):
    rng = np.random.default_rng(3)
    frame = people(rng, "anna", "ben", "cleo").assign(score=0)
    assert "twice" not in said(imports.read(put(tmp_path, frame.to_csv(index=False)), REPORT))


def test_names_that_differ_by_capitals_are_kept_apart_and_named(tmp_path):
    table = imports.read(put(tmp_path, LONG.replace("ben", "Anna")), REPORT)
    said(table, "people anna and Anna differ by capitals only: they are kept apart")


# --- folders ---


def test_a_folder_of_files_one_per_person(tmp_path):
    for who in ("p1", "p2", "p3"):
        put(tmp_path, (DATA / "libtva_p1.dat").read_bytes(), f"study/{who}.dat")
    put(tmp_path, "", "study/p4.dat")
    put(tmp_path, "nothing", "study/README.txt")
    table = imports.read(tmp_path / "study", REPORT)
    assert table.notes[0] == "27 trials of 3 people read from 3 files in study (tva)"
    said(table, "p4.dat left out: empty", "6 letters reported that were no targets")


def test_runs_are_in_their_order_and_what_is_optional_has_no_gaps(tmp_path):
    for run, rt in ((10, 0.6), (2, 0.5), (1, 0.4)):
        text = f"onset\tduration\ttrial_type\tresponse_time\n{run}\t1\tgo\t{rt}\n{run + 1}\t1\tgo\t{rt}\n"
        put(tmp_path, text, f"ds/sub-1_run-{run}_events.tsv")
    table = imports.read(tmp_path / "ds", RT, optional=("onset", "study"))
    assert column(table, "rt") == [0.4, 0.4, 0.5, 0.5, 0.6, 0.6]
    assert column(table, "onset") == [1, 2, 2, 3, 10, 11]
    put(
        tmp_path,
        "onset\tduration\ttrial_type\tresponse_time\nn/a\t1\tgo\t0.7\n",
        "ds/sub-1_run-11_events.tsv",
    )
    table = imports.read(tmp_path / "ds", RT, optional=("onset",))
    assert list(table.frame) == ["person", "rt"]
    said(table, "onset is not taken: it is missing in 1 trial of 7")


def test_folders_that_hold_no_one_kind_are_refused(tmp_path):
    (tmp_path / "none").mkdir()
    assert "is a folder without a table" in refusal(tmp_path / "none")
    put(tmp_path, LONG, "two/a.csv")
    put(tmp_path, "[]", "two/b.json")
    assert "holds files of several kinds (.csv, .json)" in refusal(tmp_path / "two")
    put(tmp_path, LONG, "mixed/a.csv")
    put(tmp_path, "subject,exposure_ms,targets,response\nb,50,ABC,A\n", "mixed/b.csv")
    assert "holds files of several formats (long, tva): say which with --format" in refusal(
        tmp_path / "mixed"
    )
    put(tmp_path, LONG, "broken/a.csv")
    put(tmp_path, LONG.replace("50,6,2", "x,6,2"), "broken/b.csv")
    assert "got 'x' in row 2 of b.csv" in refusal(tmp_path / "broken")
    assert "no such file" in refusal(tmp_path / "nowhere.csv")


def test_files_of_one_study_in_two_units_are_one_table(tmp_path):
    put(tmp_path, "id,rt_ms\na,400\na,500\n", "s/a.csv")
    put(tmp_path, "id,rt_s\nb,0.4\nb,0.5\n", "s/b.csv")
    assert column(imports.read(tmp_path / "s", RT), "rt") == [0.4, 0.5, 0.4, 0.5]


# --- size ---


def test_only_the_columns_that_are_needed_are_read(tmp_path, monkeypatch):
    asked = []
    parsed = imports.sheets._parsed

    def watched(*how):
        got, odd = parsed(*how)
        asked.append((got.column_names, sorted(how[6])))
        return got, odd

    monkeypatch.setattr(imports.sheets, "_parsed", watched)
    rows = "".join(f"a,{50 + i % 3},6,{i % 4},{'x' * 500}\n" for i in range(3000))
    imports.read(put(tmp_path, "person,exposure_ms,targets,score,essay\n" + rows), REPORT)
    assert asked == [(["person", "exposure_ms", "targets", "score"], ["exposure_ms", "score", "targets"])]


def test_a_json_that_would_not_fit_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "_JSON", 10)
    assert "is a JSON of more than 1e-05 MB: save it as CSV" in refusal(DATA / "jspsych_prp.json", PRP)


# --- the command line ---


def test_import_shows_what_it_made_and_writes_what_tune_takes(call):
    code, out, _ = call("import", DATA / "libtva_p1.dat", "--for", "whole_report", "--to", "long.csv")
    assert code == 0
    assert "9 trials of 1 person read from libtva_p1.dat, LibTVA (tva)" in out
    assert "Trials: long.csv" in out
    written = imports.read("long.csv", REPORT).frame
    pd.testing.assert_frame_equal(
        written, imports.read(DATA / "libtva_p1.dat", REPORT).frame, check_dtype=False
    )
    code, out, _ = call("import", "long.csv", "--json")
    assert code == 0
    told = json.load(io.StringIO(out))
    rows = {row["column"]: row for row in told["columns"]}
    assert rows["exposure"]["unit"] == "s"
    assert rows["score"]["trials"] == 9


def test_of_a_run_with_several_arms_the_one_with_limits_is_read(tmp_path):
    trials = ca.run("prp", people=2, trials=1, seed=3)
    assert (trials.frame["rt2"].dropna() >= 0).all()  # softmax takes no time, and not less than none
    trials.frame.to_csv(tmp_path / "mine.csv", index=False)
    table = imports.read(tmp_path / "mine.csv", PRP)
    text = said(table, "of the arms human, softmax human is taken: --only arm=NAME takes another")
    assert "only arm=human was asked for" in text
    assert len(table.frame) == (trials.frame["arm"] == "human").sum()
    assert "seconds or milliseconds" in refusal(tmp_path / "mine.csv", PRP, only={"arm": "softmax"})


CUES = "".join(
    f"a,{i % 3 % 2},{['valid', 'invalid'][i % 2]},{400 + 7 * (i * 37 % 50)},{i % 9 > 0:d},x y\n"
    for i in range(60)
)


@pytest.mark.parametrize("saved", [False, True])
def test_the_next_command_reads_the_file_as_it_was_read(call, saved):
    """Whatever had to be said is in the line that import prints: it is run as it stands."""
    Path("my cues.csv").write_text(CUES)
    said = [
        "--columns",
        "who,side,kind,ms,hit,part",
        "--set",
        "soa=0.2",
        "--only",
        "part=x y",
        "--unit",
        "rt=ms",
    ]
    said += ["--column", "person=who", "--column", "rt=ms", "--column", "correct=hit", "--column", "cue=kind"]
    said += ["--word", "correct:1=1,0=0", "--for", "posner"]
    code, out, _ = call("import", "my cues.csv", *said, "--yes", *(["--save", "kept.toml"] if saved else []))
    assert code == 0
    line = out[out.index("Next: ") + 6 : out.index(", or\n", out.index("Next: "))]
    words = shlex.split(line)
    assert words[:5] == ["cogattn", "tune", "posner", "--data", "my cues.csv"]
    assert words[-2:] == ["--params", "speed,hand"]
    assert ("--recipe" in words) == saved
    again, back, _ = call("import", "my cues.csv", *words[5:-2], "--for", "posner", "--yes")
    assert again == 0
    table, other = (text[text.index("By condition:") :].split("\n\n")[0] for text in (out, back))
    assert table == other
    assert "valid" in table


def test_import_names_the_columns_that_it_leaves(call):
    Path("mine.csv").write_text("sat,duration,letters,n_correct,hair\n" + "a,50,6,2,x\n" * 40)
    code, out, _ = call("import", "mine.csv")
    assert code == 0
    assert "Columns not used: sat, hair" in out.splitlines()


def test_import_never_writes_into_the_data(call):
    shutil.copy(DATA / "hssm.csv", "mine.csv")
    before = Path("mine.csv").read_bytes()
    code, _, err = call("import", "mine.csv", "--to", "mine.csv")
    assert (code, Path("mine.csv").read_bytes()) == (2, before)
    assert err == "cogattn: --to must be another place than the data, got mine.csv\n"


def test_tune_takes_every_format_and_says_what_it_did(call):
    code, out, err = call("tune", "whole_report", "--data", DATA / "tablet_P4_s1T-1.txt", "--format", "tva",
                          "--params", "capacity,slots", "--only", "condition=1,2,3,4,5")  # fmt: skip
    assert code == 0
    assert "fit whole_report: 1 of 1 (100 %)" in err.splitlines()
    assert "fit whole_report: " not in out
    assert "2 rows left out: only condition=1,2,3,4,5 was asked for" in out
    assert "1 person has fewer than 30 trials" in out


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        (["--format", "spss"], "format must be one of auto, long"),
        (["--unit", "min"], "unit of time must be one of s, ms"),
        (["--unit", "rt="], "--unit must be NAME=VALUE, got 'rt='"),
        (["--word", "j"], "--word must be NAME=VALUE, got 'j'"),
        (["--set", "soa"], "--set must be NAME=VALUE, got 'soa'"),
        (["--recipe", "none.toml"], "cannot read none.toml"),
        (["--column", "score"], "--column must be NAME=VALUE, got 'score'"),
        (["--only", "task"], "--only must be NAME=VALUE, got 'task'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(call, tokens, line):
    code, _, err = call("import", DATA / "hssm.csv", *tokens)
    assert code == 2
    assert err.startswith(f"cogattn: {line}")
    assert len(err.splitlines()) == 1


def test_one_trial_and_errors_only_are_fitted_with_a_warning(call):
    Path("one.csv").write_text("".join(LONG.splitlines(True)[:2]))
    code, out, _ = call("tune", "whole_report", "--data", "one.csv", "--params", "capacity")
    assert code == 0
    assert "1 person has fewer than 30 trials (anna)" in out
    Path("none.csv").write_text(
        "id,exposure_ms,targets,score\n" + "".join(f"a,{e},6,0\n" * 20 for e in (50, 100))
    )
    code, out, _ = call("tune", "whole_report", "--data", "none.csv", "--params", "capacity")
    assert code == 0
    assert "1 person reported nothing in any trial (a)" in out
