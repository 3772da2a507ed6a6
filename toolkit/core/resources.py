"""Where the files that travel with the package are, and how those of a user are read: in bounds, and YAML strictly."""

import errno
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import InputError, refusing, shown

#: What a file written by hand never reaches, and one made to exhaust the reader does.
MOST_BYTES = 1_000_000
MOST_NODES = 100_000
DEEPEST = 20
#: What the reader of YAML raises, also where a tag does not fit its value, such as ``!!bool x``.
NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


def templates_folder() -> Path:
    """Return the folder of templates: inside the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds that travels with the package, by a parser in C where there is one."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def beside(module: str, name: str) -> Any:
    """Return what a YAML file holds that stands beside a module, whose ``__file__`` is given.

    Examples
    --------
    >>> beside(__file__, "words.yaml")["parts of names"]["auc"]
    'AUC'
    """
    return read_yaml(Path(module).with_name(name))


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Import others as if optional packages that nothing here needs were not installed, to save loading them.

    Examples
    --------
    >>> with without("turtle"):
    ...     import turtle
    Traceback (most recent call last):
    ModuleNotFoundError: import of turtle halted; None in sys.modules
    """
    spared = [name for name in packages if sys.modules.setdefault(name, None) is None]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in spared:
            del sys.modules[name]


def read_bytes(path: Path, most: int = 1_000_000_000) -> bytes:
    """Read a file that a user names.

    Raises
    ------
    OSError
        Where there is none, it has more than ``most`` bytes, or it is a device, a pipe or a socket: they may never end.

    Examples
    --------
    >>> b"AUC" in read_bytes(Path(__file__).with_name("words.yaml"))
    True
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a file", str(path))
    if path.stat().st_size > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes, the most that is read", str(path))
    return path.read_bytes()


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a file that a user names, whole or not at all, and the folders it lies in; return its path.

    Raises
    ------
    InputError
        Where that cannot be done, as where it is a device. A full disk is an ``OSError``.
    """
    with refusing(f"Cannot write {shown(str(path))}", kinds=(OSError, RuntimeError)):  # the latter of an unknown home
        place = (given := Path(path).expanduser()).resolve()
        if place.exists() and not place.is_file():
            raise OSError("there is something else of that name")
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".writing-") as scratch:
            (part := Path(scratch, "part")).write_text(text, encoding="utf-8", errors="replace", newline="\n")
            part.replace(place)
    return given


def is_cell(given: Any) -> bool:
    """Whether something is a cell of a notebook: its type, source, metadata and outputs are of their kinds.

    Examples
    --------
    >>> is_cell({"cell_type": "code", "source": ["a = 1"]}), is_cell({"cell_type": "code", "source": 5})
    (True, False)
    """
    if not isinstance(given, dict) or not isinstance(metadata := given.get("metadata", {}), dict):
        return False
    texts = isinstance(source := given.get("source", ""), str | list) and all(isinstance(one, str) for one in source)
    lists = isinstance(metadata.get("tags", []), list) and isinstance(given.get("outputs", []), list)
    return texts and lists and "cell_type" in given


class UnquotedText(str):
    """An unquoted text from a file: what it means depends on the declared type."""

    __slots__ = ()


def read_mapping(path: Path, what: str = "parameters file") -> dict[str, object]:
    """Read a YAML (or JSON) file that maps names to values.

    Parameters
    ----------
    path : Path
    what : str
        What an error calls the file.

    Returns
    -------
    dict
        Values by name. An unquoted scalar, alone or in a list, is ``UnquotedText``: the very text of the file, so that
        ``007`` and ``no`` can stay text.

    Raises
    ------
    InputError
        Where the file cannot be read, is not YAML, is not a mapping, or gives a name twice.
    """
    with _document(path, what) as (loader, node):
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise InputError(f"The {what} {str(path)!r} must map names to values, such as `name: value`.")
        return {str(key.value): _value(loader, value) for key, value in node.value}


def read_plain(path: Path, what: str) -> object:
    """Read a YAML (or JSON) file as plain Python values; None where it holds nothing.

    Raises
    ------
    InputError
        Where the file cannot be read, is not YAML, or gives a name twice in one mapping.
    """
    with _document(path, what) as (loader, node):
        return None if node is None else loader.construct_document(node)


@contextmanager
def _document(path: Path, what: str) -> Iterator[tuple[yaml.SafeLoader, yaml.Node | None]]:
    """Open the one document of a file, of which no mapping gives a name twice; refuse what is not YAML in it."""
    with refusing(f"Cannot read the {what} {shown(str(path))}", kinds=(OSError, ValueError)):
        content = read_bytes(path, MOST_BYTES)
    named = f"The {what} {str(path)!r} is"
    with refusing(f"{named} not UTF-8 text", kinds=(UnicodeDecodeError,)):
        text = content.decode("utf-8-sig")
    too_deep = refusing(f"{named} nested too deeply to be read", kinds=(RecursionError,))
    with refusing(f"{named} not YAML", kinds=NOT_YAML), too_deep:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is not None:
            _check(node, path, what)
        yield loader, node


def _check(root: yaml.Node, path: Path, what: str) -> None:
    """Refuse names given twice, and anchors that would unfold into a thousand times the file, or without end."""
    waiting, seen = [(root, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_NODES:
            raise InputError(f"The {what} {str(path)!r} is nested too deeply, or repeats itself through its anchors.")
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, depth + 1) for item in node.value]
        elif isinstance(node, yaml.MappingNode):
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            counts = Counter(str(key.value) for key in keys)
            if twice := next((key for key in reversed(keys) if counts[str(key.value)] > 1), None):
                line = twice.start_mark.line + 1
                raise InputError(f"The {what} {str(path)!r} gives {str(twice.value)!r} twice (line {line}).")
            waiting += [(item, depth + 1) for pair in node.value for item in pair]


def _value(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item) for item in node.value]
    if isinstance(node, yaml.ScalarNode) and node.style is None and node.tag != "tag:yaml.org,2002:null":
        return UnquotedText(node.value)
    return loader.construct_object(node, deep=True)
