"""Sealed runs: what a run folder was made with, and the SHA-256 of all that lies in it.

manifest.json is begun with the folder: the version of cogattn, the hash of the sources that decide the numbers, what
was asked, the network. parts/seals.txt gets a line for each finished piece, as `sha256sum -c` reads them. When the run
is finished the manifest names every piece and every file. A seal finds what was changed by accident or in haste; it is
no signature: who can write into the folder can write the manifest, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cogattn import files
from cogattn.errors import InputError, RunError

try:
    fcntl: Any = import_module("fcntl")
except ImportError:  # Windows has no such locks
    fcntl = None

SEALS = "seals.txt"
MANIFEST = "manifest.json"
_UNSEALED = (
    MANIFEST,
    "done.json",
    "provenance.json",
    "optuna.journal",
)  # written after it, or with times in it
_MADE_WITH = ("law", "model_sha256", "paradigm_sha256")  # in a config, and nothing that was asked


class ChangedWarning(UserWarning):
    """Something in a run folder is not what the run wrote there."""


def changed(text: str) -> None:
    """Say that something is not as it was left."""
    warnings.warn(text, ChangedWarning, stacklevel=3)


def asked(config: Any) -> Any:
    """What was asked, without what it is made with: the same in every version of cogattn.

    >>> asked({"people": 3, "law": "d1f6", "of": [{"law": "d1f6", "seed": 1}]})
    {'people': 3, 'of': [{'seed': 1}]}
    """
    if isinstance(config, Mapping):
        return {k: asked(v) for k, v in config.items() if k not in _MADE_WITH}
    return [asked(v) for v in config] if isinstance(config, (list, tuple)) else config


def digest(value: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def made_with(config: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run that begins."""
    from importlib import metadata

    from cogattn.compiled import version

    try:
        release = metadata.version("cogattn")
    except metadata.PackageNotFoundError:
        release = "not installed"
    own = {k: config[k] for k in ("model_sha256", "paradigm_sha256") if k in config}
    return {
        "cogattn": release,
        "laws": version("runs"),
        "asked": digest(asked(config)),
        "all": digest(config),
    } | own


def begin(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the manifest of a new run folder. In an old one, refuse to go on with anything but the same sources,
    network and settings; what has no manifest (an earlier version left it) is not trusted, and that is said."""
    path, now = folder / MANIFEST, made_with(config)
    finished = (folder / "done.json").exists()  # it is played once more, not taken up
    if finished or not path.is_file():
        if not finished and (folder / "parts").is_dir():
            changed(
                f"{folder} has no manifest, as runs of earlier versions have none: all of it is played anew"
            )
        files.write_json(path, now)
        return
    then = files.read_json(path)
    if then.get("laws") != now["laws"]:
        raise InputError(
            f"the run in {folder} was begun by {_version(then)}, this is {_version(now)}: parts of two versions never "
            "meet in one run; go on with that version, or leave --resume out to start anew"
        )
    for key, what in (("model_sha256", "network"), ("paradigm_sha256", "paradigm's file")):
        if then.get(key) != now.get(key):
            raise InputError(
                f"the run in {folder} was begun with another {what} (SHA-256 {str(then.get(key))[:12]} then, "
                f"{str(now.get(key))[:12]} now): bring it back, or leave --resume out to start anew"
            )
    if then.get("all") != now["all"]:
        raise InputError(
            f"the run in {folder} was begun with other settings: give those, or leave --resume out to start anew"
        )


def _version(manifest: Mapping[str, Any]) -> str:
    return f"cogattn {manifest.get('cogattn')} (laws {manifest.get('laws')})"


class Seals:
    """The hashes of finished pieces, a line added for each when it is finished. One process at a time holds them."""

    def __init__(self, parts: Path) -> None:
        self.path = parts / SEALS
        try:
            parts.mkdir(parents=True, exist_ok=True)
            files.sweep(parts)
            self._file = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o666)
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}; choose another --out") from None
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._file)
                raise RunError(
                    f"another process works on the run in {parts.parent}: let it finish, or leave --resume out"
                ) from None
            except OSError:  # a disk that cannot lock
                pass
        self.known = _known(parts)

    def fits(self, part: Path) -> bool:
        """Whether this is what was written."""
        try:
            return self.known.get(part.name) == files.sha256(part)
        except OSError:
            return False

    def add(self, part: Path) -> None:
        """This piece is finished."""
        self.known[part.name] = files.sha256(part)
        try:
            os.write(self._file, f"\n{self.known[part.name]}  {part.name}\n".encode())
            os.fsync(self._file)
        except OSError as error:
            raise RunError(
                f"cannot write {self.path}: {error.strerror}; what was finished is kept: mend it, then --resume"
            ) from None

    def close(self) -> None:
        """Others may go on."""
        os.close(self._file)


def _known(parts: Path) -> dict[str, str]:
    """The seals in a folder of parts, the last of each; a line that was cut short is none."""
    try:
        text = (parts / SEALS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {name: sha for sha, name in re.findall(r"^([0-9a-f]{64})  ([^\n/]+)$", text, re.MULTILINE)}


def close(folder: Path) -> None:
    """The run is finished: its manifest, if it has one, names each of its files."""
    path = folder / MANIFEST
    if not path.is_file():
        return
    parts = folder / "parts"
    files.sweep(folder)
    kept = {k: v for k, v in files.read_json(path).items() if k not in ("parts", "files")}
    known = {n: s for n, s in sorted(_known(parts).items()) if (parts / n).is_file()}
    if known:
        files.write_text(parts / SEALS, "".join(f"{sha}  {name}\n" for name, sha in known.items()))
        kept["parts"] = known
    kept["files"] = {p.relative_to(folder).as_posix(): files.sha256(p) for p in _sealed(folder)}
    files.write_json(path, kept)


def _sealed(folder: Path) -> list[Path]:
    """The files that a manifest speaks of; a run within this one has its own, of which that is named."""
    out: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "parts":
            inner = path / MANIFEST
            out += [inner] if inner.is_file() else _sealed(path)
        elif path.is_file() and path.name not in _UNSEALED and not path.name.startswith("."):
            out.append(path)
    return out


def broken(folder: Path, *names: str) -> list[str]:
    """Those of these files (by default of all) that are not what the manifest says. A folder without one: none."""
    path = folder / MANIFEST
    told = files.read_json(path).get("files", {}) if path.is_file() else {}
    told = {n: s for n, s in told.items() if not names or n in names} if isinstance(told, dict) else {}
    return [n for n, s in told.items() if not (folder / n).is_file() or files.sha256(folder / n) != s]
