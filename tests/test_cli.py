"""The command line, as a user meets it: what it prints, what it leaves behind, and what it says to a mistake."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import children
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogattn import paradigms, run
from cogattn.cli import EXAMPLES, app
from cogattn.observer import LIMITS
from cogattn.runs import trials as results

TINY = ["--people", "2", "--trials", "2"]


def made(call, *more):
    """A small run, and its folder."""
    code, out, _ = call("run", "whole_report", *TINY, *more)
    assert code == 0
    return Path(next(line.split()[-1] for line in out.splitlines() if line.startswith("Results:")))


def test_list_names_what_there_is(call):
    code, out, _ = call("list")
    assert code == 0
    for word in ("whole_report", "partial_report", "digit_reader", "softmax", "slots", "threshold"):
        assert word in out
    assert re.search(r"^model +digit_reader +A network that reads red digits", out, re.M)
    assert not re.search(r" $", out, re.M)
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"^paradigm +whole_report \* +Whole report\. Six letters", out, re.M)
    assert re.search(r"^paradigm +tracking +Tracking", out, re.M), "no people: no star"


def test_python_dash_m_is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "cogattn", "nothing"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("cogattn: ")
    assert len(done.stderr.splitlines()) == 1


def test_list_tells_one_paradigm_in_full(call):
    code, out, _ = call("list", "tracking")
    assert code == 0
    assert "none here to compare with" in " ".join(out.split())
    told = json.loads(call("list", "whole_report", "--json")[1])
    assert told["people"]
    assert told["options"]["set_size"] == 6
    assert told["conditions"] == paradigms.get("whole_report")().conditions()
    assert call("list", "hole_report")[0] == 2
    text = " ".join(call("list", "flanker")[1].split())
    assert "non_decision_sd=0.0522;" in text, "in as few digits as it has"
    assert "conditions congruence=congruent; congruence=incongruent" in text
    assert text.endswith("run cogattn run flanker --option trials=160"), "a line that runs"


def test_the_star_says_what_the_tables_say(call):
    """The list reads a source; here the paradigm itself is asked whether a row of people's results is there."""
    stars = {r["name"]: r["people"] for r in json.loads(call("list", "--json")[1]) if r["kind"] == "paradigm"}
    asked = {name: paradigms.get(name)() for name in stars}
    assert stars == {name: bool(one.scored()) or len(one.human()) > 0 for name, one in asked.items()}


def test_list_reads_from_the_sources_what_the_modules_say(call):
    rows = json.loads(call("list", "--json")[1])
    told = {
        kind: {r["name"]: r["what it is"] for r in rows if r["kind"] == kind}
        for kind in ("paradigm", "limit", "model")
    }
    assert told["paradigm"] == {name: paradigms.get(name)().title for name in paradigms.names()}
    assert list(told["limit"]) == list(LIMITS)
    assert all(text.endswith((".", "?")) for text in told["model"].values())


def test_help_says_what_each_command_does(call):
    commands = app.resolved_commands()
    assert {"list", "run", "tune", "import", "doctor"} <= set(commands)
    for tokens in ((), ("--help",)):
        out = " ".join(call(*tokens)[1].replace("│", " ").split())
        for name, command in commands.items():
            if not name.startswith("-"):
                assert f"{name} {command.help.split(chr(10))[0]}"[:60] in out


def test_help_of_every_command_fits_a_terminal_and_ends_with_examples_that_are_understood(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert "Usage" in call("--help")[1]
    for name in app.resolved_commands():
        if name.startswith("-"):
            continue
        code, out, _ = call(name, "--help")
        assert code == 0
        assert max(map(len, out.splitlines())) <= 80, name
        assert "Usage" in out
        assert not re.search(r"│ +\*? *(--\w+|[A-Z]+)( [A-Z]+)? +(\[[^│]*)?│", out), (
            f"{name}: an option without words"
        )
        for example in EXAMPLES[name]:
            assert f"  cogattn {example}\n" in out, f"{name}: too long for a line"
            app.parse_args(shlex.split(example.replace("\\\n", " ")), exit_on_error=False, print_error=False)


def test_run_prints_the_table_and_says_where_the_results_are(call):
    folder = made(
        call,
        "--arms",
        "human,slots+capacity,softmax",
        "--option",
        "set_size=4",
        "--option",
        "exposures=[0.1]",
    )
    trials = results.load(folder)
    assert trials.config["arms"] == ["human", "slots+capacity", "softmax"]
    assert trials.config["options"] == {"set_size": 4, "exposures": [0.1]}
    assert len(trials.frame) == 3 * 4


def test_a_config_file_makes_the_same_run_and_flags_override_it(call):
    folder = made(call, "--seed", "3")
    again = made(call, "--config", folder / "config.toml", "--out", "other")
    pd.testing.assert_frame_equal(results.load(again).frame, results.load(folder).frame)
    code, *_ = call("run", "--config", folder / "config.toml", "--people", "1", "--out", "third")
    assert code == 0
    assert results.load(next(Path("third/whole_report").iterdir())).config["people"] == 1


def test_an_observer_file_is_one_mind_for_everybody(call):
    Path("mind.toml").write_text("capacity = 0.001\nslots = 2\n")
    folder = made(call, "--observer", "mind.toml", "--arms", "human")
    assert results.load(folder).frame["score"].sum() == 0


@pytest.mark.full
def test_json_is_json_and_nothing_else(call):
    for tokens in (["run", "whole_report", *TINY], ["list"], ["doctor"]):
        code, out, _ = call(*tokens, "--json")
        assert code == 0
        assert len(json.loads(out)) > 2


@pytest.mark.full
def test_compare_and_scorecard_leave_their_figures(call, monkeypatch):
    code, out, _ = call("compare", "--model", "digit_reader", *TINY)
    assert code == 0
    assert "human bands" in out
    assert "<NA>" not in out
    assert " no" in out
    assert next(Path("results/compare").iterdir()).joinpath("figures/compare.png").exists()
    from cogattn.reports import scorecard as scoring

    kept = [(name, n) for name, n in scoring._played(2) if name in ("whole_report", "prp", "stroop")]
    monkeypatch.setattr(scoring, "_played", lambda trials: kept)  # the whole card: tests/test_scoring.py
    play, made = scoring.scorecard, []

    def once(*args, **how):
        made.append(made[0] if made else play(*args, **how))
        return made[-1]

    monkeypatch.setattr(scoring, "scorecard", once)
    code, out, _ = call("scorecard", *TINY)
    assert code == 0
    assert "of 52 bands have a paradigm" in out
    assert "<NA>" not in out
    code, out, _ = call("scorecard", *TINY, "--json")
    assert code == 0
    assert len(json.loads(out)) == 52


@pytest.mark.full
def test_whole_curves_are_shown_by_phenomenon(call, monkeypatch):
    from cogattn.reports import curves

    plans = curves.plans
    few = ("change_detection", "stroop")
    monkeypatch.setattr(
        curves, "plans", lambda *how: {n: plan for n, plan in plans(*how).items() if n in few}
    )
    code, out, _ = call("scorecard", "--curves", "--people", "2")
    assert code == 0
    assert "Stroop" in out
    assert "test: inside" in out
    assert "Skill, both" in out
    assert next(Path("results/curves").iterdir()).joinpath("figures/curves.png").exists()
    code, out, _ = call("scorecard", "--curves", "--people", "2", "--json")
    assert code == 0
    assert len(json.loads(out)) > 1000


@pytest.mark.full
@pytest.mark.usefixtures("all_formats")
def test_plot_draws_one_run_or_several(call):
    a, b = made(call), made(call, "--seed", "1")
    code, out, _ = call("plot", a)
    assert code == 0
    assert Path(out.splitlines()[0]).exists()
    code, out, _ = call("plot", a, b, "--out", "both")
    assert code == 0
    assert sorted(p.suffix for p in Path("both").iterdir()) == [".pdf", ".png", ".svg"]


@pytest.mark.full
@pytest.mark.usefixtures("all_formats")
def test_trace_writes_a_table_a_trace_and_a_timeline(call):
    folder = made(call)
    code, out, _ = call("trace", folder, "--condition", "7", "--person", "1", "--trial", "1")
    assert code == 0
    assert "onset" in out
    files = {p.suffix: p for p in (folder / "trace").iterdir()}
    assert set(files) == {".parquet", ".json", ".png", ".svg", ".pdf"}
    assert json.loads(files[".json"].read_text())["traceEvents"]
    assert set(pd.read_parquet(files[".parquet"])["trial"]) == {1}


def test_events_of_a_whole_run_are_written_if_asked_for(call):
    folder = made(call, "--events")
    record = pd.read_parquet(folder / "events.parquet")
    assert (record["kind"].astype(str) == "end").sum() == len(results.load(folder).frame)


def test_doctor_finds_all_in_place_and_says_so_if_not(call):
    code, out, _ = call("doctor")
    assert code == 0
    assert "PROBLEM" not in out
    assert "digit_reader (gap 8." in out
    assert "nback_reader (sequences)" in out
    Path("file").write_text("")
    code, out, _ = call("doctor", "--out", "file")
    assert code == 1
    assert "PROBLEM" in out
    refused(call("doctor", "--out", " "), "the folder to try has no name")


def refused(answer, *words):
    """Exit code 2, one line on standard error, nothing on standard output."""
    code, out, err = answer
    assert code == 2
    assert out == ""
    assert err.startswith("cogattn: ")
    assert len(err.strip().splitlines()) == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["frobnicate"], ["frobnicate"]),
        (["run"], ["whole_report"]),
        (["run", "hole_report"], ["whole_report"]),
        (["run", "whole_report", "--colour", "red"], ["--colour"]),
        (["run", "whole_report", "--people", "0"], ["people", "0"]),
        (["run", "whole_report", "--people", "many"], ["people", "many"]),
        (["run", "whole_report", "--trials", "1.5"], ["trials", "1.5"]),
        (["run", "whole_report", "--seed", "-1"], ["seed", "-1"]),
        (["run", "whole_report", "--seed", "nan"], ["seed", "nan"]),
        (["run", "whole_report", "--jobs", "0"], ["n_jobs", "0"]),
        (["run", "whole_report", "--arms", ""], ["arm"]),
        (["run", "whole_report", "--arms", "human,human"], ["arms"]),
        (["run", "whole_report", "--arms", "tired"], ["tired", "slots"]),
        (["run", "whole_report", "--option", "set_size"], ["KEY=VALUE"]),
        (["run", "whole_report", "--option", "set_size="], ["set_size"]),
        (["run", "whole_report", "--option", "set_size=many"], ["set_size"]),
        (["run", "whole_report", "--option", "set_sise=4"], ["set_size"]),
        (["run", "whole_report", "--option", "exposures=[]"], ["exposures"]),
        (["run", "whole_report", "--option", "exposures=[-0.1]"], ["exposure", "-0.1"]),
        (["run", "whole_report", "--option", "exposures=[nan]"], ["exposure", "nan"]),
        (["run", "whole_report", "--option", "exposures=[50,100]"], ["exposure", "10 s", "50"]),
        (["run", "whole_report", "--model", "nobody"], ["digit_reader"]),
        (["run", "whole_report", "--model", "no/such.py"], ["no/such.py"]),
        (["run", "whole_report", "--model", "digit_reader", "--device", "abacus"], ["device"]),
        (["run", "whole_report", "--observer", "no.toml"], ["no.toml"]),
        (["run", "whole_report", "--config", "no.toml"], ["no.toml"]),
        (["run", "whole_report", "--resume"], ["no unfinished run"]),
        (["plot"], ["run folder"]),
        (["plot", "nowhere"], ["nowhere"]),
        (["trace", "nowhere"], ["nowhere"]),
        (["compare", "--people", "-3"], ["people", "-3"]),
        (["scorecard", "--trials", "0"], ["trials", "0"]),
        (["scorecard", "--curves", "--trials", "3"], ["curves", "trials"]),
        (["live", "--arms", "human,slots"], ["arm", "slots"]),
        (["live", "--seconds", "nan"], ["seconds", "nan"]),
        (["live", "--patches", "1000"], ["patches", "1000"]),
        (["live", "--value", "0.5"], ["distractors", "0.5"]),
        (["live", "--model", "nback_reader"], ["nback_reader", "task of its own"]),
        (["read", "no.txt", "--chunk", "0"], ["--chunk must be a whole number from 1", "got 0"]),
        (["verify", "--seed", "-1"], ["seed", "-1"]),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(call, tokens, words):
    refused(call(*tokens), *words)
    assert not Path("results").exists()


def test_wrong_numbers_for_a_trace_are_named(call):
    folder = made(call)
    for flag, value in (("--trial", "2"), ("--person", "-1"), ("--condition", "99"), ("--arm", "slots")):
        refused(call("trace", folder, flag, value), flag[2:])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", None),
        (b"capacity = -1", "capacity"),
        (b"capacity = nan", "capacity"),
        (b"capacity = 'fast'", "capacity"),
        (b"capasity = 3.0", "capacity"),
        (b"capacity = [1]", "capacity"),
        (b"reallocate = 1", "reallocate"),
        (b"\xff\xfe\x00junk", "TOML"),
        (b"= =", "TOML"),
    ],
)
def test_observer_files_are_read_with_care(call, text, word):
    Path("mind.toml").write_bytes(text)
    answer = call("run", "whole_report", *TINY, "--observer", "mind.toml")
    if word is None:
        assert answer[0] == 0
    else:
        refused(answer, word)


@pytest.mark.parametrize(
    "text",
    [
        "[capacity]\nkind='odd'\nmean=1.0",
        "[slots]\nmean=1.0",
        "height = 3",
        "capacity = 3",
        "[capacity]\nkind='lognormal'\nmean=-1.0",
    ],
)
def test_population_files_are_read_with_care(call, text):
    Path("people.toml").write_text(text)
    refused(call("run", "whole_report", *TINY, "--population", "people.toml"))


@pytest.mark.parametrize(
    "text",
    [
        "arms = 3",
        "people = 'x'\nparadigm='whole_report'",
        "paradigm = 4",
        "options = 3",
        "colour = 'red'",
        "arms=[[1]]",
    ],
)
def test_config_files_are_read_with_care(call, text):
    Path("config.toml").write_text(text)
    refused(call("run", *([] if "paradigm" in text else ["whole_report"]), "--config", "config.toml"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flag=st.sampled_from(["--people", "--trials", "--seed", "--jobs"]),
    value=st.one_of(
        st.integers(max_value=-1).map(str),
        st.integers(min_value=2**63).map(str),
        st.sampled_from(
            ["nan", "inf", "-inf", "1e400", "", " ", "0x", "1,5", "None", "true", "é", "--", "1e-3"]
        ),
    ),
)
def test_no_number_that_is_none_gets_through(call, flag, value):
    refused(call("run", "whole_report", f"{flag}={value}"))


# -- kill, interrupt, resume: real processes ---------------------------------------------------------------

LONG = [
    "run",
    "whole_report",
    "--people",
    "40",
    "--trials",
    "300",
    "--arms",
    "human,slots,capacity,softmax",
    "--jobs",
    "1",
]


def begin(folder):
    return children.start(*LONG, "--out", folder, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    arms, folder = ("human", "slots", "capacity", "softmax"), tmp_path_factory.mktemp("undisturbed")
    return results.load(run("whole_report", arms, people=40, trials=300, out=folder).folder).frame


@pytest.mark.full
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_stopped_process_leaves_a_run_that_resumes_to_the_same_numbers(
    call, tmp_path, undisturbed, how, code
):
    process = begin(tmp_path)
    until = time.monotonic() + 300  # of a busy machine
    while len(list(tmp_path.glob("whole_report/*/parts/*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    if how == signal.SIGINT:
        assert "--resume" in err.decode()
        assert "Traceback" not in err.decode()
    folder = next((tmp_path / "whole_report").iterdir())
    assert not (folder / "done.json").exists()
    assert call(*LONG, "--out", tmp_path, "--resume")[0] == 0
    assert len(list((tmp_path / "whole_report").iterdir())) == 1
    pd.testing.assert_frame_equal(results.load(folder).frame, undisturbed, check_exact=True)


def test_every_whole_number_of_the_command_line_is_read_as_one():
    """Without the converter 1.5 people are one person."""
    import typing

    from cogattn.cli import app

    loose = []
    for name, command in app.resolved_commands().items():
        if name[0] == "-":
            continue
        for option, said in typing.get_type_hints(command.default_command, include_extras=True).items():
            kinds = (
                {typing.get_args(said)[0], *typing.get_args(typing.get_args(said)[0])}
                if hasattr(said, "__metadata__")
                else {said}
            )
            if int in kinds and not any(
                getattr(x, "converter", None) for x in getattr(said, "__metadata__", ())
            ):
                loose.append(f"{name} {option}")
    assert not [x for x in loose if not x.endswith(" return")]
