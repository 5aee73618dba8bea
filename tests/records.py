"""Two event records, of the one driver and of the other."""

from __future__ import annotations

import numpy as np
import pandas as pd


def same(a: pd.DataFrame, b: pd.DataFrame, tolerance: float) -> None:
    """The same events of the same elements in the same order, at the same times."""
    for column in ("kind", "element", "task"):
        assert a[column].astype(str).tolist() == b[column].astype(str).tolist()
    assert a["slot"].tolist() == b["slot"].tolist()
    assert np.abs(a["time"].to_numpy() - b["time"].to_numpy()).max() <= tolerance
