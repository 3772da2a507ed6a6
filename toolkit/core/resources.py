"""Where the files that travel with the package are, and how those of a user are read: in bounds."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def templates_folder() -> Path:
    """Return the folder of templates: inside the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds that travels with the package, by a parser in C where there is one."""
    import yaml

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
