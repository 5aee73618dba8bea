"""Who takes which task: arms, cells, workers, and what a run leaves in its folder."""
