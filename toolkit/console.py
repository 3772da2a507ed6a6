"""How commands speak: errors without tracebacks, and tables as plain text."""

import atexit
import contextlib
import errno
import gc
import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from toolkit import __version__
from toolkit.core import aligned, beside, cell_text, masked, printable, shorten
from toolkit.errors import FULL, ToolkitError, shown

_SEND = "Send this file to whoever gave you the toolkit. Read it first: a message may quote a cell of a table.\n"
_GROUPS, _COMMANDS, DEMO = beside(__file__, "cli.yaml").values()


class Commands(click.Group):
    """A group whose commands end with a message and an exit code where the toolkit raises an error."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command with streams that no text from the data commands."""
        atexit.register(gc.freeze)  # else modules are taken down one by one, which takes a second
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes half a second
        while (place := os.open(os.devnull, os.O_RDWR)) < 3:  # it was closed, and no other file may take its number
            os.set_inheritable(place, True)
        os.close(place)
        out, err = (_Stream.over(one) for one in (sys.stdout, sys.stderr))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return super().main(*arguments, **options)
            finally:
                for stream in (out, err):
                    if isinstance(stream, _Stream):
                        stream.detach()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for; ``TOOLKIT_DEBUG=1`` adds the traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  # the last place to turn a traceback into a message
            if os.environ.get("TOOLKIT_DEBUG") == "1":
                click.echo(traceback.format_exc(), err=True)
            message, code = _explained(error)
            click.echo(f"Error: {message}", err=True)
            ctx.exit(code)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: toolkit demo")
@click.version_option(__version__, prog_name="toolkit")
def main() -> None:
    """From a table and a target to an HTML report a reviewer can trust, compare and re-run.

    How each number of a report is made: docs/methods.md.
    """


def _name(text: str) -> str:
    first, equals, second = text.partition("=")
    if equals:
        raise click.UsageError(f"A parameter and its value are two words: write -p {first} {second or 'VALUE'}.")
    return text


_TYPES: dict[str, Any] = {"path": click.Path(path_type=Path), "float": float, "int": int, "pair": (_name, str)}
main.commands.update({name: click.Group(name, **words) for name, words in _GROUPS.items()})


def command(name: str) -> Callable[[Callable[..., None]], Any]:
    """Return what makes a function the command of a name, with the words and options that ``cli.yaml`` has of it."""
    words = dict(_COMMANDS[name])
    takes, (group, _, own) = words.pop("takes", {}), name.rpartition(" ")

    def make(run: Callable[..., None]) -> Any:
        for names, given in reversed(takes.items()):
            how = {"help": given} if isinstance(given, str) else dict(given)
            if kind := how.get("type"):
                how["type"] = click.Choice(kind) if isinstance(kind, list) else _TYPES[kind]
            run = (click.option if names[0] == "-" else click.argument)(*names.split(), **how)(run)
        home: Any = main.commands.get(group, main)
        return home.command(own, **words)(run)

    return make


class _Stream(io.TextIOWrapper):
    """Writes what is printable and no secrets; nothing where the reader is gone, or progress cannot be written."""

    @classmethod
    def over(cls, given: Any) -> Any:
        """Take the place of a stream of the terminal; any other is left as it is."""
        wraps = isinstance(given, io.TextIOWrapper)
        return cls(given.buffer, given.encoding, "replace", write_through=True) if wraps else given

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError if getattr(self.buffer, "name", "") == "<stderr>" else BrokenPipeError):
            super().write("\n".join(map(printable, masked(text).split("\n"))))
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError if getattr(self.buffer, "name", "") == "<stderr>" else BrokenPipeError):
            super().flush()


def _explained(error: Exception) -> tuple[str, int]:
    """Say what went wrong and what to do, with the exit code."""
    if isinstance(error, ToolkitError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError):
        return "There is not enough memory. Give fewer rows or columns, or run it on a machine with more.", 3
    if isinstance(error, RecursionError):
        return "The input is nested too deeply.", 2
    if isinstance(error, OSError):
        gone = "the current folder" if error.errno == errno.ENOENT else ""  # no other file has no name
        what = shown(str(error.filename)) if error.filename else gone
        if error.errno in FULL:
            return f"There is no room on the disk{what and f' for {what}'}. Make some, or write elsewhere.", 3
        return f"The system refused: {f'{what}: {error.strerror}' if what else error}.", 2
    said = f"The toolkit itself failed ({type(error).__name__}: {printable(shorten(error))})."
    story = masked(f"{said}\n\ntoolkit {__version__}, Python {sys.version}\n\n{traceback.format_exc()}\n{_SEND}")
    with contextlib.suppress(OSError):
        path = Path(tempfile.mkstemp(".txt", "toolkit-failure-")[1])
        path.write_text(story, encoding="utf-8", errors="replace")
        said += f" {path} says where."
    return said, 4


def answer(as_json: bool, plain: object, *lines: str) -> None:
    """Print the outcome of a command: as JSON for machines, or line by line."""
    click.echo(json.dumps(plain) if as_json else "\n".join(lines))


def text_table(names: Sequence[str], rows: Sequence[Sequence[object]], widest: int = 48) -> str:
    """Write rows as a plain table; long texts are shortened, except in the last column.

    Examples
    --------
    >>> print(text_table(["name", "rows", "what"], [["wine", 178, "Wines"], ["diabetes", 442, "Patients"]]))
    name      rows  what
    wine       178  Wines
    diabetes   442  Patients
    """
    columns = []
    for place, (name, *cells) in enumerate(zip(names, *rows, strict=True), start=1):
        texts = [printable(cell_text(cell, "names")) for cell in (name, *cells)]
        columns.append(aligned(texts if place == len(names) else [shorten(text, widest) for text in texts], cells))
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))
