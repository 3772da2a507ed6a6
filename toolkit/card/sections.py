"""Put a card's sections together from reports and the author's answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from toolkit.card.author import questions
from toolkit.card.content import Answer, Cell, Fact, Section, Table
from toolkit.card.groups import group_numbers
from toolkit.card.lineage import detail_facts, lineage_tables, model_name, start_code, start_lead
from toolkit.card.quantities import (
    Found,
    driver_table,
    group_tables,
    metric_table,
    other_table,
    placed_table,
    training_table,
)
from toolkit.card.regulation import LEGAL_LEAD, regulation_tables
from toolkit.card.reports import Report
from toolkit.core.result import SEVERITIES, by_severity
from toolkit.core.words import spoken
from toolkit.errors import listed

#: Identifiers and titles, in the order of Mitchell et al. (2019); the last four are ours.
TITLES = {
    "details": "Model details",
    "intended_use": "Intended use",
    "factors": "Factors",
    "metrics": "Metrics",
    "evaluation_data": "Evaluation data",
    "training_data": "Training data",
    "quantitative": "Quantitative analyses",
    "ethics": "Ethical considerations",
    "caveats": "Caveats and recommendations",
    "start": "How to get started",
    "operation": "Environmental and operational numbers",
    "lineage": "Lineage",
    "regulation": "Regulation",
}
MOST_FINDINGS = 15


def make_sections(reports: Sequence[Report], answers: Mapping[str, str]) -> tuple[Section, ...]:
    """Return every section of a card, in order.

    Parameters
    ----------
    reports : sequence of Report
        At least one; the first is about the model itself.
    answers : mapping of key to text
    """
    first = reports[0]
    found = {name: _gathered(reports, maker) for name, maker in _MAKERS.items()}
    leads = {
        "factors": _factors_lead(reports),
        "metrics": _metrics_lead(reports),
        "training_data": "" if found["training_data"][1] else "The reports hold no numbers of the training.",
        "quantitative": _groups_lead(reports),
        "start": start_lead(first),
        "regulation": LEGAL_LEAD,
    }
    tables = {name: tuple(made) for name, (made, _) in found.items()}
    tables["caveats"] = (*_findings_table(reports), *tables["caveats"])
    tables |= {"lineage": lineage_tables(reports), "regulation": regulation_tables(reports, answers, TITLES)}
    facts = {
        "details": detail_facts(first),
        "metrics": _verdicts(reports),
        "evaluation_data": _data_facts(reports),
        "training_data": _data_facts(reports[:1]) if "train" in _parts(first) else (),
    }
    return tuple(
        Section(
            id=name,
            title=title,
            lead=leads.get(name, ""),
            answers=_answers(name, answers),
            facts=facts.get(name, ()),
            tables=tables.get(name, ()),
            code=start_code(first) if name == "start" else "",
            numbers=tuple(found[name][1]) if name in found else (),
        )
        for name, title in TITLES.items()
    )


def _answers(section: str, answers: Mapping[str, str]) -> tuple[Answer, ...]:
    return tuple(
        Answer(one.key, one.title, one.question, answers.get(one.key, ""))
        for one in questions()
        if one.section == section
    )


def _quantitative(report: Report) -> Found:
    (tables, names), (others, rest) = group_tables(report.scalars), other_table(report.scalars)
    return tables + others, names + rest


_MAKERS: dict[str, Callable[[Report], Found]] = {
    "details": lambda report: driver_table(report.scalars),
    "metrics": lambda report: metric_table(report.scalars),
    "evaluation_data": lambda report: placed_table(report.scalars, "evaluation_data", "The data, in numbers"),
    "training_data": lambda report: training_table(report.scalars),
    "quantitative": _quantitative,
    "caveats": lambda report: placed_table(report.scalars, "caveats", "Change of the data since"),
    "operation": lambda report: placed_table(report.scalars, "operation", "Time, size and speed", model_name(report)),
}


def _gathered(reports: Sequence[Report], maker: Callable[[Report], Found]) -> tuple[list[Table], list[tuple[int, str]]]:
    """Make the tables of every report; where there are several, a caption says which report it is of."""
    tables, names = [], []
    for place, report in enumerate(reports):
        made, used = maker(report)
        names += [(place, name) for name in used]
        after = f" (report {place + 1}: {report.title or report.folder})" if len(reports) > 1 else ""
        tables += [Table(table.caption + after, table.names, table.rows) for table in made]
    return tables, names


def _factors_lead(reports: Sequence[Report]) -> str:
    sizes: dict[str, set[str]] = {}
    for report in reports:
        for one in group_numbers(report.scalars):
            if one.group and not one.is_disparity:
                sizes.setdefault(one.feature, set()).add(one.group)
    if not sizes:
        return "No number here is broken down by group of people."
    shown = [f"{feature} ({len(groups)} groups)" for feature, groups in sizes.items()]
    return f"Numbers are broken down by {listed(shown)}."


def _metrics_lead(reports: Sequence[Report]) -> str:
    for report in reports:
        for name, number in report.scalars.items():
            metric = name.removeprefix("test.")
            if name.startswith("test.") and "." not in metric and not math.isnan(number.value):
                lead = f"On the test part {spoken(metric)} is {number}"
                baseline = report.scalars.get(f"baseline.{metric}")
                return f"{lead}; the baseline has {baseline}." if baseline else f"{lead}."
    return "No number says how good the model is."


def _groups_lead(reports: Sequence[Report]) -> str:
    """Name the groups farthest apart in the first metric that groups have."""
    for report in reports:
        ones = [one for one in group_numbers(report.scalars) if one.group and not one.is_disparity]
        for metric in ("recall", "accuracy", "mean_absolute_error"):
            known = [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]
            if len(known) > 1:
                low, high = (choose(known, key=lambda one: one.number.value) for choose in (min, max))
                return (
                    f"Of the groups judged, {spoken(metric)} is lowest for {low.group} ({low.feature}), {low.number}, "
                    f"and highest for {high.group} ({high.feature}), {high.number}."
                )
    return "The reports hold no numbers by group of people, so nothing here says whom the model serves worse."


def _verdicts(reports: Sequence[Report]) -> tuple[Fact, ...]:
    return tuple(
        Fact(f"Verdict of {report.title or report.folder}", f"{outcome}, by the policy {report.verdict.get('policy')}")
        for report in reports
        if (outcome := report.verdict.get("outcome"))
    )


def _data_facts(reports: Sequence[Report]) -> tuple[Fact, ...]:
    facts = []
    for name, key in (("Data", "name"), ("Source", "source"), ("Fingerprint", "fingerprint"), ("Target", "target")):
        texts = dict.fromkeys(str(report.data[key]) for report in reports if report.data.get(key))
        facts += [Fact(name, text) for text in texts]
    return tuple(facts)


def _parts(report: Report) -> Iterator[str]:
    return (name.split(".")[1] for name in report.scalars if name.startswith("split."))


def _findings_table(reports: Sequence[Report]) -> tuple[Table, ...]:
    every = list(dict.fromkeys(one for report in reports for one in report.findings))
    grave = [one for one in by_severity(every) if one.severity != SEVERITIES[-1]]
    if not grave:
        return ()
    rows: list[tuple[Cell, ...]] = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(rows)} of {len(grave)}, the most severe first)"
    return (Table(caption, ("code", "severity", "finding"), tuple(rows)),)
