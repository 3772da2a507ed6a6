"""What a template asks for: the typed parameters of its tagged cell, and the check of what was given.

A parameter is one line of that cell, ``name: type = literal  # help``, or in papermill's own form ``name = literal``,
whose type is that of the value. One whose default is None although its type does not admit None is required. Every
template takes a policy. Only the standard library is needed, so that looking is quick.
"""

import ast
import contextlib
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.core import is_cell, read_bytes, read_mapping, refuser, shorten, slug, templates_folder, write_text
from toolkit.errors import InputError, listed, nearest, refusing, whole
from toolkit.runs.conversion import KINDS, convert, from_texts, read_kinds

refusal = refuser(__file__)
#: The first heading, and the lines of the paragraph below it.
_HEADING = re.compile(r"^(#.*)\s*((?:[^\S\n]*[^#\s].*\n?)*)", re.MULTILINE)
#: The types of values whose names are not those of the types.
_PLAIN = {"list": "list[{}]", "dict": "dict[str, object]", "NoneType": "str | None"}


class Parameter(NamedTuple):
    """One parameter of a template.

    Attributes
    ----------
    name, annotation, help : str
        As written in the parameters cell.
    default : object
        The literal; None where the parameter is required.
    """

    name: str
    annotation: str
    default: Any
    help: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types the annotation admits."""
        return read_kinds(self.annotation)

    @property
    def required(self) -> bool:
        """Whether a run must give this parameter."""
        return self.default is None and "None" not in self.kinds


class Schema:
    """What a template is called, what it asks, and which typed parameters it takes: read from its notebook.

    Parameters
    ----------
    path : Path
        A notebook with exactly one code cell tagged ``parameters``.

    Raises
    ------
    InputError
        Where the file is no notebook, or its parameters cell is not one typed literal a line.
    """

    def __init__(self, path: Path) -> None:
        cells = _cells(path)
        ours = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", ())]
        if len(tagged := [cell for cell in ours if cell["cell_type"] == "code"]) != 1:
            raise refusal("tagged cells", name=path.name, count=len(tagged) or "no", s="s" * (len(tagged) > 1))
        lines = "\n\n".join(_source(cell) for cell in cells if cell["cell_type"] == "markdown").splitlines()
        title, question = found.groups() if (found := _HEADING.search("\n".join(lines))) else ("", "")
        self.path, self.title = path, title.strip("# \t") or path.stem
        self.question = " ".join(map(str.strip, question.splitlines()))
        own = _parameters(_source(tagged[0]), path.name)
        self.parameters = own if any(one.name == "policy" for one in own) else [*own, _POLICY]

    @property
    def name(self) -> str:
        """The name by which ``toolkit run`` knows the template."""
        return self.path.stem

    def find(self, name: str) -> Parameter:
        """Return one parameter; an unknown name is refused with the nearest one."""
        if name in (known := {one.name: one for one in self.parameters}):
            return known[name]
        raise refusal("no parameter", template=self.name, name=name, near=nearest(name, known), has=listed(known, 40))

    def check(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Check Python values and return all parameters, defaults included.

        Parameters
        ----------
        given : mapping
            Values by name. A whole number will do for a float, a tuple for a list, a path for text.

        Raises
        ------
        InputError
            For a name the template does not have, a required one that is missing, and a value of another type.
        """
        values = {}
        for name, value in given.items():
            shown = f"{shorten(repr(value), 80)} ({type(value).__name__})"
            values[name] = _fitting(self.find(name), convert, value, shown)
        if missing := [one for one in self.parameters if one.required and one.name not in values]:
            wanted = "; ".join(f"{one.name!r} ({one.help})" if one.help else repr(one.name) for one in missing)
            example = " ".join(f"-p {one.name} …" for one in missing)
            raise refusal("missing", template=self.name, s="s" * (len(missing) > 1), wanted=wanted, example=example)
        if isinstance(values.get("seed"), int):
            whole("seed", values["seed"], 0, 2**32 - 1)  # what numpy and scikit-learn take
        return {parameter.name: values.get(parameter.name, parameter.default) for parameter in self.parameters}

    def read_texts(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Read names and texts from a command line, each by the declared type; a list may repeat its name.

        Raises
        ------
        InputError
            For an unknown name, a text that does not fit its type, and a name given twice that is no list.
        """
        texts: dict[str, list[str]] = {}
        for name, text in pairs:
            texts.setdefault(self.find(name).name, []).append(text)
        read = {}
        for name, given_texts in texts.items():
            shown = repr(given_texts[0]) if len(given_texts) == 1 else listed(map(repr, given_texts))
            read[name] = _fitting(self.find(name), from_texts, given_texts, shorten(shown, 80))
        return read

    def read_file(self, path: Path) -> dict[str, Any]:
        """Read parameters from a YAML file: quoted values are text, plain ones are read by the declared type."""
        return {name: self.read(name, value) for name, value in read_mapping(path).items()}

    def read(self, name: str, value: object) -> Any:
        """Read one value from a YAML file, as ``read_file`` does."""
        return _fitting(self.find(name), convert, value, shorten(repr(value), 80))


def _fitting(parameter: Parameter, read: Callable[[Any, Sequence[str]], Any], value: object, shown: str) -> Any:
    """Return a value as its parameter wants it; where it does not fit, say so, and what it means."""
    try:
        return read(value, parameter.kinds)
    except ValueError as problem:
        hint = f" {problem}" if str(problem) else ""
        about = f" It means: {parameter.help}." if parameter.help else ""
        expected = " or ".join(KINDS[kind] for kind in parameter.kinds)
        said = {"expected": expected, "shown": shown, "hint": hint, "about": about}
        raise refusal("other type", name=parameter.name, **said) from None


_POLICY = Parameter("policy", "str | None", None, "name or file of the policy that judges what is published")


def find_template(template: str | Path) -> Path:
    """Return the notebook of a template, given by name or as the path of an ``.ipynb`` file.

    Raises
    ------
    InputError
        Where there is no such template; the nearest name is said.
    """
    folder = templates_folder()
    path, inside = Path(template), folder / f"{template}.ipynb"
    if path.name == str(template) and inside.is_file():
        return inside
    if path.suffix == ".ipynb" and path.is_file():
        return path.absolute()
    names = [found.stem for found in sorted(folder.glob("*.ipynb"))]
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        raise InputError(f"There is no notebook {str(template)!r}. Templates by name: {listed(names)}.")
    raise refusal("no template", template=str(template), near=nearest(str(template), names), names=listed(names))


def list_templates() -> list[Schema]:
    """Return the schemas of all templates that travel with the package, by name."""
    return [Schema(path) for path in sorted(templates_folder().glob("*.ipynb"))]


def new_template(name: str, folder: Path) -> Path:
    """Write a template to begin with: typed parameters, the steps of an experiment, each with its question.

    Parameters
    ----------
    name : str
        Also the title.
    folder : Path

    Returns
    -------
    Path
        The notebook.

    Raises
    ------
    InputError
        Where there is such a file already, or it cannot be written.
    """
    stem = slug(name.removesuffix(".ipynb"))
    if (path := folder / f"{stem}.ipynb").exists() or not stem:
        raise InputError(f"{str(path)!r} is there already." if stem else f"{name!r} is no name for a file.")
    text = (templates_folder() / "starter" / "starter.ipynb").read_text(encoding="utf-8")
    return write_text(path, text.replace("TITLE", stem.replace("-", " ").capitalize()).replace("NAME", stem))


def _cells(path: Path) -> list[dict[str, Any]]:
    no_json = f"{str(path)!r} is not a notebook: it does not hold JSON"
    with refusing(f"Cannot read {str(path)!r}"), refusing(no_json, kinds=(ValueError,)):
        notebook = json.loads(read_bytes(path))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(map(is_cell, cells)):
        raise InputError(f"{str(path)!r} is not a notebook of format 4: it has no cells. Save it in JupyterLab.")
    return cells


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell.get("source", ""))  # a text, or a list of them


def _parameters(source: str, where: str) -> list[Parameter]:
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise refusal("no Python", where=where, error=error) from error
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {one.start[0]: one.string.lstrip("#").strip() for one in tokens if one.type == tokenize.COMMENT}
    parameters = [_parameter(statement, comments, where) for statement in statements]
    names = [parameter.name for parameter in parameters]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"The parameters cell of {where} declares {twice!r} twice.")
    return parameters


def _type_of(value: object) -> ast.expr:
    """Return the annotation that a default would have, were it written."""
    items = {type(one).__name__ for one in value} if isinstance(value, list) and value else {"str"}
    item = "float" if items == {"int", "float"} else min(items)
    kind = type(value).__name__
    return ast.parse(_PLAIN.get(kind, kind).format(item), mode="eval").body


def _parameter(statement: ast.stmt, comments: Mapping[int, str], where: str) -> Parameter:
    match statement:
        case ast.Assign(targets=[ast.Name() as target], value=value):
            with contextlib.suppress(ValueError):
                typed = ast.AnnAssign(target, _type_of(ast.literal_eval(value)), value, simple=1)
                statement = ast.copy_location(typed, statement)
    place = f"Line {statement.lineno} of the parameters cell of {where}"
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name) or not statement.value:
        raise InputError(f"{place} is not `name: type = literal  # help`: {shorten(ast.unparse(statement), 80)}")
    name, hint = statement.target.id, ast.unparse(statement.annotation)
    try:
        kinds = read_kinds(hint)
        default = ast.literal_eval(statement.value)
        default = None if default is None else convert(default, kinds)
    except ValueError as error:
        raise InputError(f"{place}: {name!r} has no literal default of its type {hint}. {error}".strip()) from error
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    helps = [comments[line] for line in lines if line in comments]
    return Parameter(name, hint, default, helps[-1].rstrip(".") if helps else "")
