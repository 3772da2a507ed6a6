"""Every sentence that the product can say, with where it is written: `python -m tests.sentences` prints them.

What is put in at run time stands as `…`. Docstrings are documentation and left out, but for those of commands, which
`--help` prints.
"""

import ast
import html
import re
from functools import cache
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[1]
PROSE = re.compile(r"[A-Za-zÀ-ž’']{2,}[,:;]? (?:[\w…%&()’'-]+[,:;]? )*[A-Za-zÀ-ž’']{2,}")
CODE = re.compile(
    r"^\s*[<{@.#\\^]|[{};]\s*$|\bfunction\b|=>|^import |^from \w+ import|px\b.*;|\\[dws.(]|\b[A-Z]+ [A-Z_]+ [A-Z_]+\b"
    r"|-src |\{\w+: …|^tags\."
)
ENDS = re.compile(r"(?<=[.?!])[”\"’)…]*\s+(?=[A-Z0-9“\"…'‘(])|\n\s*\n")
# Words by which columns are recognized, in many languages: nobody is told them.
UNSAID = {"people", "units"}


def is_prose(text):
    """Tell a sentence, or part of one, from names, patterns, styles and scripts."""
    return bool(PROSE.search(text)) and not CODE.search(text)


def in_code(path):
    """Yield the texts of a module, f-strings with `…` for what they put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    silent = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        if not any("command" in ast.unparse(one) for one in getattr(node, "decorator_list", []))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield re.sub(r"\{[^{}]*\}", "…", node.value)


def in_values(value):
    """Yield the texts of a YAML document."""
    if isinstance(value, str):
        yield in_markup(value) if "{%" in value or "{{" in value else re.sub(r"\{[^{}]*\}", "…", value)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from in_values(one) if name not in UNSAID else ()
    elif isinstance(value, list):
        for one in value:
            yield from in_values(one)


def in_markup(text):
    """Return what Jinja and HTML say, block elements as paragraphs of their own."""
    text = re.sub(r"\{#.*?#\}|<(style|script|svg|code)\b.*?</\1>", " … ", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "…", text, flags=re.DOTALL)
    text = re.sub(r"\{%-?\s*(?:el(?:se|if)|macro|endmacro).*?%\}", "\n\n", text, flags=re.DOTALL)
    attributes = re.findall(r"(?:title|alt|aria-label)=\"([^\"]*)\"", text)
    text = re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)
    text = re.sub(r"</?(?:strong|em|span|a|b|i|small|time)\b[^>]*>", "", text)
    return html.unescape("\n\n".join([re.sub(r"<[^>]*>", "\n\n", text), *attributes]))


def in_notebook(path):
    """Yield the Markdown of a notebook, and the comments that explain its parameters."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
            yield re.sub(r"^#+ (.*)|^\s*(?:[-*|]|\d\.) ?", r"\n\n\1\n\n", text, flags=re.MULTILINE)
        elif "parameters" in cell.metadata.get("tags", []):
            yield "\n\n".join(re.findall(r"#\s*(.*)", cell.source))


def _texts():
    for path in sorted((ROOT / "toolkit").rglob("*.py")):
        yield from ((path, text) for text in in_code(path))
    for path in sorted([*(ROOT / "toolkit").rglob("*.yaml"), *(ROOT / "templates").rglob("*.yaml")]):
        yield from ((path, text) for text in in_values(yaml.safe_load(path.read_text(encoding="utf-8"))))
    for path in sorted((ROOT / "templates").rglob("*.j2")):
        text = path.read_text(encoding="utf-8")
        if path.name == "author.yaml.j2":
            yield path, in_markup(re.sub(r"^# ?", "", text, flags=re.MULTILINE))
        elif {".html", ".md"} & set(path.suffixes):  # the others are read by machines
            yield path, in_markup(text)
    for path in sorted((ROOT / "templates").rglob("*.js")):
        yield from ((path, text) for text in re.findall(r"\"([^\"\n]*)\"", path.read_text(encoding="utf-8")))
        yield from (
            (path, re.sub(r"\$\{.*?\}", "…", text)) for text in re.findall(r"`([^`]*)`", path.read_text("utf-8"))
        )
    for path in sorted([*(ROOT / "templates").rglob("*.ipynb"), *(ROOT / "notebooks").glob("*.ipynb")]):
        yield from ((path, text) for text in in_notebook(path))


@cache
def texts():
    """Return every text, with its file."""
    return list(_texts())


def sentences():
    """Yield every sentence, on one line, with its file."""
    for path, text in texts():
        for sentence in ENDS.split(text):
            line = " ".join(sentence.split())
            if is_prose(line):
                yield path.relative_to(ROOT), line


def _documentation():
    for path in sorted((ROOT / "toolkit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield path, re.sub(r"^\s*(>>>|\.\.\.).*", "", text, flags=re.MULTILINE)
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield path, re.sub(r"```.*?```|^    .*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def documentation():
    """Return what is written about the product: the docstrings and the documents, without code."""
    return list(_documentation())


if __name__ == "__main__":
    for place, said in sentences():
        print(f"{place}\t{said}")
