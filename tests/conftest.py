"""What all tests share."""

import pytest
import torch

from cogattn.view import plot

# Workers run beside each other: a thread each is faster, and the sums are then the same on any machine.
torch.set_num_threads(1)


# Figures are saved as PNG alone unless a test asks for `all_formats`: the others take a third of the time.
FORMATS, plot.FORMATS = plot.FORMATS, ("png",)


def pytest_collection_modifyitems(items):
    """What is known to be slow may take two hours; all else hangs after the minutes that pyproject.toml gives."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(7200))


@pytest.fixture
def all_formats(monkeypatch):
    """Figures are saved as a user gets them."""
    monkeypatch.setattr(plot, "FORMATS", FORMATS)


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder: (exit code, standard output, standard error)."""
    from cogattn import cli

    monkeypatch.chdir(tmp_path)

    def run(*tokens):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main([str(t) for t in tokens])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run
