"""Put a card's sections together from reports and the author's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from toolkit.card.author import questions, sections
from toolkit.card.content import Answer, Section, table_of
from toolkit.card.lineage import (
    Report,
    detail_facts,
    evaluated_metrics,
    lineage_tables,
    model_name,
    start_code,
    start_lead,
)
from toolkit.card.quantities import (
    Found,
    compared_groups,
    driver_table,
    metric_table,
    placed_table,
    quantitative_tables,
    training_table,
)
from toolkit.card.regulation import regulation_tables
from toolkit.core.face import FaceTable
from toolkit.core.groups import group_numbers
from toolkit.core.result import SEVERITIES, by_severity
from toolkit.core.results import Results
from toolkit.core.words import spoken
from toolkit.errors import listed

MOST_FINDINGS = 15


def make_sections(reports: Sequence[Report], answers: Mapping[str, str]) -> tuple[Section, ...]:
    """Return every section of a card, in order.

    Parameters
    ----------
    reports : sequence of Report
        At least one; the first is about the model itself.
    answers : mapping of key to text
    """
    every = [report.results for report in reports]
    answered = [
        (one.section, Answer(one.key, one.title, one.question, answers.get(one.key, ""))) for one in questions()
    ]
    first = every[0]
    found = {name: _gathered(every, maker) for name, maker in _MAKERS.items()}
    leads = {
        "factors": _factors_lead(every),
        "metrics": _metrics_lead(every),
        "training_data": "" if found["training_data"][1] else "The reports hold no numbers of the training.",
        "quantitative": _groups_lead(every),
        "start": start_lead(first),
        "regulation": sections()["regulation"]["lead"],
    }
    tables = {name: made for name, (made, _) in found.items()}
    findings = by_severity(dict.fromkeys(one for results in every for one in results.findings))
    grave = [one for one in findings if one.severity != SEVERITIES[-1]]
    worst = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(worst)} of {len(grave)}, the most severe first)"
    tables["caveats"] = table_of(caption, ("code", "severity", "finding"), worst) + tables["caveats"]
    tables |= {"lineage": lineage_tables(reports), "regulation": regulation_tables(every, answers)}
    facts = {
        "details": detail_facts(first),
        "metrics": [
            (f"Verdict of {results.title}", f"{verdict.outcome}, by the policy {verdict.policy}")
            for results in every
            if (verdict := results.verdict).outcome
        ],
        "evaluation_data": _data_facts(every),
        "training_data": _data_facts(
            every[:1] if any(name.startswith("split.train.") for name in first.scalars) else []
        ),
    }
    return tuple(
        Section(
            id=name,
            title=section["title"],
            lead=leads.get(name, ""),
            answers=[answer for place, answer in answered if place == name],
            facts=facts.get(name, ()),
            tables=tables.get(name, ()),
            code=start_code(first) if name == "start" else "",
            numbers=found[name][1] if name in found else (),
        )
        for name, section in sections().items()
    )


_MAKERS: dict[str, Callable[[Results], Found]] = {
    "details": lambda results: driver_table(results.scalars),
    "metrics": lambda results: metric_table(results.scalars),
    "evaluation_data": lambda results: placed_table(results.scalars, "evaluation_data", "The data, in numbers"),
    "training_data": lambda results: training_table(results.scalars),
    "quantitative": lambda results: quantitative_tables(results.scalars),
    "caveats": lambda results: placed_table(results.scalars, "caveats", "Change of the data since"),
    "operation": lambda results: placed_table(
        results.scalars, "operation", "Time, size and speed", model_name(results)
    ),
}


def _gathered(
    every: Sequence[Results], maker: Callable[[Results], Found]
) -> tuple[list[FaceTable], list[tuple[int, str]]]:
    """Make the tables of every report; where there are several, a caption says which report it is of."""
    tables, names = [], []
    for place, results in enumerate(every):
        made, used = maker(results)
        names += [(place, name) for name in used]
        after = f" (report {place + 1}: {results.title})" if len(every) > 1 else ""
        tables += [replace(table, caption=table.caption + after) for table in made]
    return tables, names


def _factors_lead(every: Sequence[Results]) -> str:
    sizes: dict[str, set[str]] = {}
    for results in every:
        for one in group_numbers(results.scalars):
            if one.group and not one.is_disparity:
                sizes.setdefault(one.feature, set()).add(one.group)
    if not sizes:
        return "No number here is broken down by group of people."
    shown = [f"{feature} ({len(groups)} groups)" for feature, groups in sizes.items()]
    return f"Numbers are broken down by {listed(shown)}."


def _metrics_lead(every: Sequence[Results]) -> str:
    for results in every:
        for metric, number in evaluated_metrics(results).items():
            lead = f"On the test part {spoken(metric)} is {number}"
            baseline = results.scalars.get(f"baseline.{metric}")
            return f"{lead}; the baseline has {baseline}." if baseline else f"{lead}."
    return "No number says how good the model is."


def _groups_lead(every: Sequence[Results]) -> str:
    """Name the groups farthest apart in the first metric that groups have."""
    _, known = compared_groups(every)
    if not known:
        return "The reports hold no numbers by group of people, so nothing here says whom the model serves worse."
    low, high = known[0], known[-1]
    return (
        f"Of the groups judged, {spoken(low.metric)} is lowest for {low.group} ({low.feature}), {low.number}, and "
        f"highest for {high.group} ({high.feature}), {high.number}."
    )


def _data_facts(every: Sequence[Results]) -> list[tuple[str, str]]:
    keys = ("name", "source", "fingerprint", "target")
    texts = dict.fromkeys((key, getattr(results.data, key)) for key in keys for results in every)
    return [("Data" if key == "name" else key.capitalize(), text) for key, text in texts if text]
