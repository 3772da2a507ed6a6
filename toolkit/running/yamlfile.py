"""Parameters in a YAML file, with the very text that was written, so that ``007`` and ``no`` can stay text."""

from __future__ import annotations

from pathlib import Path

import yaml

from toolkit.errors import InputError
from toolkit.running.conversion import Written


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
        Values by name. An unquoted scalar, alone or in a list, is ``Written``: the very text of the file.

    Raises
    ------
    InputError
        Where the file cannot be read, is not YAML, is not a mapping, or gives a name twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"Cannot read the {what} {str(path)!r}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The {what} {str(path)!r} is not UTF-8 text.") from error
    try:
        return _entries(text, path, what)
    except yaml.YAMLError as error:
        raise InputError(f"The {what} {str(path)!r} is not YAML: {' '.join(str(error).split())}.") from error


def _entries(text: str, path: Path, what: str) -> dict[str, object]:
    loader = yaml.SafeLoader(text)
    node = loader.get_single_node()
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"The {what} {str(path)!r} must map names to values, such as `name: value`.")
    entries: dict[str, object] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in entries:
            line = key.start_mark.line + 1
            raise InputError(f"The {what} {str(path)!r} gives {name!r} twice (line {line}).")
        entries[name] = _value(loader, value)
    return entries


def _value(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item) for item in node.value]
    if isinstance(node, yaml.ScalarNode) and node.style is None and node.tag != "tag:yaml.org,2002:null":
        return Written(node.value)
    return loader.construct_object(node, deep=True)
