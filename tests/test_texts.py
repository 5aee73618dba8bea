"""Texts are read whole, cut where people would cut them, and nothing is passed over in silence."""

from __future__ import annotations

import sys
import tempfile
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from cogattn import encodings
from cogattn.errors import InputError
from cogattn.nn import chinese
from cogattn.nn.networks import texts
from cogattn.nn.networks.texts import TextWarning, Vocabulary, load_dataset, load_folder, sentences, words


def lay_out(folder, parts, n=3):
    """n texts of each verdict in each part ("" = the folder itself)."""
    for part in parts:
        for verdict in ("pos", "neg"):
            place = folder / part / verdict
            place.mkdir(parents=True)
            for i in range(n):
                (place / f"{i}.txt").write_text(f"{part} text {i} is {verdict}", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def warned_is_wrong():
    """A warning that no test asks for is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# --- folders ---


def test_a_folder_like_imdb(tmp_path):
    folder = lay_out(tmp_path, ["train", "test"])
    (folder / "train" / "unsup").mkdir()
    (folder / "train" / "unsup" / "0.txt").write_text("nobody judged this")
    (folder / "train" / "pos" / "notes.md").write_text("no text")
    train, test = load_folder(folder)
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.texts[0] == "train text 0 is neg"
    assert train.texts[-1] == "train text 2 is pos"
    assert {text.split()[0] for text in test.texts} == {"test"}


@pytest.mark.parametrize("part", ["", "train"])
def test_without_a_test_set_a_fifth_is_held_out_by_what_it_says(tmp_path, part):
    folder = lay_out(tmp_path, [part], n=100)
    for i in range(30):
        (folder / part / "pos" / f"again{i}.txt").write_text(f"{part} text {i} is pos")
    train, test = load_folder(folder)
    assert len(train.texts) + len(test.texts) == 230
    assert len(test.texts) == pytest.approx(46, abs=20)
    assert not set(train.texts) & set(test.texts)  # copies stay on one side
    assert load_folder(folder)[1].texts == test.texts


def test_marks_of_the_encoding_are_not_text(tmp_path):
    folder = lay_out(tmp_path, ["train", "test"])
    (folder / "train" / "pos" / "0.txt").write_bytes("\ufeffcaf\u00e9".encode())
    assert load_folder(folder)[0].texts[3] == "café"


def test_what_is_not_utf8_is_left_out_with_a_warning(tmp_path):
    folder = lay_out(tmp_path, ["train", "test"])
    (folder / "train" / "neg" / "1.txt").write_bytes(b"caf\xe9 noir")
    (folder / "train" / "neg" / "2.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.warns(
        TextWarning, match=r"2 texts are not UTF-8, UTF-16 or GB 18030 and left out.*first: .*1\.txt"
    ):
        train, _ = load_folder(folder)
    assert train.labels.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("nothing", ["", " \n", "...\n- -"])
def test_texts_without_a_word_are_left_out_with_a_warning(tmp_path, nothing):
    folder = lay_out(tmp_path, ["train", "test"])
    (folder / "test" / "pos" / "1.txt").write_text(nothing)
    with pytest.warns(TextWarning, match="1 texts are without a word and left out"):
        _, test = load_folder(folder)
    assert test.labels.tolist() == [0, 0, 0, 1, 1]


def test_very_long_texts_are_cut_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LONGEST", 40)
    folder = lay_out(tmp_path, ["train", "test"])
    (folder / "train" / "pos" / "0.txt").write_text("é" * 41, encoding="utf-8")
    (folder / "train" / "pos" / "1.txt").write_text("é" * 40, encoding="utf-8")
    with pytest.warns(TextWarning, match=r"1 texts are longer than 40 characters.*0\.txt"):
        train, _ = load_folder(folder)
    assert train.texts[3] == train.texts[4] == "é" * 40


def test_folders_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="data must be a folder with pos/ and neg/"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"must hold pos/ and neg/ with \.txt files in each, neg/ has none"):
        load_folder(tmp_path)
    (tmp_path / "neg").mkdir()
    (tmp_path / "neg" / "0.txt").write_text("bad")
    with pytest.raises(InputError, match="pos/ has none"):
        load_folder(tmp_path)
    file = tmp_path / "neg" / "0.txt"
    with pytest.raises(InputError, match="data must be a folder"):
        load_folder(file)


def test_one_verdict_alone_is_no_data(tmp_path):
    folder = lay_out(tmp_path, ["train", "test"], n=1)
    (folder / "train" / "pos" / "0.txt").write_text("")
    with (
        pytest.warns(TextWarning),
        pytest.raises(InputError, match=r"must hold texts of both kinds.*no pos text can be read"),
    ):
        load_folder(folder)


def test_too_few_texts_to_hold_any_out(tmp_path):
    with pytest.raises(InputError, match="2 texts are too few to hold a fifth of both kinds out"):
        load_folder(lay_out(tmp_path, [""], n=1))


# --- datasets ---


class Table(dict):
    """What the library's tables are asked here."""

    @property
    def column_names(self):
        return list(self)


def library(monkeypatch, parts):
    def load(name):
        if isinstance(parts, Exception):
            raise parts
        return parts

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load))


GOOD = Table(text=["fine film", "bad film"], label=[1, 0])


def test_a_dataset_by_name(monkeypatch):
    library(monkeypatch, {"train": GOOD, "test": Table(review=["so bad", "so good"], sentiment=[0, 1])})
    train, test = load_dataset("imdb")
    assert (train.texts, train.labels.tolist()) == (["fine film", "bad film"], [1, 0])
    assert (test.texts, test.labels.tolist()) == (["so bad", "so good"], [0, 1])


def test_a_test_part_without_verdicts_gives_way_to_validation_with_a_warning(monkeypatch):
    parts = {"train": GOOD, "test": Table(sentence=["a"], label=[-1]), "validation": GOOD}
    library(monkeypatch, parts)
    with pytest.warns(TextWarning, match="test of 'sst2' has no labels 0 and 1 and is not used"):
        assert load_dataset("sst2")[1].texts == GOOD["text"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (ConnectionError("no route\nto host"), r"cannot load the dataset 'x' .*ConnectionError: no route$"),
        ({"all": GOOD}, "must have a part named train, it has all"),
        ({"train": Table(body=["a"], label=[1])}, "column text or sentence or review or content, it has body, label"),
        ({"train": Table(text=["a"], stars=[1])}, "column label or labels or sentiment, it has text, stars"),
        ({"train": Table(text=["a", "b"], label=[1, 5])}, r"labels of dataset 'x' must be 0 and 1, got \[1, 5\]"),
        ({"train": Table(text=["a", None], label=[1, 0])}, "texts of dataset 'x' must all be texts"),
        ({"train": Table(text=["a", "b"], label=[1, 1])}, "texts of both kinds.*no neg text"),
    ],
)  # fmt: skip
def test_datasets_that_cannot_be_used(monkeypatch, parts, said):
    library(monkeypatch, parts)
    with pytest.raises(InputError, match=said):
        load_dataset("x")


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"needs the library datasets: pip install 'cogattn\[huggingface\]'"):
        load_dataset("imdb")


# --- sentences and words ---


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Bean and Dr. No, e.g. in 3.5 films vs. none.", ["Mr. Bean and Dr. No, e.g. in 3.5 films vs. none."]),
        ("A film<br /><br />that ends\n\nbadly", ["A film", "that ends", "badly"]),
        ("one line\nstill the same", ["one line\nstill the same"]),
        ('He said "no." She left.', ['He said "no.', "She left."]),
        ("Well... no.", ["Well...", "no."]),
        ("?! ... --", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences(text, cut):
    assert sentences(text) == cut


def test_words_are_small_and_keep_their_apostrophes():
    assert words("It\u2019s NOT 'so' bad_ly, naïve!") == ["it's", "not", "so", "bad", "ly", ",", "naïve", "!"]
    assert words("...") == []


def test_a_vocabulary_has_the_frequent_words():
    known = Vocabulary.of(["the end of the end", "the film, of course", "film"], most=4)
    assert known.words == ("the", "end", "film", "of")
    assert known.numbers(["of", "course", "the"]) == [5, texts.UNKNOWN, 2]
    assert len(known) == 6
    assert Vocabulary.of(["a b"], least=1).words == ("a", "b")


def test_texts_as_numbers():
    known = Vocabulary(("a", "b", "c"))
    out = known.encode(["A b. C!", "a b c a b"], most=3, length=3)
    assert out.tolist() == [
        [[2, 3, 0], [4, 1, 0], [0, 0, 0]],  # the mark ! has a number if the vocabulary has it
        [[2, 3, 4], [2, 3, 0], [0, 0, 0]],  # a long sentence goes on as the next
    ]
    assert out.dtype == np.int32


def test_of_long_texts_the_end_is_kept_with_a_warning():
    known = Vocabulary(("a", "b", "c"))
    with pytest.warns(TextWarning, match="1 texts are longer than 2 sentences of 3 words.*first: number 2"):
        out = known.encode(["a.", "a. b. c."], most=2, length=3)
    assert out[1, :, 0].tolist() == [3, 4]


def test_chinese_files_of_windows_and_utf16_are_read(tmp_path):
    """GBK and UTF-16 as Windows writes them; sentences end at their own full stops."""
    text = "注意力是有限的。人不能同时看见一切！"
    for encoding in ("gbk", "gb18030", "utf-16", "utf-8-sig"):
        path = tmp_path / f"{encoding}.txt"
        path.write_bytes(text.encode(encoding))
        assert texts._text(path) == text, encoding
    assert len(texts.sentences(text)) == 2
    assert texts.words("注意！") == ["注", "意", "！"]
    path.write_bytes("naïve café".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        texts._text(path)


def test_words_of_chinese_are_told_apart_or_a_line_says_that_they_are_not(monkeypatch, tmp_path, capfd):
    """With jieba: words, no file in the temporary folder, no chatter. Without: letters, and how to get words."""
    text = "注意力是有限的，人不能同时看见一切！她说：“真的吗？” It can't."
    letters = ["注", "意", "力", "是", "有", "限", "的，"]
    monkeypatch.setitem(sys.modules, "jieba", None)
    chinese.cutter.cache_clear()
    try:
        with pytest.warns(
            chinese.SegmentWarning, match=r"each letter counts as one: pip install 'cogattn\[chinese\]'"
        ):
            found = chinese.pieces(text)
        assert found[: len(letters)] == letters
        assert "".join(found) == text
        assert found[-3:] == ["吗？” ", "It ", "can't."]
        monkeypatch.undo()
        chinese.cutter.cache_clear()
        pytest.importorskip("jieba", reason="needs the extra: pip install 'cogattn[chinese]'")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = chinese.pieces(text)
    finally:
        chinese.cutter.cache_clear()
    assert "|".join(found) == "注意力|是|有限|的，|人|不能|同时|看见|一切！|她|说：|“真的|吗？” |It |can't."
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_letters_of_a_file_are_told_by_what_is_common():
    """Names with rare letters are Chinese too; Latin-1 that happens to fit is not."""
    for text in ("朱镕基与陶喆谈注意力", "reaction time (反应时)", "注意"):
        assert encodings.decoded(text.encode("gbk")) == text
        assert encodings.decoded(text.encode("utf-16")) == text
        assert encodings.decoded(text.encode()) == text
    for text in (
        "naïve café",
        "Zoë,0.5\nJürgen;",
        "élève",
        "Ärger über Öl",
        "señor año",
        "ÄÖÜ äöü",
        "Größe: Straße",
    ):
        assert encodings.encoding_of(text.encode("latin-1")) == "latin-1", text
        assert encodings.decoded(text.encode("latin-1")) is None
    assert encodings.decoded(b"\x00\x01\x02\x03\x04\x05") is None
