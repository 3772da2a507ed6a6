"""Make a report again as it is recorded, compare every number, and say what is no longer as it was."""

import json
import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from toolkit.core import Estimate, read_results
from toolkit.errors import InputError, listed
from toolkit.runs import manifest
from toolkit.runs.parameters import Schema, find_template
from toolkit.runs.runner import run

TOLERANCE = 1e-6
_TIMED = re.compile(r"(^|\.)(time|latency|throughput)\.")


class Compared(NamedTuple):
    """One named number as it was recorded and as it is now; None where there is none."""

    name: str
    recorded: Estimate | None
    now: Estimate | None

    @property
    def state(self) -> Literal["identical", "within tolerance", "different", "timed"]:
        """How far it is the same; how long something took is not compared."""
        if _TIMED.search(self.name):
            return "timed"
        if self.recorded is None or self.now is None or self.recorded.n != self.now.n:
            return "different"
        ends = [(getattr(self.recorded, part), getattr(self.now, part)) for part in ("value", "low", "high")]
        apart = [(one, other) for one, other in ends if one != other and not (math.isnan(one) and math.isnan(other))]
        near = all(math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for one, other in apart)
        return "identical" if not apart else "within tolerance" if near else "different"

    def plain(self) -> dict[str, Any]:
        """Write it as plain values, of which JSON can be made."""
        recorded, now = (one and one.plain() for one in (self.recorded, self.now))
        return {"name": self.name, "state": self.state, "recorded": recorded, "now": now}


class Reproduction(NamedTuple):
    """A report that was made again.

    Attributes
    ----------
    folder : Path
        Of the new report.
    numbers : list of Compared
        Every number of either report. How long something took is not compared.
    changes : dict of str to str
        What is no longer as recorded, the likeliest cause of a difference first.
    same_page : bool or None
        Whether the page is the same to the byte; None where its date is another.
    """

    folder: Path
    numbers: list[Compared]
    changes: dict[str, str]
    same_page: bool | None

    @property
    def differs(self) -> bool:
        """Whether any number, or a page that ought to be the same, differs."""
        return self.same_page is False or any(one.state == "different" for one in self.numbers)

    def sentence(self) -> str:
        """Say how many numbers are the same, and what the difference of the others may come from."""
        states = [one.state for one in self.numbers]
        counts = [f"{states.count(state)} {state}" for state in ("identical", "within tolerance", "different")]
        said = f"{len(states) - states.count('timed')} numbers: {', '.join(counts)}."
        if self.same_page is not None:
            said += f" The page is {'the same to the byte' if self.same_page else 'not the same'}."
        if not self.differs:
            return said
        cause = f"the {next(iter(self.changes))}" if self.changes else "something that is not on record"
        return f"{said} The likely cause is {cause}."


def reproduce(source: str | Path, out: Path, *, template: str | Path | None = None) -> Reproduction:
    """Run a report again with its recorded template and parameters, and compare its numbers with the recorded ones.

    The run is tracked nowhere, and models are looked for where the report's were. With ``SOURCE_DATE_EPOCH`` set as it
    was for the report, nothing in it depends on the time, and the page must be the same to the byte.

    Parameters
    ----------
    source : path
        The report's folder.
    out : Path
        Where the new report goes: any folder but the report's own.
    template : str or path, optional
        Where the template is; needed for one that is no template of the toolkit's.

    Raises
    ------
    InputError
        Where there is no finished report, its manifest was changed, its template or data are not there any more, or a
        password was written out in its parameters.
    RunError
        Where the notebook fails now.
    """
    folder = Path(source)
    record, checks = manifest.read_manifest(folder), manifest.verify(folder)
    if missing := [one.part for one in checks if one.why == manifest.MISSING]:
        raise InputError(f"{str(folder)!r} lacks {listed(missing)}. Give the whole folder of the report.")
    results = read_results(folder)
    schema = Schema(find_template(template or results.template))
    touched = [one.part for one in checks if one.state == "differs"]
    notebook = {} if touched else json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))["metadata"]
    given = notebook.get("papermill", {}).get("parameters", {})  # said, though perhaps as the default has it
    recorded = results.parameters
    if hidden := [name for name, value in recorded.items() if re.search(r"//\*{3}@|=\*{3}", str(value))]:
        raise InputError(f"{listed(hidden)} held a secret, which no record keeps. Make it anew, with ${{NAME}}.")
    changed = [one.name for one in schema.parameters if one.default != recorded.get(one.name, one.default)]
    done = run(schema.path, {name: recorded[name] for name in (*given, *changed)}, out=out, record=folder.resolve())
    if not (now := done.results):
        raise InputError(f"Template {schema.name!r} publishes nothing now: there is nothing to compare.")
    pages = [one / manifest.PAGE for one in (folder, done.folder)]
    same = pages[0].read_bytes() == pages[1].read_bytes() if now.created == results.created else None
    every = dict.fromkeys([*results.scalars, *now.scalars])
    numbers = [Compared(name, results.scalars.get(name), now.scalars.get(name)) for name in every]
    changes = {"report itself": f"changed after it was written: {listed(touched)}"} if touched else {}
    before, after = _facts(record), _facts(manifest.read_manifest(done.folder))
    for what in before | after:
        if before.get(what) != after.get(what):
            changes[what] = f"{before.get(what, 'absent')} then, {after.get(what, 'absent')} now"
    return Reproduction(done.folder, numbers, changes, same)


def _facts(record: dict[str, Any]) -> dict[str, str]:
    """Return what a report was made from: the likeliest cause of another number first."""
    system, files = record["environment"], "changed files" if record["dirty"] else "no changed files"
    found = {"data": record["data"]["fingerprint"], "template": record["template"]["sha256"]}
    found |= {f"package {name}": version for name, version in record["packages"].items()}
    found["code"] = f"{record['commit'] or 'no commit'} with {files}"
    return found | {"machine": f"Python {system['python']} on {system['system']}"}
