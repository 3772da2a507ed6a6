"""The commands of a model's life: register, approve, reject, promote, rollback, retire, history."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from toolkit.console import text_table
from toolkit.core.words import printable

FOLDER = click.Path(file_okay=True, path_type=Path)
OUT = click.option("--out", type=FOLDER, default=Path("reports"), show_default=True, help="Folder of the reports.")
BY = click.option("--by", required=True, metavar="WHO", help="Who decides this.")
REASON = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the decision.")


def _said(entry: Any) -> None:
    click.echo(f"{entry.what} {printable(entry.model)}/{entry.version}: record {entry.number}, {entry.hash[:12]}")


@click.command(short_help="Register a report's model.", epilog="Example: toolkit register reports/RUN churn --by ann")
@click.argument("report", type=FOLDER, metavar="RUN")
@click.argument("name")
@BY
@REASON
@OUT
def register(report: Path, name: str, by: str, reason: str, out: Path) -> None:
    """Register the model of the report in folder RUN as a new version of NAME: the challenger."""
    from toolkit.registry import lifecycle

    _said(lifecycle.register(report, name, by=by, reason=reason, out=out))


def _decision(what: str) -> click.Command:
    example = f"Example: toolkit {what} churn/3 --by ann --reason TEXT"

    @click.command(what, short_help=f"{what.capitalize()} a version.", epilog=example)
    @click.argument("model")
    @BY
    @REASON
    @OUT
    def command(model: str, by: str, reason: str, out: Path) -> None:
        from toolkit.registry import lifecycle

        _said(lifecycle.decide(model, what, by=by, reason=reason, out=out))

    command.help = (
        f"Record that you {what} MODEL (NAME/VERSION or NAME@ALIAS), with its files and its report as they are now. "
        "A reason is needed."
    )
    return command


@click.command(short_help="Make a version the champion.", epilog="Example: toolkit promote churn@challenger --by bob")
@click.argument("model")
@BY
@REASON
@click.option("--override", is_flag=True, help="Promote whatever speaks against it; needs a reason.")
@OUT
def promote(model: str, by: str, reason: str, override: bool, out: Path) -> None:
    """Make MODEL (NAME/VERSION or NAME@ALIAS) the champion; the one before can be rolled back to.

    Its report's verdict must be pass, and where the policy wants an approval there must be one of this very model and
    report. Anything else exits with 2, unless overridden.
    """
    from toolkit.registry import lifecycle

    _said(lifecycle.promote(model, by=by, reason=reason, override=override, out=out))


@click.command(short_help="Go back to the champion before.", epilog="Example: toolkit rollback churn --by bob")
@click.argument("name")
@BY
@REASON
@OUT
def rollback(name: str, by: str, reason: str, out: Path) -> None:
    """Make the champion before this one the champion of NAME again."""
    from toolkit.registry import lifecycle

    _said(lifecycle.roll_back(name, by=by, reason=reason, out=out))


@click.command(short_help="Take a version out of use.", epilog="Example: toolkit retire churn/2 --by bob")
@click.argument("model")
@BY
@REASON
@OUT
def retire(model: str, by: str, reason: str, out: Path) -> None:
    """Take every alias from MODEL (NAME/VERSION or NAME@ALIAS)."""
    from toolkit.registry import lifecycle

    _said(lifecycle.retire(model, by=by, reason=reason, out=out))


@click.command(short_help="Show who decided what.", epilog="Example: toolkit history churn")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the records for machines.")
@OUT
def history(name: str, as_json: bool, out: Path) -> None:
    """Show every decision about the model NAME, and check the ledger they are kept in.

    Exit code: 0 the ledger is whole and the store agrees with it, 1 it is not or does not, 2 the input is wrong.
    """
    from toolkit.registry import lifecycle

    entries, faults = lifecycle.history(name, out=out)
    if as_json:
        click.echo(json.dumps({"records": [asdict(one) for one in entries], "faults": faults}, ensure_ascii=False))
    else:
        rows = [
            [one.number, one.when, one.who, one.what, one.version, one.facts.get("verdict"), one.why] for one in entries
        ]
        click.echo(text_table(["record", "when", "who", "what", "version", "verdict", "why"], rows))
        click.echo("\n".join(printable(one) for one in faults) or "The ledger is whole.")
    if faults:
        raise SystemExit(1)


COMMANDS = (register, _decision("approve"), _decision("reject"), promote, rollback, retire, history)
