"""What all tests share."""

import pytest
import torch

from cogattn.view import plot

# Workers run beside each other: a thread each is faster, and the sums are then the same on any machine.
torch.set_num_threads(1)


# Figures are saved as PNG alone unless a test asks for `all_formats`: the others take a third of the time.
FORMATS, plot.FORMATS = plot.FORMATS, ("png",)


# Workers take files in this order: first what compiles for all, beside long ones that need none of it; then the
# longest, so that none is left for the end; then the others as they are found.
FIRST = (
    *(
        "test_same_numbers",
        "test_training",
        "nn/test_huggingface",
        "nn/test_attention",
        "nn/test_gated_attention",
    ),
    *(
        "humans/test_fatigue",
        "test_cli",
        "test_docs",
        "humans/test_bands",
        "tune/test_posteriors",
        "test_scoring",
    ),
    *(
        "tune/test_sessions",
        "tune/test_fitting",
        "test_results_protocol",
        "test_scaling",
        "drivers/test_many_tasks",
    ),
    *(
        "humans/test_calibration",
        "tune/test_simulated",
        "tune/test_amortised",
        "test_figures",
        "explore/test_page",
    ),
    *(
        "theory/test_queues",
        "drivers/test_event_for_event",
        "drivers/test_two_drivers_of_a_session",
        "test_curves",
    ),
)


def pytest_configure(config):
    """A file that is marked full may have tests that are slow besides: these have their own command."""
    if config.option.markexpr == "full":
        config.option.markexpr = "full and not slow and not gpu"


def pytest_collection_modifyitems(items):
    """The order of files. What is known to be slow may take two hours; all else hangs after the minutes that
    pyproject.toml gives."""
    place = {f"tests/{name}.py": i for i, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(place)))
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
