"""The commands of a model's life, from register to history, and of a report's proof: verify."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from toolkit.console import answer, command, text_table
from toolkit.core import counted, printable, slug


def _step(what: str) -> None:
    """Make the command of one decision about a version."""

    @command(what)
    def decide(model: str, **given: Any) -> None:
        from toolkit.registry import lifecycle

        entry = getattr(lifecycle, what)(model, **given)
        click.echo(f"{what} {printable(entry.model)}/{entry.version}: record {entry.number}, {entry.hash[:12]}")


for _one in ("approve", "reject", "promote", "rollback", "retire"):
    _step(_one)


@command("register")
def register(report: Path, name: str, **given: Any) -> None:
    """Register the model of the report in folder RUN as a new version of NAME: the challenger.

    A report that was changed or lacks a part is refused.
    """
    from toolkit.registry import lifecycle
    from toolkit.runs.manifest import check_whole

    check_whole(report)
    click.echo(f"{name}/{lifecycle.register(report, name, **given).version}")


@command("history")
def history(name: str, as_json: bool, html: Path | None, out: Path) -> None:
    """Show every decision about the model NAME, and check the ledger they are kept in with its signatures.

    The file allowed_signers in OUT, or the one that TOOLKIT_ALLOWED_SIGNERS names, says whose keys are whose. Without
    it a signature proves that a record is as it was signed, but not by whom.

    Exit code: 0 the ledger is whole and the store agrees with it, 1 it is not or does not, 2 the input is wrong.
    """
    from toolkit.registry import ledger, lifecycle

    entries, faults = lifecycle.history(name, out=out)
    book = ledger.Ledger(out)
    names = ["number", "when", "who", "what", "version", "signed", "why", "overrides"]
    plain = [{**asdict(one), "signed": book.signed(one), "overrides": one.facts.get("override", "")} for one in entries]
    table = text_table(names, [[one[name] for name in names] for one in plain])
    said = map(printable, faults or ["The ledger is whole."])
    if html:
        from toolkit.report.render import write_history

        click.echo(write_history(html, name=name, now=lifecycle.aliases_after(entries), records=plain, faults=faults))
    else:
        answer(as_json, {"records": plain, "faults": faults}, table, *said)
    if faults:
        raise SystemExit(1)


@command("verify")
def verify(report: Path, as_json: bool) -> None:
    """Check REPORT, its folder or its HTML file alone, against the manifest in it, part by part.

    Exit code: 0 all that can be checked matches, 1 something differs, 2 it is no report.
    """
    from toolkit.runs import manifest

    checks = manifest.verify(report)
    differing = sum(one.state == "differs" for one in checks)
    table = text_table(["part", "state", "why"], [[one.part, one.state, one.why] for one in checks])
    said = f"{counted(differing, 'part')} of {len(checks)} {'differs' if differing == 1 else 'differ'}."
    answer(as_json, [one._asdict() for one in checks], table, said)
    if differing:
        raise SystemExit(1)


@command("reproduce")
def reproduce(report: Path, template: Path | None, out: Path | None, as_json: bool) -> None:
    """Run the report in folder REPORT again as it is recorded, and compare every number with the recorded one.

    With SOURCE_DATE_EPOCH set as it was for the report, the HTML file must be the same to the byte.

    Exit code: 0 nothing differs, 1 something does, 2 the input is wrong, 3 the notebook failed.
    """
    from toolkit.runs.reproduce import reproduce

    with tempfile.TemporaryDirectory() as scratch:
        found = reproduce(report, out or Path(scratch), template=template)
    for what, how in found.changes.items():
        click.echo(f"Warning: not as recorded: {what} ({printable(how)})", err=True)
    apart = [one for one in found.numbers if one.state in ("within tolerance", "different")]
    rows = [[one.name, one.state, one.recorded, one.now] for one in apart]
    table = [text_table(["number", "state", "recorded", "now"], rows)] if rows else []
    plain = {"numbers": [one.plain() for one in found.numbers], "changes": found.changes, "same_page": found.same_page}
    answer(as_json, plain, *table, found.sentence())
    if found.differs:
        raise SystemExit(1)


@command("container")
def container(model: str, out: Path, reports: Path) -> None:
    """Write a Dockerfile, Kubernetes manifests, and what they need to serve MODEL, into FOLDER; print its path.

    The model is copied as it was judged, and the toolkit as it runs here; packages are pinned, with their hashes where
    the toolkit's lock file has them. Nothing is built, pushed or applied.
    """
    from toolkit.registry.container import write_container

    click.echo(write_container(model, out, reports=reports))


@command("serve")
def serve(model: str, host: str, port: int, fallback: str, log: Path | None, out: Path) -> None:
    """Serve MODEL, an address such as models:/churn@champion, over HTTP until stopped.

    POST /invocations takes rows as MLflow's server does, and answers each with a decision, a score and the version.
    A row with values that the model's own table did not have gets the fallback, as does a request on which the model
    fails. No row is kept: `toolkit run drift -p model MODEL -p current LOG` reads the log.
    """
    from toolkit.models import load_model
    from toolkit.monitoring.serve import Answers, serve

    loaded = load_model(model, out=out)
    own = f"served-{slug(loaded.name) or 'model'}-{loaded.version[:12]}.json"
    serve(Answers(loaded, fallback, log or out / own), host, port)
