"""The networks that come with cogattn, by name: where their files stand, and what each says of itself. None is run.

>>> "digit_reader" in names()
True
>>> about("digit_reader").split(":")[0]
'A network that reads red digits among green ones'
"""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path

from cogattn.errors import InputError, choice, shown


def names() -> list[str]:
    """The networks that come with cogattn."""
    return sorted(path.stem for path in _folder().glob("*.py") if not path.stem.startswith("_"))


def about(name_or_path: str) -> str:
    """The first paragraph of the docstring of its file; the file is read up to there, and not run."""
    try:
        with tokenize.open(path_of(name_or_path)) as file:
            tokens = tokenize.generate_tokens(file.readline)
            first = next(t for t in tokens if t.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE))
        text = ast.literal_eval(first.string) if first.type == tokenize.STRING else ""
    except (SyntaxError, UnicodeDecodeError, tokenize.TokenError):
        text = ""
    return " ".join(str(text).split("\n\n")[0].split())


def path_of(name_or_path: str) -> Path:
    """Its file. A bare word is a name; what ends in .py or names a folder is a path."""
    path = Path(name_or_path).expanduser()
    if path.suffix != ".py" and path.name == name_or_path:
        return _folder() / f"{choice('model', name_or_path, names())}.py"
    if path.suffix != ".py" or not path.is_file():
        raise InputError(
            f"model must be one of {', '.join(names())}, or an existing .py file, got {shown(name_or_path)}"
        )
    return path.resolve()


def ours(name_or_path: str) -> bool:
    """Whether it comes with cogattn."""
    return path_of(name_or_path).parent == _folder().resolve()


def _folder() -> Path:
    """`_models` inside an installed package, `models` beside the package in a checkout."""
    package = Path(__file__).parents[2]
    inside = package / "_models"
    return inside if inside.is_dir() else package.parent / "models"
