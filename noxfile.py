"""Tasks for contributors: `nox -s lint`, `tests`, `full`, `slow`, `power`, `kills`, `fuzz`, `audit`, `benchmarks`."""

import nox

nox.options.sessions = ["lint", "tests"]


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests: a few minutes on two cores."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def full(session: nox.Session) -> None:
    """What takes a second or more each: whole commands, theory against play at full size, fits. The CI runs it too."""
    session.install("-e", ".[test]")
    session.run("pytest", "-m", "full", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The long scientific runs."""
    session.install("-e", ".[test]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """What the tests catch: breaks a hundred lines of laws and mechanisms, one at a time (hours; it can be resumed)."""
    session.install("-e", ".[test]")
    session.run("python", "tests/power.py", *session.posargs)


@nox.session
def kills(session: nox.Session) -> None:
    """200 kills at random moments; what comes after them must be what an undisturbed run leaves, file by file."""
    session.install("-e", ".[test]")
    session.run("python", "tests/kills.py", *(session.posargs or ("--kills", "200", "--seed", "1")))


@nox.session
def fuzz(session: nox.Session) -> None:
    """A night of bad input: 100,000 for the API, the command line, files and the page (`--inputs`, `--seed`)."""
    session.install("-e", ".[test]")
    session.run("python", "tests/fuzz.py", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Known holes in what cogattn stands on, where the list of them can be asked for."""
    session.install("-e", ".", "pip-audit")
    session.run("pip-audit", "--skip-editable", success_codes=[0, 1])


@nox.session
def lint(session: nox.Session) -> None:
    """Linter, formatter and type checker."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Speed, as ratios to named peers in one run."""
    session.install("-e", ".[benchmark]")
    session.run("python", "benchmarks/all.py", *session.posargs)
