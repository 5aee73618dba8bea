"""What columns are called in people's files: other names of ours, and the shapes that such names have.

An exact name comes first, then a known one (`ALIASES`), then a shape (`SHAPES`): `response.correct`, `Targ_Pres`,
`Stimulus.ACC`, `choice1_rt`. A shape is a guess: what the cells hold must agree with it (`guesses`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

#: Other names of columns, as people's files and the programs that write them have them; case and marks do not count.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "person": (
        "subject", "subj", "subj_idx", "subject_id", "subject_nr", "participant", "participant_id", "sub", "id", "vp",
        "pp", "p_num", "prolific_pid", "worker_id", "uid", "subn", "vp_num", "vpnr", "sinit", "sub_id", "ppid", "pid",
        "participant_private_id", "p_no", "subid", "subno", "who", "被试", "被试编号", "受试者",
    ),
    "exposure": ("duration", "exposure_duration", "exp", "display_duration", "letter_duration", "soa"),
    "targets": ("n_targets", "set_size", "nt", "t", "n_letters", "num_letters", "n_items", "letters"),
    "distractors": ("n_distractors", "d", "nd"),
    "score": ("correct_letters", "n_correct", "letters_correct", "reported", "hits"),
    "report": ("letters_reported", "reported", "response", "responses", "answer", "typed", "keys"),
    "set_size": (
        "n_items", "items", "load", "memory_load", "n_objects", "setsz", "display_size", "num_items", "array_size",
        "nitems", "ss",
    ),
    "changed": ("change", "is_change", "change_trial", "is_different", "condition"),
    "says_changed": ("said_changed", "says_change", "response_changed", "change_response"),
    "soa": ("stimulus_onset_asynchrony", "asynchrony", "ctoa", "cue_target_interval", "cti", "isi"),
    "rt": (
        "response_time", "reaction_time", "latency", "resp_time", "rt_response", "response_rt", "resp_rt", "key_rt",
        "rt_ms", "反应时", "反应时间",
    ),
    "rt1": ("response_time_1", "reaction_time_1", "rt_1", "rt_task1", "rt_t1", "choice1_rt", "t1_rt", "task1_rt"),
    "rt2": ("response_time_2", "reaction_time_2", "rt_2", "rt_task2", "rt_t2", "choice2_rt", "t2_rt", "task2_rt"),
    "correct": (
        "corr", "is_correct", "accuracy", "acc", "response_correct", "correctness", "correct_trial", "resp_correct",
        "正确", "正误",
    ),
    "error": ("err", "errors", "is_error", "incorrect", "wrong", "error_made", "fehler"),
    "response": ("resp", "key", "keys", "key_press", "choice", "given_response", "response_key"),
    "correct_response": (
        "correct_answer", "corr_ans", "correct_key", "correct_resp", "cresp", "target_key", "corr_resp", "correct_ans",
        "corr_key", "answer_key", "expected_response", "answer",
    ),
    "congruence": (
        "congruency", "compatibility", "flanker_type", "congruent", "is_congruent", "compf", "comp", "congr",
        "congruity", "compatible", "is_compatible", "consistency", "flanker_condition", "congruency_type", "一致性",
    ),
    "cue": (
        "cue_type", "cue_validity", "validity", "cue_condition", "cue_cond", "valid", "is_valid", "warning_type",
        "warning", "warning_cue",
    ),
    "present": ("target_present", "is_present", "targ_pres", "target_presence", "tp"),
    "display": ("display_type", "search_type", "search"),
    "responded": ("pressed", "said_signal"),
    "dots": ("n_dots", "numerosity"),
    "lag": ("t2_lag",),
    "load": ("n_back", "nback_level", "back", "memory_load", "n", "level"),
    "delay": ("ssd", "stop_signal_delay", "signal_delay"),
    "length": ("list_length", "n_letters", "break_length"),
    "onset": ("stimulus_onset", "stim_onset", "onset_time"),
    "trial": (
        "trial_number", "trial_nr", "trial_index", "trial_no", "this_n", "trial_id", "trial_n", "trialnum", "trial_num",
    ),
    "study": ("study_time", "study_duration", "encoding_time", "sample_duration"),
    "session": ("ses", "session_id", "session_nr"),
    "block": ("run", "block_nr", "block_number", "blocknr", "block_n", "blockf", "block_num"),
    "practice": ("is_practice", "ispractice", "practise", "practice_trial"),
}  # fmt: skip
#: Times that a response takes: in them a cell without a number means that nobody answered.
RESPONSE_TIMES = ("rt", "rt1", "rt2")

_END = (
    r"(_?(id|nr|num|number|no|n|nb|code|idx|index|ident|identifier|name|init|initials|pid|private|public))*"
)
_WHO = (
    r"sub|subj|subjects?|ppt?|ptcp?|participants?|persons?|vp|vpn|proband|workers?|users?|prolific|players?"
    r"|respondents?|observers?|sona|students?|child|patients?"
)
_ASKED = r"resp|response|responses|answer|ans|key|keys|button|choice|option"
_TWO = r"(s|t|task|resp|response|stim|choice)"
#: The shapes of names, in small letters with _ between their words.
SHAPES: Mapping[str, str] = {
    "person": rf"((prolific|mturk|jatos|sona|anon|random)_)?({_WHO}){_END}|(p|s|v|part)_?(id|nr|num|no|code)"
    r"|[a-z]?init(ials)?|被试.*|编号",
    "rt": r"(.*_)?(rts?|react(ion)?_?times?|resp(onse)?_?times?|latency|resptime|rtime|反应时.*)(_.*)?",
    "rt1": rf"(.*_)?(rt_?{_TWO}?_?1|{_TWO}_?1_?rt)(_.*)?",
    "rt2": rf"(.*_)?(rt_?{_TWO}?_?2|{_TWO}_?2_?rt)(_.*)?",
    "correct": r"(.*_)?(is_?)?(correct|corr|acc|accuracy|accurate|correctness|corr_?code|resp_?code|response_?code"
    r"|status|outcome|score|hit|trial_?outcome|正确.*|正误)(_.*)?",
    "error": r"(.*_)?(is_?)?(errors?|err|incorrect|wrong|mistake|fehler|错误)(_.*)?",
    "correct_response": rf"(.*_)?(correct|corr|cr|c|right|expected)_?({_ASKED})(_.*)?"
    rf"|(.*_)?({_ASKED})_?(correct|expected)",
    "response": rf"(.*_)?({_ASKED}|key_?press(ed)?|pressed)(_.*)?",
    "congruence": r"(.*_)?(is_?)?((in)?(congr|compat|consist|corresp)\w*|cong|comp|incomp|incon|conflict|一致.*)(_.*)?",
    "cue": r"(.*_)?(cues?|cue_?type|(in)?valid\w*)(_.*)?",
    "present": r"(.*_)?(targ(et)?_?pres\w*|present|presence|tp)(_.*)?",
    "set_size": r"(.*_)?(set_?si?ze?|n_?items|num_?items|display_?size|array_?size|n_?stim\w*)(_.*)?",
    "soa": r"(.*_)?(soa|ctoa|cti|cue_?target_?(interval|soa))(_.*)?",
    "load": r"(.*_)?(n_?back(_?level)?|load|memory_?load)(_.*)?",
    "delay": r"(.*_)?(ssd|stop_?(signal_?)?delay)(_.*)?",
    "signal": r"(.*_)?(is_?)?(no_?go|signal|stop|stop_?signal|match|is_?target|is_?match)(_.*)?",
    "lag": r"(.*_)?lag(_.*)?",
}
#: Words within a name that make it another thing: a mean of response times, a response time to the instructions.
_NOT: Mapping[str, str] = {
    "rt": r"avg|average|mean|median|sd|log|lrt|total|inv|zrt|prev\w*|last|deadline|max|min|limit|cutoff|feedback"
    r"|bin|sum|instr\w*|prac\w*|fix\w*|iti|clock|onset|offset|start\w*|stop\w*|finish|stamp|timestamp|rttime|ready|break"
    r"|end|welcome|goodbye|window|timeout|slow",
    "correct": rf"{_ASKED}|total|n|num|count|sum|mean|avg|average|percent|pct|prop|feedback|prac\w*|prev\w*|last|side"
    r"|hand|location|direction|letter|color|colour|position|rt|time|instr\w*|duration|running|block",
    "error": r"msg|message|rate|total|mean|avg|feedback|prac\w*|prev\w*|last|type|rt|time|count|sum",
    "response": r"rt|time|times|correct|corr|acc|code|onset|started|stopped|duration|type|possible|allowed|expected"
    r"|format|window|instr\w*|prac\w*",
    "person": r"age|sex|gender|type|group|count",
    "congruence": r"prev\w*|previous|last|next|n_1|lag|prop\w*|block|list",
    "cue": r"side|location|position|onset|duration|time|dir\w*|color|colour|x|y",
    "present": r"time|duration",
    "soa": r"onset|time_?stamp",
    "signal": r"succ\w*|fail\w*|correct|corr|acc|rt|time|delay|response|score|false\w*|miss|n|count",
}
_UNIT = re.compile(r"_(s|sec|secs|seconds?|ms|msecs?|millis|milliseconds?)$")


def unit_of(word: str) -> str | None:
    """The unit that a word means: "s", "ms", or none that is known."""
    match = _UNIT.search("_" + word.strip().lower())
    return None if match is None else "ms" if match[1].startswith("m") else "s"


@lru_cache(4096)
def spelt(name: str) -> str:
    """A name in small letters with _ between its words: Targ_Pres, targPres and "Targ. pres" are targ_pres."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", snake.lower()).strip("_")


@lru_cache(4096)
def plain(name: str) -> tuple[str, str | None]:
    """A column's name without case, marks and unit, and the unit that it says: RT (ms) is rt in ms."""
    snake = spelt(name)
    match = _UNIT.search(snake)
    stem = snake if match is None else snake[: match.start()]
    return stem.replace("_", ""), None if match is None else unit_of(match[1])


def shaped(role: str, there: Iterable[str]) -> list[str]:
    """The columns whose name has the shape of this, the plainest first."""
    if role not in SHAPES:
        return []
    fits = [(len(spelt(c).split("_")), len(c), c) for c in there if _shaped(role, c)]
    return [column for *_, column in sorted(fits)]


@lru_cache(16384)
def _shaped(role: str, column: str) -> bool:
    snake, barred = _UNIT.sub("", spelt(column)), _NOT.get(role)
    if not re.fullmatch(SHAPES[role], snake):
        return False
    return barred is None or not re.fullmatch(rf"(.*_)?({barred})(_.*)?", snake)


def near(role: str, there: Sequence[str], most: int = 12) -> list[str]:
    """Columns that might be meant, those that look like it first; all of them where they are few."""
    first = shaped(role, there)
    rest = [c for c in there if c not in first]
    return [*first, *rest][:most]
