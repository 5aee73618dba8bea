"""Which of transformers' model types can be limited: the table of the docs, type by type."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'cogattn[huggingface]'"
)

from configurations import TABLE, TYPES, outcome

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

TOLD = pd.read_csv(TABLE, keep_default_na=False).set_index("type")
#: A norm after attention, experts, relative places, patches, sounds; two without attention that we know.
SAMPLE = ("gemma2", "olmoe", "umt5", "beit", "wav2vec2", "bloom", "mamba")


def same_as_told(kinds):
    for kind in kinds:
        layers, what, said = outcome(kind)
        assert what == TOLD["outcome"][kind], f"{kind}: {what} {said}"
        assert str(layers or "") == str(TOLD["layers"][kind]), kind
        assert what == "limited" or "has no layer that takes its attention function" in said, kind


def test_some_types_are_limited_or_refused_as_the_table_says():
    assert TOLD["outcome"].value_counts().to_dict() == {"limited": 80, "refused": 21}
    same_as_told(SAMPLE)


@pytest.mark.slow
def test_all_types_are_limited_or_refused_as_the_table_says():
    same_as_told(kind for kind in TYPES if kind not in SAMPLE)
