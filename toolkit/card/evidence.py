"""What a card rests on, as other tools read it: a bill of materials of the model, and the description of its data."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import yaml

from toolkit import __version__
from toolkit.card.content import environment
from toolkit.card.lineage import Report, evaluated_metrics, facts_of, model_of
from toolkit.core.estimate import Estimate
from toolkit.core.numbers import group_numbers
from toolkit.registry.ledger import record_hash


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
    about = facts_of(report.results) | {
        "report": report,
        "title": title,
        "toolkit": __version__,
        "answers": answers,
        "file": _file(report.results.data.source),
        "tests": evaluated_metrics(scalars),
        "groups": [one for one in group_numbers(scalars) if math.isfinite(one.number.value)],
        "packages": report.packages or pinned,
    }
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
