"""The reports that a card rests on, and what they recorded, for the card and as other tools read it."""

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

import yaml

from toolkit import __version__
from toolkit.card.content import environment
from toolkit.core import Estimate, ModelInfo, Results, beside, group_numbers, read_bytes, read_results, results_path
from toolkit.errors import InputError, refusing
from toolkit.registry.ledger import Ledger, content_hash, record_hash
from toolkit.runs import manifest
from toolkit.statistics import FILE, Replicated, is_of, read_replicates

#: Numbers that tell the kind of task, by that.
_TELLING: dict[str, list[str]] = beside(__file__, "tasks.yaml")


def task_of(results: Results) -> str:
    """Tell the kind of task from the names of the numbers: binary, multiclass, regression, or an empty text.

    Examples
    --------
    >>> from toolkit.core.estimate import Estimate
    >>> from toolkit.core.results import DataInfo
    >>> task_of(Results(data=DataInfo("wine"), scalars={"test.r2": Estimate(0.5)}))
    'regression'
    """
    return next((task for task, names in _TELLING.items() if any(name in results.scalars for name in names)), "")


def model_name(results: Results) -> str:
    """Return what the model is called: by the run that trained it, else by the address it was audited under."""
    return model_of(results).name or str(results.parameters.get("model") or "")


def model_of(results: Results) -> ModelInfo:
    """Return what is known about the model; without a name where there is none."""
    return results.model or ModelInfo("")


def model_address(results: Results) -> str:
    """Return the address under which MLflow loads the model; empty where the report names none."""
    audited = str(results.parameters.get("model") or "")
    return results.mlflow.model_uri or (audited if audited.startswith(("models:/", "runs:/")) else "")


def facts_of(results: Results) -> dict[str, object]:
    """Return what the texts of ``sections.yaml`` may say of a report's model."""
    found = {"results": results, "model": model_of(results), "name": model_name(results), "task": task_of(results)}
    return found | {"address": model_address(results)}


class Report(NamedTuple):
    """One report.

    Attributes
    ----------
    results : Results
    folder : str
        Name of its folder, without the path; empty where it was not read from one.
    sha256 : str
        Of its ``results.json``.
    replicates : mapping of metric to Replicated
        By which the metrics of the test part can be compared in pairs; empty where the report has none.
    rows : str
        Which rows those are of.
    packages : mapping of name to version
        Those that were installed where it was made, by its manifest; empty where it has none.
    decisions : sequence of mapping
        Of the ledger beside the report, about this very report, as ``Ledger.about`` gives them.
    """

    results: Results
    folder: str = ""
    sha256: str = ""
    replicates: Mapping[str, Replicated] = {}
    rows: str = ""
    packages: Mapping[str, str] = {}
    decisions: Sequence[Mapping[str, str]] = ()

    def with_files_of(self, folder: Path) -> Self:
        """Add the replicates that lie in a folder, where there are some."""
        path, kinds = folder / FILE, (OSError, ValueError, KeyError, TypeError, AttributeError)
        advice = " Without that file, metrics are compared unpaired."
        with refusing(f"{str(path)!r} holds no replicates", advice, kinds):
            return self.with_replicates(read_bytes(path)) if path.is_file() else self

    def with_replicates(self, text: str | bytes) -> Self:
        """Add the replicates of the report's numbers; others are left out."""
        known, rows = read_replicates(text)
        numbers = {name: self.results.scalars.get(f"test.{name}") for name in known}
        own = {name: one for name, one in known.items() if (number := numbers[name]) and is_of(one, number)}
        return self._replace(replicates=own, rows=rows)

    def plain(self) -> dict[str, Any]:
        """Write it for JSON, without the replicates."""
        return {"folder": self.folder, "sha256": self.sha256, "results": self.results.plain()}


def read_report(source: str | Path | Mapping[str, Any]) -> Report:
    """Read a report that was written earlier.

    Parameters
    ----------
    source : path or mapping
        The report's folder, or its ``report.html`` or ``results.json``; or what that holds.

    Raises
    ------
    InputError
        Where there is no such report, its results cannot be read, or it is no longer as it was written.
    """
    if isinstance(source, Mapping):
        return Report(Results.read(source))
    if not isinstance(source, str | Path) or not str(source):
        raise InputError(f"A report is a folder, a mapping or a result; found {source!r}. Give the folder of a report.")
    path = results_path(source)
    folder = path.resolve().parent
    manifest.check_whole(folder)
    report = Report(read_results(source), folder.name, content_hash(read_bytes(path)))
    packages = manifest.read_manifest(folder)["packages"] if (folder / manifest.NAME).is_file() else {}
    return report._replace(packages=packages, decisions=Ledger(folder.parent).about(folder)).with_files_of(folder)


def for_the_hub(form: Literal["metadata", "eval_results"], every: Sequence[Results], licence: str = "") -> Any:
    """Return the results of an evaluation as the Hub reads them.

    Parameters
    ----------
    form : {"metadata", "eval_results"}
        The head of a card, with every metric of the test part in its ``model-index``; or one entry a metric.
    every : sequence of Results
        The first that holds metrics of the test part is taken, or the first.
    licence : str
        A short name such as ``apache-2.0``; other texts become a licence of their own.
    """
    results = next((one for one in every if evaluated_metrics(one.scalars)), every[0])
    is_short = re.fullmatch(r"[a-z0-9][a-z0-9.\-]*", licence.lower())
    about = facts_of(results) | {"tests": evaluated_metrics(results.scalars), "licence": licence, "is_short": is_short}
    return yaml.safe_load(environment().get_template(f"{form}.yaml.j2").render(about, data=results.data))


def evaluated_metrics(scalars: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return the defined metrics of the test part, by their plain names."""
    tests = {name.removeprefix("test."): number for name, number in scalars.items() if name.startswith("test.")}
    return {name: number for name, number in tests.items() if "." not in name and math.isfinite(number.value)}


def evidence(report: Report, title: str, scalars: Mapping[str, Estimate], answers: Mapping[str, str]) -> dict[str, str]:
    """Return ``mlbom.json``, in CycloneDX 1.6, and ``croissant.json``, in Croissant 1.0, by name.

    Nothing in them depends on the time or on chance: of the same report and answers they are the same to the byte.

    Parameters
    ----------
    report : Report
        The one about the model itself.
    title : str
        Of the card.
    scalars : mapping of dotted name to Estimate
        The numbers of the card; of these the metrics of the test part and of groups are told, with their intervals.
    answers : mapping of key to text
        What the author said.
    """
    pinned = dict(text.partition("==")[::2] for text in model_of(report.results).requirements)
    groups = [one for one in group_numbers(scalars) if math.isfinite(one.number.value)]
    about = facts_of(report.results) | {"report": report, "title": title, "toolkit": __version__, "answers": answers}
    about |= {"file": _file(report.results.data.source), "packages": report.packages or pinned}
    about |= {"tests": evaluated_metrics(scalars), "groups": groups}
    texts = [environment().get_template(f"{form}.yaml.j2").render(about) for form in ("mlbom", "croissant")]
    bom, croissant = map(yaml.safe_load, texts)
    bom["serialNumber"] = f"urn:uuid:{uuid5(NAMESPACE_URL, record_hash(bom))}"
    every = {"mlbom.json": bom, "croissant.json": croissant}
    return {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in every.items()}


def _file(source: str) -> dict[str, str]:
    """Say what is known of the file that a table was read from; without its hash where it is not there."""
    kind = {"format": guess_type(source)[0] or "application/octet-stream"}
    if not os.path.isfile(source):
        return kind
    with open(source, "rb") as file:
        return kind | {"name": Path(source).name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
