"""The command line. Progress goes to stderr; the result is the last line of stdout."""

import json
from pathlib import Path
from typing import Any

import click

import toolkit.cli_lifecycle  # its commands
from toolkit import data as tables
from toolkit.console import DEMO, answer, command, main, text_table
from toolkit.core import LEVELS, by_severity, counted, printable
from toolkit.errors import InputError
from toolkit.runs import parameters

__all__ = ["main"]
Pairs = tuple[tuple[str, str], ...]


@command("run")
def run(template: str, pairs: Pairs, file: Path | None, policy: str | None, fail_on: str | None, **how: Any) -> None:
    """Run TEMPLATE and print the path of its report.

    TEMPLATE is a name (see `toolkit templates`) or the path of a notebook with a parameters cell.

    No report depends on a tracking server: one that fails is a warning, and a finding of the report.

    Exit code: 0 done, 1 done and the verdict is fail (or as --fail-on says), 2 the input is wrong, 3 the notebook
    failed (a partial report is left and named). It is 3 also where the policy asks for what was not measured; the
    report is left whole. With --require-tracking 2 also where the tracking server does not answer at the start, and 3
    where it fails at the end (the report is left whole).
    """
    from toolkit.policy.reason import reason
    from toolkit.registry import lifecycle

    schema = parameters.Schema(parameters.find_template(template))
    given = [*pairs, ("policy", policy)] if policy else pairs
    as_json = how.pop("as_json")
    done = toolkit.run(template, {**(schema.read_file(file) if file else {}), **schema.read_texts(given)}, **how)
    summary = {"report": str(done.report), "folder": str(done.folder), "seconds": round(done.seconds, 1)}
    answer(as_json, {**summary, "results": done.results and done.results.plain()}, str(done.report))
    if done.results and done.results.verdict.outcome:
        click.echo(printable(reason(done.results.verdict, done.results.scalars)), err=True)
    if done.results and (entry := lifecycle.register_retrained(done.folder, done.results, out=how["out"])):
        click.echo(f"{printable(entry.model)}/{entry.version} is the challenger now; nothing is promoted.", err=True)
    _exit_by(done.results.verdict.outcome if done.results else None, fail_on)


@command("compare")
@click.pass_context
def compare(ctx: click.Context, /, a: str, b: str, model: str, data: str, **how: Any) -> None:
    """Say whether model B may take the place of model A, on the rows of DATA, as `toolkit run comparison` does.

    A and B are aliases or version numbers of the registered model NAME, such as champion and challenger; without
    --model what that template takes.

    Exit code: as `toolkit run`.
    """
    from toolkit.registry.lifecycle import find_version

    sides = [f"models:/{model}{'/' if one.isdigit() else '@'}{one}" if model else one for one in (a, b)]
    for side in sides if model else ():
        find_version(side, out=how["out"])
    given = [("champion", sides[0]), ("challenger", sides[1]), ("data", data), *how.pop("pairs")]
    ctx.invoke(run, template="comparison", pairs=given, **how)


@command("sweep")
def sweep(template: str, pairs: Pairs, over: tuple[str, ...], grid: Path | None, **limits: Any) -> None:
    """Make a report by TEMPLATE for each combination of the values of --over and --grid, and a page that compares them.

    All combinations are checked before the first run. A report that fails costs only itself. The same command again
    makes only the reports that are not there: after it was stopped, or with more values.

    Exit code: 0 done, 1 done and a verdict is fail, 2 the input is wrong, 3 a report could not be made, or
    its policy asks for what was not measured.
    """
    from toolkit.runs.sweep import read_over

    schema = parameters.Schema(parameters.find_template(template))
    done = toolkit.sweep(template, read_over(schema, over, grid), schema.read_texts(pairs), **limits)
    click.echo(done.page)
    ends = [one.run.summary.results for one in done.reports if one.run and one.run.summary]
    if any(one.unjudged for one in ends) or any(one.failure for one in done.reports):
        raise SystemExit(3)
    _exit_by("fail" if any(one.verdict.outcome == "fail" for one in ends) else None)


def _exit_by(outcome: str | None, fail_on: str | None = None) -> None:
    if fail_on and outcome not in ("ok", "fail", *LEVELS):
        click.echo(f"Warning: --fail-on {fail_on} did nothing: this report makes no decision about drift.", err=True)
    if outcome in {"fail", *(LEVELS[LEVELS.index(fail_on) :] if fail_on else ())}:
        raise SystemExit(1)


@command("gate")
def gate(report: Path, policy: str, as_json: bool) -> None:
    """Judge the report in folder RUN by a policy and print each rule; the verdict is the last line.

    Exit code: 0 pass or undecided, 1 fail, 2 the input is wrong, or the report was changed or lacks a part.
    """
    from toolkit.policy.check import check_report
    from toolkit.policy.outcomes import describe
    from toolkit.runs.manifest import check_whole

    check_whole(report)
    verdict = check_report(policy, report)
    absent = (f"{'left out':<10} {name}: no such number. {near}" for name, near in verdict.left_out.items())
    lines = (printable(line).rstrip() for line in (*map(describe, verdict.judged), *absent))
    answer(as_json, verdict.verdict().plain(), *lines, verdict.outcome)
    _exit_by(verdict.outcome)


@command("params")
def params(template: str) -> None:
    """List the parameters of TEMPLATE: name, type, default, meaning."""
    schema = parameters.Schema(parameters.find_template(template))
    click.echo(f"{schema.title}\n{schema.question}\n")
    texts = ["required" if one.required else json.dumps(one.default, ensure_ascii=False) for one in schema.parameters]
    rows = [[one.name, one.annotation, text, one.help] for one, text in zip(schema.parameters, texts, strict=True)]
    click.echo(text_table(["parameter", "type", "default", "meaning"], rows))


@command("new-template")
def new_template(name: str) -> None:
    """Write NAME.ipynb into the current folder: a template that runs as it is, to be changed."""
    click.echo(parameters.new_template(name, Path()))


@command("templates")
def templates() -> None:
    """List the templates and the question each answers."""
    click.echo(text_table(["template", "question"], [[one.name, one.question] for one in parameters.list_templates()]))


@command("data")
def data(source: str | None, schema: Path | None, save: Path | None, target: str | None, **roles: Any) -> None:
    """List the built-in tables, or profile the table NAME, a built-in name, a file or an address.

    For each column it says what it holds, what it is read as, with an example, and why.
    """
    if source is None:
        if schema or save:
            raise click.UsageError("Name the table: toolkit data NAME.")
        rows = [[one.name, one.task, one.rows, one.columns, one.target, one.title] for one in tables.BUILT_IN.values()]
        click.echo(text_table(["table", "task", "rows", "columns", "target", "what it is"], rows))
        return
    if save and save.exists():
        raise InputError(f"There is a file {str(save)!r} already, perhaps edited by hand. Give --save another name.")
    known = toolkit.Schema.load(schema) if schema else None
    if target is None and source not in tables.BUILT_IN and not (known and known.task):
        table = tables.as_dataset(tables.read_table(source, known), "table", like=known, **roles)
        findings, task, more = by_severity(table.notes), "", "With --target COLUMN more is checked."
    else:
        table = toolkit.load_dataset(source, target=target, schema=known, **roles)
        findings, task = table.findings(), f"; {table.task} task"
        more = f"Target: {printable(table.roles.target)}. Fingerprint: {table.fingerprint}"
    size = f"{counted(table.rows, 'row')}, {counted(table.columns, 'column')}"
    click.echo(f"{printable(table.name)}: {size}{task}\n{more}\n")
    shown = tables.readable(table.profile())
    click.echo(text_table(list(shown.columns), shown.to_numpy(dtype=object).tolist()))
    settled = [[name, one.role, one, one.example, one.why] for name, one in table.schema.columns.items()]
    click.echo("\n" + text_table(["column", "role", "read as", "example", "why"], settled))
    found = [[one.severity, one.code, one.message] for one in findings]
    click.echo("\n" + (text_table(["severity", "code", "finding"], found) if found else "No findings."))
    if save:
        click.echo(table.schema.save(save))


@command("render")
def render(notebook: Path, output: Path | None, pdf: str | None) -> None:
    """Make an offline HTML file of an executed NOTEBOOK."""
    from toolkit.report import render as report

    page = report.render(notebook, output)
    if pdf:
        from toolkit.report.pdf import print_pdf

        click.echo(page, err=True)
        page = print_pdf(page, full=pdf == "full")
    click.echo(page)


@command("card init")
def init(path: Path, overwrite: bool) -> None:
    """Write the author's part of a card as a YAML file of questions to PATH (by default model_card.yaml)."""
    from toolkit.card import content

    click.echo(content.write_author_file(path, overwrite=overwrite))


@command("card diff")
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Say what changed from card A to card B: folders of reports, or card.json files."""
    changes = toolkit.diff_cards(a, b)
    lines = (printable(one.describe()) for one in changes.changed)
    answer(as_json, [one.plain() for one in changes.changed], *lines, changes.sentence())


@command("track")
def track(report: Path) -> None:
    """Log REPORT (its folder) to the server that MLFLOW_TRACKING_URI names, where that failed when it was made.

    The run, its models and the report's files are copied; the report then names the run there, and its finding
    TRACKING-FAILED is gone. Doing so twice is harmless. Prints the path of the report.
    """
    from toolkit.runs.publish import track as log_later

    click.echo(log_later(report))


@command("index")
def index(folder: Path) -> None:
    """Write the page that lists all reports in DIR (by default reports) and print its path."""
    from toolkit.report import render as report

    click.echo(report.write_index(folder))


@command("demo")
def demo(out: Path) -> None:
    """Run the main job on built-in census data: an experiment on one year, then the next year's drift from it.

    The experiment is judged by the policy `standard`, which it fails, as its report explains: that is a verdict, not
    an error, and the exit code is 0. Prints the path of the page that lists the reports.
    """
    from toolkit.runs.spare import serving

    with serving(True):
        done = toolkit.run("experiment", DEMO["experiment"], out=out)  # loaded while the server loads what it needs
        click.echo(f"The experiment took {done.seconds:.0f} s: {done.report}", err=True)
        model = done.results.mlflow.model_uri if done.results else ""
        drift = toolkit.run("drift", {**DEMO["drift"], "model": model}, out=out)
    click.echo(f"The comparison with the next year took {drift.seconds:.0f} s: {drift.report}", err=True)
    click.echo(done.folder.parent / "index.html")


@command("profile save")
def save_profile(source: str, path: Path, target: str | None, time: str | None, periods: tuple[str, ...]) -> None:
    """Write the profile of the table SOURCE to PATH, as JSON."""
    given: Any = {"target": target or "", "time": time or "", "periods": periods}
    click.echo(toolkit.summarize(tables.as_dataset(tables.read_table(source), "table", **given)).save(path))


@command("profile show")
def show_profile(path: Path) -> None:
    """List the columns of the profile at PATH."""
    found = toolkit.load_profile(path)
    click.echo(f"{printable(found.name)}: {counted(found.rows, 'row')}, {counted(len(found.columns), 'column')}\n")
    rows = [[*one[:3], f"{one[3]:.1%}", one[4]] for one in found.frame().itertuples(index=False, name=None)]
    click.echo(text_table(["column", "role", "kind", "missing", "values kept"], rows))


@command("doctor")
def doctor(out: Path) -> None:
    """Say what works on this machine and what is missing, with the fix. Exit code 1 if a run could not work."""
    from toolkit.doctor import examine

    checks = examine(out)
    click.echo(text_table(["what", "state", "found"], [[one.name, one.state, one.found] for one in checks]))
    fixes = [f"- {one.name}: {one.fix}" for one in checks if one.fix]
    click.echo("\n" + "\n".join(["To do:", *fixes] if fixes else ["Nothing is missing."]))
    if any(one.state == "problem" for one in checks):
        raise SystemExit(1)
