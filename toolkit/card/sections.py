"""The sections of a card: their numbers, findings and facts, and which point of a regulation they help with."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import pandas as pd

from toolkit.card.content import QUESTIONS, SECTIONS, Section, environment, filled, questions_of, table_of
from toolkit.card.lineage import Report, evaluated_metrics, facts_of, model_name
from toolkit.core import SEVERITIES, Drawing, FaceTable, Results, by_severity, draw_beside, drawer, matching, shorten
from toolkit.core.estimate import UNKNOWN, Estimate, GroupNumber, group_numbers
from toolkit.core.resources import read_yaml, templates_folder
from toolkit.errors import listed
from toolkit.policy.policy import read_levels
from toolkit.policy.reason import number_words

drawing = drawer(__file__)
Scalars = Mapping[str, Estimate]
Found = tuple[list[FaceTable], list[str]]

_OWN = ("baseline.", "difference.", "fairness.", "explanation.", "gates.", "card.", "change.")
MOST_FINDINGS, MOST_DRIVERS, MOST_LINES = 15, 10, 16


def make_sections(reports: Sequence[Report], answers: Mapping[str, str]) -> tuple[Section, ...]:
    """Return every section of a card, in order.

    Parameters
    ----------
    reports : sequence of Report
        At least one; the first is about the model itself.
    answers : mapping of key to text
    """
    every = [report.results for report in reports]
    found = {name: gathered(every, name) for name in SECTIONS}
    about, tables = _about(every), {name: made for name, (made, _) in found.items()}
    findings = by_severity(dict.fromkeys(one for results in every for one in results.findings))
    grave = [one for one in findings if one.severity != SEVERITIES[-1]]
    worst = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(worst)} of {len(grave)}, the most severe first)"
    tables["caveats"] = table_of(caption, ("code", "severity", "finding"), worst) + tables["caveats"] + _triggers()
    tables |= {"lineage": list(_lineage_tables(reports)), "regulation": list(regulation_tables(every, answers))}
    made = []
    for name, section in SECTIONS.items():
        lead = environment().from_string(section.get("lead", "")).render(about, numbers=found[name][1]).strip()
        code = environment().get_template("start.py.j2").render(about) if name == "start" else ""
        facts = filled(section.get("facts", {}), about)
        asked = questions_of(name, answers)
        made.append(Section(name, section["title"], lead, asked, facts, tables[name], code, found[name][1]))
    return tuple(made)


def _about(every: Sequence[Results]) -> dict[str, Any]:
    """Return what the texts of ``sections.yaml`` may say: of the first report, and of all of them."""
    metrics = [(results.scalars, *one) for results in every for one in evaluated_metrics(results.scalars).items()]
    measured = [(metric, number, scalars.get(f"baseline.{metric}")) for scalars, metric, number in metrics[:1]]
    ones = [one for results in every for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
    counts = Counter(feature for feature, _ in dict.fromkeys((one.feature, one.group) for one in ones))
    sizes = [f"{feature} ({count} groups)" for feature, count in counts.items()]
    found = {"measured": measured, "groups": compared_groups(every)[1], "sizes": sizes}
    first = every[0].scalars
    compared = (name.removeprefix("cv.").rpartition(".")[0] for name in first if name.startswith("cv."))
    found["candidates"] = [*dict.fromkeys(filter(None, compared))]
    found["later"] = [one.data.name for one in every if any(name.startswith("drift.realized.") for name in one.scalars)]
    trained = any(name.startswith("split.train.") for name in first)
    return facts_of(every[0]) | found | {"every": every, "trained": every[:1] if trained else []}


def _triggers() -> list[FaceTable]:
    """Return what is watched by the drift policy that comes with the toolkit, and what each limit leads to."""
    levels = read_levels("drift").levels.items()
    rows = [(level, number_words(name), one.condition) for level, own in levels for name, one in own.numbers.items()]
    caption = "Monitoring by the policy “drift”: a number beyond its limit leads to the decision"
    return table_of(caption, ("decision", "number", "limit"), rows)


def _lineage_tables(reports: Sequence[Report]) -> Iterator[FaceTable]:
    """Return the way from data to run to model to report, a table for each report."""
    for place, report in enumerate(reports, 1):
        rows = filled(SECTIONS["lineage"]["steps"], facts_of(report.results) | {"report": report})
        yield from table_of(f"From data to report {place} of {len(reports)}", ("step", "recorded"), rows)


def metric_table(scalars: Scalars) -> Found:
    """Return the metrics of the test part beside the baseline's, with the difference."""
    return _by_metric(scalars, ("test", "baseline", "difference"), "Metrics on the test part, with 95% intervals")


def placed_table(scalars: Scalars, section: str, model: str) -> Found:
    """Return the numbers whose names say that they belong into a section.

    Of the candidates that were tried only the chosen ``model`` is shown.
    """
    placed = (name for name in scalars if name.startswith(tuple(SECTIONS[section].get("numbers", ()))))
    names = [name for name in placed if not name.startswith("time.") or name.startswith(f"time.{model}.")]
    return plain_table(scalars, names, SECTIONS[section].get("caption", ""))


def training_table(scalars: Scalars) -> Found:
    """Return the metrics of the training part and of cross-validation, and what the training part holds."""
    names = [name for name in scalars if name.startswith("split.train.") or _is_metric(name, "cv")]
    tables, used = plain_table(scalars, names, "Training, in numbers")
    others, own = _by_metric(scalars, ("train", "validation"), "Metrics on the parts that made the model")
    return tables + others, used + own


def plain_table(scalars: Scalars, names: Sequence[str], caption: str) -> Found:
    """Return numbers under their names, one a row."""
    rows = [(number_words(name, scalars), scalars[name], scalars[name].n or None) for name in names]
    return table_of(caption, ("number", "value", "rests on"), rows), list(names)


def driver_table(scalars: Scalars) -> Found:
    """Return the columns that move the model's output most, by the names that explanations give them."""
    found = [one for one in matching("explanation.*.mean_abs_shap", scalars) if not math.isnan(scalars[one].value)]
    known = {name: name.removeprefix("explanation.").removesuffix(".mean_abs_shap") for name in found}
    features = {*known.values(), *(one.feature for one in group_numbers(scalars))}
    # Of a group it reads <feature>.<group>.<column>; a column's own name may have dots.
    groups = [name for name in known.values() if name.startswith(tuple(f"{feature}." for feature in features))]
    columns = tuple(f".{name}" for name in known.values())
    whole = [name for name in known if known[name] not in groups or not known[name].endswith(columns)]
    names = sorted(whole, key=lambda name: -scalars[name].value)[:MOST_DRIVERS]
    caption = "Columns that move the output most (mean absolute SHAP value)"
    return table_of(caption, ("column", "mean |SHAP|"), [(known[name], scalars[name]) for name in names]), names


def group_tables(scalars: Scalars) -> Found:
    """Return a table of groups for each feature, one of the disparities, and one of the numbers no other table has.

    Those are of classes, slices, individual fairness, proxies and the like.
    """
    every = group_numbers(scalars)
    apart, tables = [one for one in every if one.is_disparity], []
    people = [one for one in every if one.group and not one.is_disparity]
    for feature in sorted({one.feature for one in people}):
        by_group = _crossed((one.group, one.metric, one.number) for one in people if one.feature == feature)
        known = dict.fromkeys(metric for own in by_group.values() for metric in own)
        shown = ([metric for metric in SECTIONS["quantitative"]["foremost"] if metric in known] or list(known))[:3]
        ordered = sorted(by_group.items())
        rows = [(group, *map(own.get, shown), max(number.n for number in own.values())) for group, own in ordered]
        kind = "Intersection" if "+" in feature else "Groups"
        tables += table_of(f"{kind} of {feature}, with 95% intervals", ("group", *shown, "rows"), rows)
    features = list(dict.fromkeys(one.feature for one in apart))
    # Of several classes the row's name has the class.
    by_name = _crossed((f"{one.group} {one.metric}".strip(), one.feature, one.number) for one in apart)
    disparities = [(name, *map(own.get, features)) for name, own in by_name.items()]
    tables += table_of("Disparities between groups, with 95% intervals", ("disparity", *features), disparities)
    placed = [beginning for section in SECTIONS.values() for beginning in section.get("numbers", ())]
    rest = [name for name in scalars if not _is_metric(name, "test") and not name.startswith((*_OWN, *placed))]
    others, _ = plain_table(scalars, rest, "Other numbers: classes, slices and what else was looked into")
    return tables + others, [*(one.name for one in every), *rest]


MAKERS: dict[str, Callable[[Scalars], Found]] = {"details": driver_table, "metrics": metric_table}
MAKERS |= {"training_data": training_table, "quantitative": group_tables}


def gathered(every: Sequence[Results], section: str) -> tuple[list[FaceTable], list[tuple[int, str]]]:
    """Make a section's tables of every report; where there are several, a caption says which report it is of."""
    tables, names = [], []
    for place, results in enumerate(every):
        maker = MAKERS.get(section) or partial(placed_table, section=section, model=model_name(results))
        made, used = maker(results.scalars)
        names += [(place, name) for name in used]
        after = f" (report {place + 1}: {results.title})" if len(every) > 1 else ""
        tables += [table._replace(caption=table.caption + after) for table in made]
    return tables, names


def compared_groups(every: Sequence[Results]) -> tuple[Estimate, list[GroupNumber]]:
    """Return one metric over all rows and of every group, the smallest first: the first that several groups have."""
    for results in every:
        ones = [one for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
        for metric in SECTIONS["quantitative"]["compared"]:
            if len(known := [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]) > 1:
                known.sort(key=lambda one: (one.number.value, one.name))
                return results.scalars.get(f"test.{metric}", UNKNOWN), known
    return UNKNOWN, []


def _by_metric(scalars: Scalars, kinds: Sequence[str], caption: str) -> Found:
    """Return the metrics of the first kind, one a row, beside the others that there are."""
    metrics = [name.removeprefix(f"{kinds[0]}.") for name in scalars if _is_metric(name, kinds[0])]
    kinds = [kind for kind in kinds if any(f"{kind}.{metric}" in scalars for metric in metrics)]
    names = [name for metric in metrics for kind in kinds if (name := f"{kind}.{metric}") in scalars]
    rows = [(one, *(scalars.get(f"{kind}.{one}") for kind in kinds), scalars[f"{kinds[0]}.{one}"].n) for one in metrics]
    return table_of(caption, ("metric", *kinds, "rows"), rows), names


def _is_metric(name: str, part: str) -> bool:
    """Whether a number is a metric of a whole part, not of a class or a candidate."""
    return name.startswith(f"{part}.") and name.count(".") == 1


def _crossed(entries: Iterable[tuple[str, str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    """Put numbers by row and column into rows."""
    rows: dict[str, dict[str, Estimate]] = {}
    for row, column, number in entries:
        rows.setdefault(row, {})[column] = number
    return rows


def groups_drawings(every: Sequence[Results]) -> list[Drawing]:
    """Draw one metric of every group, the smallest first; where no report knows groups, there is nothing to draw."""
    overall, ones = compared_groups(every)
    if not ones:
        return []
    if len(ones) > MOST_LINES:
        ones = [*ones[: MOST_LINES // 2], *ones[-MOST_LINES // 2 :]]
    metric, names, numbers = ones[0].metric, [shorten(one.group) for one in ones], [one.number for one in ones]
    said, data = list(map("{}: {}".format, names, numbers)), pd.DataFrame({"name": names, metric: numbers})
    draw = draw_beside(metric, names, numbers, overall.value)
    return [drawing("groups", draw, data, grid="x", metric=metric, overall=overall, said=said)]


_BARE: dict[str, Any] = {"sections": [], "answers": [], "numbers": [], "recorded": [], "human": ""}
_SOURCES = read_yaml(templates_folder() / "card" / "regulation.yaml")
#: Every point of the regulations as ``regulation.yaml`` has it, in the order of the sources.
POINTS = [_BARE | {"source": each["source"]} | point for each in _SOURCES for point in each["points"]]


def cross_reference(every: Sequence[Results], answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Say for every point how far a card of these reports and answers goes, as ``card.json`` has it.

    ``used`` are the answers, numbers and facts that say something about it, ``left`` is what a person must still write,
    and ``state`` is covered, partly or open.
    """
    titles = {key: one.title.lower() for key, one in QUESTIONS.items()}
    known = dict.fromkeys(name for results in every for name in results.scalars)
    found = []
    for point in POINTS:
        written = [f"the author on {titles[key]}" for key in point["answers"] if key in answers]
        blanks = [titles[key] for key in point["answers"] if key not in answers]
        measured = {pattern: listed(matching(pattern, known), 2) for pattern in point["numbers"]}
        absent = [pattern for pattern, names in measured.items() if not names]
        facts = [path for path in point["recorded"] if any(_recorded(results, path) for results in every)]
        used = [*written, *filter(None, measured.values()), *facts]
        left = [f"The author's part on {', '.join(blanks)}." if blanks else "", point["human"]]
        left.append(f"The reports have no number {listed(absent)}." if absent else "")
        complete = not any(left) and len(facts) == len(point["recorded"])
        state = "covered" if used and complete else "partly" if used else "open"
        said = {"used": used, "state": state, "left": " ".join(filter(None, left))}
        found.append({name: point[name] for name in ("source", "point", "asks", "sections")} | said)
    return found


def regulation_tables(every: Sequence[Results], answers: Mapping[str, str]) -> Iterator[FaceTable]:
    """Return a table for each source."""
    names, found = ("point", "asks", "answered from", "a person must still write"), cross_reference(every, answers)
    for each in _SOURCES:
        own = [one for one in found if one["source"] == each["source"]]
        rows = [(one["point"], one["asks"], _where(**one), one["left"]) for one in own]
        states = [one["state"] for one in own]
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("covered", "partly", "open"))
        yield from table_of(f"{each['source']} ({each['reference']}): {counts} of {len(own)} points", names, rows)


def _where(state: str, used: Sequence[str], **point: Any) -> str:
    places = ", ".join(SECTIONS[name]["title"] for name in point["sections"])
    return f"{state.capitalize()}. {places}: {'; '.join(used)}." if used else "Open."


def _recorded(results: object, path: str) -> bool:
    """Whether a report has a fact such as ``model.settings``."""
    return bool(reduce(lambda found, name: getattr(found, name, None), path.split("."), results))
