"""How commands speak: errors without tracebacks, and tables as plain text."""

import io
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from toolkit.core.estimate import format_number
from toolkit.core.words import printable, shorten
from toolkit.errors import ToolkitError

WIDEST = 48
FOLDER = click.Path(file_okay=True, path_type=Path)
OUT = click.option("--out", type=FOLDER, default=Path("reports"), show_default=True, help="Folder of the reports.")


class Commands(click.Group):
    """A group whose commands end with a message and an exit code where the toolkit raises an error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for; ``TOOLKIT_DEBUG=1`` adds the traceback."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            if os.environ.get("TOOLKIT_DEBUG") == "1":
                click.echo(traceback.format_exc(), err=True)
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
            ctx.exit(130)


def answer(as_json: bool, plain: object, *lines: str) -> None:
    """Print the outcome of a command: as JSON for machines, or line by line."""
    click.echo(json.dumps(plain, ensure_ascii=False) if as_json else "\n".join(lines))


def text_table(names: Sequence[str], rows: Sequence[Sequence[object]], widest: int = WIDEST) -> str:
    """Write rows as a plain table; long texts are shortened, except in the last column.

    Examples
    --------
    >>> print(text_table(["name", "rows", "what"], [["wine", 178, "Wines"], ["diabetes", 442, "Patients"]]))
    name      rows  what
    wine       178  Wines
    diabetes   442  Patients
    """
    last = len(names) - 1
    texts = [[_text(value, widest if at < last else None) for at, value in enumerate(row)] for row in (names, *rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(names))]
    numeric = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(names))]
    lines = (
        "  ".join(text.rjust(width) if right else text.ljust(width) for text, width, right in zip(*parts, strict=True))
        for parts in ((row, widths, numeric) for row in texts)
    )
    return "\n".join(line.rstrip() for line in lines)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _text(value: object, widest: int | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else format_number(value)
    return printable(value) if widest is None else shorten(value, widest)
