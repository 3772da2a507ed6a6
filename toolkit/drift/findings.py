"""What a comparison says, first and in its findings, and shows: distances, a column before and after, the trend."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core import Finding, Severity, beside, counted, drawer, facer, finder, refuser, shorten, value_text
from toolkit.core.estimate import Estimate, KeyNumber, format_number, format_p, spread
from toolkit.core.figures import BLUE, GREEN, GREY, ORANGE, Axes, Drawing, draw_intervals, name_rows, name_windows
from toolkit.drift.distances import METHODS, pair_of
from toolkit.drift.model import Domain
from toolkit.drift.profile import Profile
from toolkit.drift.summary import MOST_LABELS
from toolkit.errors import listed
from toolkit.statistics import FEW_GROUPS, LEAST_TIMES, moments

if TYPE_CHECKING:
    from toolkit.drift.detect import Drift

finding, face, refusal, drawing = finder(__file__), facer(__file__), refuser(__file__), drawer(__file__)
MATTERS, MATTERS_MUCH, LEAST_NEW_SHARE, FEW_ROWS = 0.02, 0.1, 0.01, 200
#: Rows of a series that tell as much as an independent one, from which on this is said.
ALIKE = 2.0
_NOVELTIES = {"new": "DRIFT-NEW-LABELS", "vanished": "DRIFT-VANISHED-LABELS", "outside": "DRIFT-RANGE"}
_KEY_NUMBERS = beside(__file__, "key_numbers.yaml")
SUBJECTS = {"feature": ("COLUMN", "Column"), "target": ("TARGET", "The target"), "prediction": ("PREDICTION", "The")}
_MOST_NAMED = 3
# What has no value at all is said first, then what is not there.
CODES = ("ALL-MISSING", "GONE", "TYPE", "CONSTANT", "UNIT")
MOST_COLUMNS, MOST_LINES, MOST_LABELS_DRAWN, BARS = 12, 4, 8, 24
_MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREY, "D"), (GREEN, "^"))


def findings_of(table: pd.DataFrame, domain: Domain | None, rare: float) -> Iterator[Finding]:
    """Yield what a reader should know about one comparison, breaks first; ``domain`` if it tells the tables apart."""
    for code in CODES:
        for _, row in table[table["code"] == code].iterrows():
            yield finding("DRIFT-BROKEN", "critical", row["column"], f"DRIFT-{code}", row=row)
    for _, row in table[(table["verdict"] == "drifted") & table["moved"]].iterrows():
        name = row["column"] if row["role"] == "prediction" else repr(row["column"])
        which, subject = SUBJECTS[row["role"]]
        weight = "" if pd.isna(row["importance"]) else f" The model gives it {row['importance']:.0%} of all importance."
        numbers = {"chance": format_number(row["by_chance"].value), "threshold": format_number(row["threshold"])}
        numbers |= {"p": format_p(row["p_adjusted"]), "method": METHODS[row["method"]].title, "weight": weight}
        where = row["column"], f"DRIFT-{which}"
        yield finding("DRIFT-MOVED", _severity(row), *where, subject=f"{subject} {name}", row=row, **numbers)
    for _, row in table[table["emptied"] & (table["code"] == "")].iterrows():
        yield finding("DRIFT-MISSING", _severity(row), row["column"], row=row)
    for _, row in table[table["code"] == ""].iterrows():
        for which, text in _NOVELTIES.items():
            if (share := row[f"{which}_share"]) > 0 and row[f"p_{which}"] <= rare:
                severity: Severity = "medium" if share >= LEAST_NEW_SHARE and which != "vanished" else "low"
                said = {"labels": counted(row.get(f"{which}_labels", 0), "label"), "names": listed(row["new_names"], 5)}
                yield finding(text, severity, row["column"], row=row, **said)
    if domain is not None:
        told = [repr(name) for name in domain.giveaways()]
        alone = not (table["verdict"] == "drifted").any()
        hidden = " No single column has drifted: what changed is how columns are associated." if alone else ""
        giving = f", above all by {listed(told)}" if told else ""
        yield finding("DRIFT-DOMAIN", "high" if alone else "medium", domain=domain, giving=giving, hidden=hidden)
    if grouped := [repr(name) for name in table.loc[table["grouped"], "column"]]:
        yield finding("DRIFT-GROUPED-LABELS", "info", most=MOST_LABELS, columns=listed(grouped, 5))
    if left := [f"{row['column']!r} {row['why']}" for _, row in table[table["verdict"] == "left out"].iterrows()]:
        yield finding("DRIFT-LEFT-OUT", "info", columns=listed(left, 5))


def _severity(row: pd.Series) -> Severity:
    """With a model, what it leans on weighs more and what it hardly looks at less."""
    if row["role"] != "feature":
        return "high"
    if pd.isna(row["importance"]):
        return "medium"
    return "high" if row["importance"] >= MATTERS_MUCH else "medium" if row["importance"] >= MATTERS else "low"


def size_findings(reference: Profile, current: Profile) -> Iterator[Finding]:
    """Say what an observation is where rows belong together, and where there are too few to see but large changes."""
    sizes, what = (reference.rows, current.rows), "row"
    if reference.groups and current.groups:
        sizes, what = (reference.groups, current.groups), "group"
        yield finding("DRIFT-GROUPS", "info", before=counted(sizes[0], "group"), after=sizes[1])
    pairs = [(one, reference.columns[name]) for name, one in current.columns.items() if name in reference.columns]
    series = [(one, old) for one, old in pairs if one.times and max(one.times, old.times) >= LEAST_TIMES and one.known]
    if (effects := [one.beside(old).effect for one, old in series]) and max(effects) > ALIKE:
        least, most = (round(current.rows / effect) for effect in (max(effects), min(effects)))
        yield finding("DRIFT-SERIES", "info", rows=current.rows, least=least, most=most)
    size = f"With {counted(sizes[1], what)} against {sizes[0]:,} of the reference"
    if what == "group" and min(sizes) < FEW_GROUPS:
        yield finding("DRIFT-FEW-GROUPS", "medium", size=size)
    elif min(sizes) < FEW_ROWS:
        yield finding("DRIFT-FEW-ROWS", "low", size=size)


def headline(table: pd.DataFrame, domain: Domain | None) -> str:
    """Say what broke, what moved, and how much the model leans on it.

    Parameters
    ----------
    table : DataFrame
        As in ``Drift``.
    domain : Domain or None
        Where it tells the two tables apart.
    """
    said = []
    if len(broken := table[table["verdict"] == "broken"]):
        alike = broken.groupby(broken["why"].str.split("[:;]", regex=True).str[0], sort=False)["column"]
        named = ((_named(ones.iloc[0]), f" (and {len(ones) - 1} more)" * (len(ones) > 1), why) for why, ones in alike)
        whys = [f"{name} {why}{others}" for name, others, why in named][:_MOST_NAMED]
        more = f"; {len(broken)} columns in all" if len(alike) > _MOST_NAMED else ""
        said.append(f"Broken: {'; '.join(whys)}{more}.")
    features = table[(table["role"] == "feature") & table["verdict"].isin(["drifted", "stable", "broken"])]
    if len(moved := features[features["verdict"] == "drifted"]):
        verb = "has" if len(moved) == 1 else "have"
        said.append(f"{len(moved)} of {len(features)} columns {verb} drifted{_leaning(moved)}.")
    if len(others := table[(table["role"] != "feature") & (table["verdict"] == "drifted")]):
        which = " and ".join("the target" if role == "target" else "the model's predictions" for role in others["role"])
        said.append(f"{which[:1].upper()}{which[1:]} moved{' too' if len(moved) else ''}.")
    if not len(moved) and domain is not None:
        apart = f"the tables can be told apart (ROC AUC {domain.roc_auc})"
        said.append(f"No single column has drifted, but {apart}: the associations between their columns have changed.")
    return " ".join(said) or f"Nothing broke, and no column of {len(features)} moved beyond chance and its threshold."


def _leaning(moved: pd.DataFrame) -> str:
    """Name what moved: by what the model leans on, where there is one, else by how far."""
    if moved["importance"].isna().all():
        return f": {listed(map(_named, moved['column']), _MOST_NAMED)}"
    if not len(weighty := moved[moved["importance"] >= MATTERS].sort_values("importance", ascending=False)):
        return f", but the model does not lean on {'it' if len(moved) == 1 else 'them'}"
    said = [f"{_named(row['column'])} ({row['importance']:.0%})" for _, row in weighty.iterrows()]
    said[0] = f"{said[0].removesuffix(')')} of its importance)"
    return f"; the model leans on {listed(said, _MOST_NAMED)}"


def _named(column: object) -> str:
    return repr(value_text(column))


def head_numbers(scalars: Mapping[str, Estimate], rows: int) -> Iterator[KeyNumber]:
    """Yield the numbers of a comparison with a current table of so many rows."""
    for name, label in _KEY_NUMBERS.items():
        if name in scalars:
            yield KeyNumber(name, label, replace(scalars[name], n=rows), "current table", "reference")


def drawings(drift: "Drift") -> list[Drawing]:
    """Return the figures that a comparison has: distances, one column before and after, and the trend."""
    if not len(measured := drift.table[drift.table["method"] != ""].head(MOST_COLUMNS)):
        return []
    rows = measured[["column", "method", "distance", "verdict"]].itertuples(index=False, name=None)
    said = [f"{value_text(name)}: {METHODS[method].title} {apart}, {verdict}" for name, method, apart, verdict in rows]
    data = measured[["column", "verdict", "distance", "by_chance", "threshold"]]
    found = [drawing("columns", lambda ax: _draw_columns(ax, measured), data, said=said)]
    name, change = measured.iloc[0][["column", "change"]]
    shares = _shares(drift, name)
    found.append(drawing("worst", lambda ax: _draw_shares(ax, shares, name), shares, name=name, change=change))
    if not len(drift.windows):
        return found
    every = drift.windows[drift.windows["role"] == "feature"]
    most = (every["beyond_chance"] / every["threshold"]).groupby(every["column"]).max().nlargest(MOST_LINES).index
    lines = every.loc[every["column"].isin(most), ["window", "column", "verdict", "distance", "threshold"]]
    drifted, count = drift.drifted_windows(), drift.windows["window"].nunique()
    said_of = {"drifted": len(drifted), "windows": count, "named": listed(drifted, 12) or "none"}
    return [*found, drawing("trend", lambda ax: _draw_trend(ax, lines), lines, **said_of)]


def _shares(drift: "Drift", name: str) -> pd.DataFrame:
    """Return the shares of a column in both tables: of the labels that changed most, or of steps over a number."""
    pair = pair_of(drift.reference.columns[name], drift.current.columns[name])
    before, after = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
    if not pair.scale:
        order = np.argsort(-np.abs(after - before), kind="stable")[:MOST_LABELS_DRAWN]
        labels = [value_text(pair.labels[place]) for place in order]
        return pd.DataFrame({"value": labels, "reference": before[order], "current": after[order]})
    values = pair.labels.astype("float64")
    low, high = np.interp([0.005, 0.995], np.cumsum(before + after) / 2, values)
    wide = high - low if high > low else 1.0
    steps = np.linspace(0, 1, BARS + 1)
    shares = [np.diff(np.interp(steps, (values - low) / wide, np.cumsum(part))) for part in (before, after)]
    ends = moments(low + wide * steps) if name in drift.plan.dates else low + wide * steps
    return pd.DataFrame({"from": ends[:-1], "to": ends[1:], "reference": shares[0], "current": shares[1]})


def _draw_columns(ax: Axes, drawn: pd.DataFrame) -> None:
    """Draw distances with intervals over their thresholds, and what chance would do."""
    for place, (_, row) in enumerate(drawn.iterrows()):
        unit, distance, chance = row["threshold"], row["distance"], row["by_chance"]
        ax.plot([0, chance.high / unit], [place, place], color="#d4d4d4", linewidth=7, solid_capstyle="butt")
        filled = BLUE if row["verdict"] in ("drifted", "broken") else "white"
        draw_intervals(ax, [place], [distance.times(1 / unit)], markerfacecolor=filled)
    ax.axvline(1, color=GREY, linewidth=1, linestyle=":")
    ax.set_xscale("symlog", linthresh=1)
    furthest = max(1, *([np.nanmax([one.value, one.high]) for one in drawn["distance"]] / drawn["threshold"]))
    ticks = [0, 0.5, 1, *(step for step in (2, 5, 10, 20, 50, 100, 1000) if step <= furthest * 1.2)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    name_rows(ax, [shorten(name) for name in drawn["column"]])
    ax.set(xlabel="Distance ÷ threshold", xlim=(0, furthest * 1.15))


def _draw_shares(ax: Axes, shares: pd.DataFrame, name: str) -> None:
    """Draw the shares of one column in both tables: bars of labels, or steps over the range of a number."""
    if "value" in shares:
        places = np.arange(len(shares))
        ax.barh(places - 0.2, shares["reference"], 0.38, color="white", edgecolor=GREY, hatch="//", label="reference")
        ax.barh(places + 0.2, shares["current"], 0.38, color=BLUE, label="current")
        name_rows(ax, [shorten(label) for label in shares["value"]])
        ax.set(xlabel=f"Share of rows, {shorten(name)}")
    else:
        edges = [*shares["from"], shares["to"].iloc[-1]]
        for part, colour, style in (("reference", GREY, "--"), ("current", BLUE, "-")):
            ax.stairs(shares[part], edges, color=colour, linewidth=2, linestyle=style, label=part)
        ax.set(xlabel=shorten(name), ylabel="Share of rows")
    ax.legend()


def _draw_trend(ax: Axes, trend: pd.DataFrame) -> None:
    """Draw the distance of some columns over the windows, in units of their thresholds."""
    labels = list(dict.fromkeys(trend["window"]))
    for (name, line), (colour, mark) in zip(spread(trend).groupby("column", sort=False), _MARKS, strict=False):
        low, value, high = (line[end] / line["threshold"] for end in ("distance_low", "distance", "distance_high"))
        place = line["window"].map(labels.index)
        ax.fill_between(place, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(place, value, marker=mark, color=colour, markersize=5, label=shorten(name, 24))
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
    name_windows(ax, labels)
    ax.set(ylabel="Distance ÷ threshold", ylim=(0, None))
    ax.legend()
