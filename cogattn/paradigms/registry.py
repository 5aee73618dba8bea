"""Which paradigms there are: those of this folder, and your own.

No list is kept. The files of the folder are read, not imported: a class with a class attribute `name = "..."` is a
paradigm. So a list of names costs milliseconds, and `get` imports the one file that is needed. A paradigm of your own
is registered (`register`), or found in your own file where its path stands in place of a name.

>>> {"breaks", "digit_stream", "go_nogo"} <= set(names())
True
>>> get("whole_report")(set_size=4, exposures=(0.05,)).conditions()
[{'exposure': 0.05, 'targets': 4, 'distractors': 0}]
"""

from __future__ import annotations

import ast
import copyreg
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cogattn._renamed import fields_now
from cogattn.errors import OWN_FILE, InputError, RunError, choice, doors, shown

if TYPE_CHECKING:
    from cogattn.paradigms.base import Paradigm

HERE = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OWN = f"{OWN_FILE}paradigm_"  # the modules of users' files; their content's hash follows
_METHOD = re.compile(r"^(?:    @|    def |\S)", re.MULTILINE)  # or the end of the class
_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Entry:
    """A paradigm of this folder, as its file declares it: nothing of it has been imported."""

    module: str
    kind: str  #: the name of its class
    says: Mapping[str, Any]  #: its class attributes that are plain constants: name, title, ...


@cache
def entries() -> dict[str, Entry]:
    """Every paradigm of this folder by its name, in alphabetical order."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        for kind, says in _declared(path.read_text(encoding="utf-8")):
            found[says["name"]] = Entry(f"cogattn.paradigms.{path.stem}", kind, says)
    return dict(sorted(found.items()))


_own: dict[str, Any] = {}  # name -> class or instance that a user registered


def names() -> list[str]:
    """The classic experiments there are, and those that you registered. Besides, every network that brings a task of
    its own has `own_task`.

    >>> len(names()) >= 29
    True
    """
    return sorted([*(n for n, e in entries().items() if e.says.get("listed", LAST)), *_own])


def titles() -> dict[str, str]:
    """What each is called for people.

    >>> titles()["prp"]
    'Two choices at once'
    """
    return {n: str(_own[n].title if n in _own else entries()[n].says["title"]) for n in names()}


def says(name: str) -> Mapping[str, Any]:
    """What a paradigm declares of itself in constants, without an import: title, question, source.

    >>> says("prp")["title"]
    'Two choices at once'
    """
    if name in _own:
        return {key: getattr(_own[name], key, "") for key in ("title", "question", "source")}
    return {"question": "", "source": "", **entries()[choice("paradigm", name, names())].says}


def where(**says: Any) -> list[str]:
    """The paradigms of this folder that declare these constants, as they are to be listed.

    >>> where(pictures="sequence")
    ['nback']
    """
    found = [n for n, e in entries().items() if all(e.says.get(k) == v for k, v in says.items())]
    return sorted(found, key=lambda n: (entries()[n].says.get("listed", LAST), n))


LAST = 100  #: the place in lists of a paradigm that does not declare one


def get(name: str) -> Callable[..., Paradigm]:
    """The paradigm of this name, or in the file of this path; call it with its options.

    >>> get("prp")().title
    'Two choices at once'
    """
    if str(name).endswith(".py"):
        return cast(Any, read(str(name)))
    found = known(name)
    return found if isinstance(found, type) else partial(_with, found)


def known(name: str) -> Any:
    """The class (or the registered instance) of this name. Never a path: nothing is executed but our own files."""
    if name in _own:
        return _own[name]
    entry = entries()[choice("paradigm", name, sorted([*entries(), *_own]))]
    return getattr(importlib.import_module(entry.module), entry.kind)


def make(name: str, options: Mapping[str, Any]) -> Paradigm:
    """The paradigm with these options; an unknown option is refused with the nearest known one.

    >>> make("whole_report", {"set_size": 4}).set_size
    4
    """
    return _made(read(name) if str(name).endswith(".py") else known(name), options)


def instance(paradigm: Any, options: Mapping[str, Any] | None = None) -> Paradigm:
    """A paradigm from whatever stands for it: a name, the path of a file, a class, or the paradigm itself.

    >>> instance("prp") == instance(get("prp")) == instance(get("prp")())
    True
    """
    if isinstance(paradigm, str | Path):
        return make(str(paradigm), options or {})
    if not _is_one(paradigm):
        raise InputError(f"paradigm must be a name, a file, or a Paradigm, got {shown(paradigm)}")
    _checked_name(paradigm)
    return (
        _made(paradigm, options or {})
        if options or isinstance(paradigm, type)
        else cast("Paradigm", paradigm)
    )


def register(paradigm: _Kind) -> _Kind:
    """Make your own paradigm known by its name: a class (this is a decorator, too), or an instance with your options.

    A name that is taken is refused; the same class once more takes the place of the one before, as a notebook needs.

    >>> from cogattn.paradigms.whole_report import WholeReport
    >>> class Letters(WholeReport):
    ...     name = "letters_of_mine"
    >>> register(Letters).name in names()
    True
    >>> unregister("letters_of_mine")
    """
    if not _is_one(paradigm):
        raise InputError(f"a paradigm is a subclass of cogattn.paradigms.Paradigm, got {shown(paradigm)}")
    name = _checked_name(paradigm)
    if name in entries() or (name in _own and not _same(_own[name], paradigm)):
        raise InputError(f"the name {name!r} is taken by another paradigm: choose one that is free")
    _own[name] = paradigm
    return paradigm


def unregister(name: str) -> None:
    """Forget a paradigm of your own.

    >>> from cogattn.paradigms.whole_report import WholeReport
    >>> class Words(WholeReport):
    ...     name = "words_of_mine"
    >>> _ = register(Words)
    >>> unregister("words_of_mine")
    >>> "words_of_mine" in names()
    False
    """
    del _own[choice("paradigm of your own", name, sorted(_own))]


def read(path: str | Path) -> type[Paradigm]:
    """The paradigm in a file of your own, registered. This executes the file: give only a path that you trust."""
    place = Path(path)
    if not place.is_file():
        raise InputError(f"no such file: {place}")
    module = _module(place)
    mine: list[Any] = [v for v in vars(module).values() if _is_one(v) and _of_file(v, module)]
    if len(mine) != 1:
        have = f"{len(mine)} ({', '.join(k.__name__ for k in mine)})" if mine else "none"
        raise InputError(f"{place} must hold one subclass of Paradigm with a name, it holds {have}")
    kind = mine[0]
    if kind.name in _own and _own[kind.name] is not kind and _is_read(_own[kind.name]):
        del _own[kind.name]  # the file has changed
    register(kind)
    copyreg.pickle(kind, partial(_packed, str(place.resolve())))
    return cast("type[Paradigm]", kind)


def origin(paradigm: Paradigm) -> dict[str, str]:
    """Where a paradigm that is not ours was written, for a run's config: the file's name and what it holds."""
    kind = type(paradigm)
    if kind.__module__.startswith("cogattn."):
        return {}
    file = {"paradigm_file": "(none)"}
    place = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if place is not None and Path(place).is_file():
        return {"paradigm_file": Path(place).name, "paradigm_sha256": _sha(Path(place).read_bytes())}
    try:
        return file | {"paradigm_sha256": _sha(inspect.getsource(kind).encode())}
    except (OSError, TypeError):
        return file


def origin_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `origin` wrote into a config."""
    return {k: v for k, v in config.items() if k in ("paradigm_file", "paradigm_sha256")}


def found_again(config: Mapping[str, Any], paradigm: Any = None) -> Paradigm:
    """The paradigm of a run that was kept, with the run's options: by its name, or the one that is given. No code is
    executed from the folder of the run, nor from a path that stands in it."""
    if not isinstance(config.get("paradigm"), str):
        raise InputError(f"config must name its paradigm, got {shown(config.get('paradigm'))}")
    name, options = config["paradigm"], config.get("options", {})
    if not isinstance(options, Mapping):
        raise InputError(f"options of a config must be a table, got {shown(options)}")
    if paradigm is None:
        if name not in entries() and name not in _own and origin_of(config):
            file = str(config.get("paradigm_file", ""))
            file = file if file.endswith(".py") else "mine.py"
            raise InputError(
                f"this run is of {name!r}, a paradigm of your own: give it too, as load(folder, paradigm={file!r}) or "
                f"cogattn plot RUN --paradigm {file}, or register it first"
            )
        return _made(known(name), options)
    found = _made(read(paradigm) if str(paradigm).endswith(".py") else paradigm, {}, or_name=True)
    if found.name != name:
        raise InputError(f"this run is of {name!r}, and the paradigm that was given is {found.name!r}")
    return _made(type(found), options)


# -- reading what files declare ------------------------------------------------------------------------------


def _declared(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(class, its constants) of each class of a file that gives itself a name."""
    if not re.search(r"^    name\b.*=", text, re.MULTILINE):
        return
    for head in _heads(text):
        says = {}
        for node in head.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                says[target.id] = value.value
        if isinstance(says.get("name"), str):
            yield head.name, says


def _heads(text: str) -> list[ast.ClassDef]:
    """The classes of a file up to their first method: a third of the time of reading all of it."""
    heads = ""
    for part in re.split(r"^(?=class )", text, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        heads += f"{first}\n{_METHOD.split(rest, maxsplit=1)[0]}\n"
    try:
        return [n for n in ast.parse(heads).body if isinstance(n, ast.ClassDef)]
    except SyntaxError:  # something in a docstring looked like a method
        return [n for n in ast.parse(text).body if isinstance(n, ast.ClassDef)]


# -- users' own ----------------------------------------------------------------------------------------------


def _is_one(thing: Any) -> bool:
    """Whether this is a paradigm: a subclass, or an instance."""
    from cogattn.paradigms.base import Paradigm

    return isinstance(thing, Paradigm) or (isinstance(thing, type) and issubclass(thing, Paradigm))


def _checked_name(paradigm: Any) -> str:
    name = getattr(paradigm, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            "the name of a paradigm must be small letters, digits and underscores, e.g. name = 'my_task', "
            f"got {shown(name)}"
        )
    return name


def _same(one: Any, other: Any) -> bool:
    """The same class, perhaps made anew: a notebook's cell is run more than once."""
    a, b = (x if isinstance(x, type) else type(x) for x in (one, other))
    return (a.__module__, a.__qualname__) == (b.__module__, b.__qualname__)


def _made(paradigm: Any, options: Mapping[str, Any], or_name: bool = False) -> Paradigm:
    """A class or an instance with these options."""
    if or_name and isinstance(paradigm, str):
        paradigm = known(paradigm)
    if not _is_one(paradigm):
        raise InputError(f"paradigm must be a Paradigm, or the path of a .py file, got {shown(paradigm)}")
    kind = paradigm if isinstance(paradigm, type) else type(paradigm)
    options = fields_now(kind, options)
    for option in options:
        choice(f"option of {paradigm.name}", option, [f.name for f in fields(paradigm)])
    usual = {f.name: f.default for f in fields(paradigm)}
    given = {
        k: tuple(v) if isinstance(v, list) and isinstance(usual[k], tuple) else v for k, v in options.items()
    }
    try:
        return _with(paradigm, **given)  # a file of settings knows lists alone
    except TypeError as error:
        raise InputError(f"{paradigm.name} cannot be made: {error}") from None


def _with(paradigm: Any, **options: Any) -> Paradigm:
    """A class called with options, or an instance with some of them changed."""
    return cast(
        "Paradigm", paradigm(**options) if isinstance(paradigm, type) else paradigm.with_options(**options)
    )


def _module(place: Path) -> ModuleType:
    """The file as a module; the same content is executed once."""
    name = _OWN + _sha(str(place.resolve()).encode() + place.read_bytes())[:16]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, place, loader=_Source(name, str(place)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, InputError):
            raise InputError(f"cannot read {place}: {type(error).__name__}: {error}") from error
        raise
    return module


class _Source(importlib.machinery.SourceFileLoader):
    """Reads the source, never a compiled copy beside it: that one is known by its time, to the second."""

    def path_stats(self, path: Any) -> Any:
        """No time, so no copy."""
        raise OSError(path)


def _of_file(kind: Any, module: ModuleType) -> bool:
    return (
        isinstance(kind, type)
        and kind.__module__ == module.__name__
        and isinstance(getattr(kind, "name", None), str)
    )


def _is_read(paradigm: Any) -> bool:
    kind = paradigm if isinstance(paradigm, type) else type(paradigm)
    return kind.__module__.startswith(_OWN)


def _packed(place: str, paradigm: Any) -> tuple[Any, tuple[Any, ...]]:
    """How a paradigm of a user's file goes to another process: by the file, which must be the same there."""
    values = {f.name: getattr(paradigm, f.name) for f in fields(paradigm) if f.init}
    return _unpacked, (place, type(paradigm).__module__, values)


def _unpacked(place: str, module: str, values: dict[str, Any]) -> Any:
    if not Path(place).is_file():
        raise RunError(
            f"a worker does not have the file {Path(place).name}: bring it to the same place there"
        )
    kind = read(place)
    if kind.__module__ != module:
        raise RunError(f"a worker has another version of {Path(place).name}: bring all to the same one")
    return kind(**values)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


doors(__name__, "get", "make", "instance", "unregister")
