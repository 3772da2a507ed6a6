"""What an audit says, in words and figures: what is beyond chance or cannot be judged, by group and over thresholds."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from toolkit.core import Finding, Severity, drawer, facer, finder, format_number, format_p, shorten, titled, value_text
from toolkit.core.figures import GREY, ORANGE, PALETTE, Axes, Drawing, draw_beside, draw_intervals, name_rows
from toolkit.data import Dataset, Split
from toolkit.errors import listed
from toolkit.fairness.clusters import Grouping
from toolkit.fairness.groups import MOST_GROUPS
from toolkit.fairness.measures import FOREMOST, METRICS, MOST_CLASSES, PARITIES, too_few
from toolkit.fairness.rates import LEAST_OF_KIND
from toolkit.models import Predictions, Threshold
from toolkit.statistics import ALPHA, FEW_GROUPS, wilson, wilson_size

finding, drawing, face = finder(__file__), drawer(__file__), facer(__file__)
#: A difference of shares above it is severe, above the lower one notable; of those that have a ratio, that is.
LARGE, NOTABLE = 0.1, 0.05
#: A difference of means of numbers is large above this share of the mean absolute error of the groups.
LARGE_SHARE = 0.5
#: The four-fifths rule of the US Uniform Guidelines on Employee Selection Procedures (1978, 29 CFR 1607.4 D).
FOUR_FIFTHS = 0.8
MOST_LISTED = 12
#: Letters of a group with the reasons why it is not judged.
LONGEST = 300
#: Rows a group, on average, from which groups of one class each are no accident.
LEAST_EACH = 10
MOST_ROWS = 12
MOST_LINES, MOST_STEPS = 5, 80
NAME_LENGTH = 34
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))


def judge(disparities: pd.DataFrame, groups: pd.DataFrame, notes: Sequence[Finding]) -> Iterator[Finding]:
    """Report of each family the disparity that exceeds chance the most, and where four fifths are not reached.

    Columns that determine the target, as the ``notes`` say, are passed over, with all groups that they have a part in.
    """
    telling = {note.where for note in notes if note.code == "FAIRNESS-TARGET-IS-SENSITIVE"}
    told = [not telling.isdisjoint([feature, *feature.split("+")]) for feature in disparities["feature"]]
    beyond = disparities[(disparities["p_adjusted"] <= ALPHA) & ~np.array(told, dtype=bool)]
    size = np.array([found.value for found in beyond["value"]], dtype=float)
    excess = size - beyond["expected"].to_numpy(dtype=float)
    name = beyond["disparity"].str.removesuffix("_difference")
    # A metric of the caller's own is reported by itself, a ratio not at all.
    family = [PARITIES[one].family if one in PARITIES else "METRIC" for one in name]
    beyond = beyond.assign(size=size, excess=excess, family=family, own=name.where(~name.isin(PARITIES), ""))

    def about(row: pd.Series, said: str, severity: Severity, code: str = "", also: str = "") -> Finding:
        same = groups[["feature", "class", "metric"]].eq(row[["feature", "class", "metric"]]).all(axis=1)
        values = groups[same].set_index("group")["value"].reindex([row["worst"], row["best"]]).tolist()
        kind = f"Class {row['class']}: " if row["class"] else ""
        also = (f" Most clearly apart: {row['clearest']}." if row["clearest"] else "") + also
        metric, p, expected = titled(row["metric"]), format_p(row["p_adjusted"]), format_number(float(row["expected"]))
        numbers = {"kind": kind, "metric": metric, "values": values, "expected": expected, "p": p, "also": also}
        return finding(said, severity, row["feature"], code, row=row, **numbers)

    for (kind, _), rows in beyond[name != beyond["disparity"]].groupby(["family", "own"], sort=False):
        worst = rows.iloc[int(np.argmax(rows["excess"]))]
        others = [name for name in dict.fromkeys(rows["feature"]) if name != worst["feature"]]
        also = " A metric of fewer rows would differ as much, this one not." * bool(worst["excess"] <= 0)
        also += f" Also by {listed(others, 5)}." if others else ""
        yield about(worst, "FAIRNESS-DISPARITY", _severity(worst, groups), f"FAIRNESS-{kind}", also)
    if len(low := beyond[(beyond["disparity"] == "demographic_parity_ratio") & (beyond["size"] < FOUR_FIFTHS)]):
        yield about(low.iloc[int(np.argmin(low["size"]))], "FAIRNESS-FOUR-FIFTHS", "high")


def _severity(row: pd.Series, groups: pd.DataFrame) -> Severity:
    if (parity := PARITIES.get(str(row["disparity"]).removesuffix("_difference"))) is None:
        return "medium"
    errors = [found.value for found in groups.loc[groups["metric"] == "mean_absolute_error", "value"]]
    large = LARGE_SHARE * float(np.nanmedian(errors)) if errors else LARGE
    if row["value"].value > large:
        return "high" if parity.ratio else "medium"
    return "medium" if row["value"].value > NOTABLE and parity.ratio else "low"


def about_groups(groupings: Sequence[Grouping], groups: pd.DataFrame, least: int) -> Iterator[Finding]:
    """Name the groups that are too few to judge, and the columns without two groups to compare."""
    few = too_few(groups, least)
    if (small := few["rows"] < least).any():
        named = _by_feature(few[small].assign(too_few=few["rows"].astype(str)))
        yield finding("FAIRNESS-GROUP-TOO-SMALL", "low", least=least, named=named)
    if not small.all():
        of_kind, named = min(LEAST_OF_KIND, least), _by_feature(few[~small])
        yield finding("FAIRNESS-TOO-FEW-OF-KIND", "low", least=of_kind, named=named)
    if alone := [grouping for grouping in groupings if (grouping.counts >= least).sum() < 2]:
        judged = [(one.feature, np.array(one.labels)[one.counts >= least]) for one in alone]
        said = [f"{name} ({f'only {only[0]}' if len(only) else 'none'})" for name, only in judged]
        severity: Severity = "medium" if any(len(one.columns) == 1 for one in alone) else "low"
        yield finding("FAIRNESS-ONE-GROUP", severity, least=least, named=listed(said, MOST_LISTED))
    sizes = groups[["feature", "group", "rows", "units"]].drop_duplicates()
    if len(rough := sizes[(sizes["rows"] >= least) & (sizes["units"] < np.minimum(sizes["rows"], FEW_GROUPS))]):
        named, units = _by_feature(rough.assign(too_few=rough["units"].astype(str))), groupings[0].units
        yield finding("FAIRNESS-FEW-UNITS", "medium", least=FEW_GROUPS, units=units, named=named)
    for one in groupings:
        if one.beyond:
            numbers = {"rows": len(one.codes), "most": MOST_GROUPS, "groups": one.beyond + MOST_GROUPS}
            yield finding("FAIRNESS-MANY-GROUPS", "medium", one.feature, left=int((one.codes < 0).sum()), **numbers)


def _by_feature(few: pd.DataFrame) -> str:
    said = few.assign(said=few["group"] + " (" + few["too_few"] + ")").groupby("feature", sort=False)["said"]
    return "; ".join(f"{feature}: {listed(found, MOST_LISTED, longest=LONGEST)}" for feature, found in said)


def about_table(
    part: Dataset, data: Dataset | Split, columns: pd.DataFrame, groupings: Sequence[Grouping], predicted: Predictions
) -> Iterator[Finding]:
    """Say what is odd about the sensitive columns, and what could not be computed; groupings begin with the columns."""
    for (label, column), grouping in zip(columns.items(), groupings, strict=False):
        name, target = value_text(label), value_text(part.target.name)
        if label == part.target.name or _follows(grouping, predicted):
            yield finding("FAIRNESS-TARGET-IS-SENSITIVE", "high", name, target=target)
        if unnamed := int(column.isna().sum()):
            yield finding("FAIRNESS-GROUP-MISSING", "low", name, unnamed=unnamed, rows=part.rows)
        if isinstance(data, Split) and not pd.api.types.is_numeric_dtype(column):
            present, whole = set(column.dropna().unique()), data.data
            known = (whole.sensitive if label in whole.sensitive.columns else whole.frame())[label]
            if absent := [value_text(value) for value in pd.unique(known.dropna()) if value not in present]:
                yield finding("FAIRNESS-GROUP-ABSENT", "low", name, absent=listed(absent, MOST_LISTED))
    if part.task == "binary" and not (predicted.scored and predicted.probabilities):
        yield finding(f"FAIRNESS-NOT-COMPUTED {'probabilities' if predicted.scored else 'scores'}", "info")
    if part.task == "multiclass" and (classes := len(predicted.classes)) > MOST_CLASSES:
        yield finding("FAIRNESS-NOT-COMPUTED classes", "info", classes=classes, most=MOST_CLASSES)


def _follows(grouping: Grouping, predicted: Predictions) -> bool:
    """Whether each group holds one class only, and groups are large enough for that to be no accident."""
    groups, looked = len(grouping.labels), grouping.codes >= 0
    if not predicted.classes or groups < 2 or looked.sum() < LEAST_EACH * groups:
        return False
    pairs = pd.crosstab(grouping.codes[looked], predicted.y_true[looked]) > 0
    return pairs.shape[1] > 1 and bool((pairs.sum(axis=1) == 1).all())


def by_group(groups: pd.DataFrame, metric: str) -> Drawing | None:
    """Draw the judged groups of one metric: those of single columns first, then the extremes of intersections."""
    belong = (groups["units"] != groups["rows"]).any()
    data = groups[groups["metric"] == metric].drop(columns=[] if belong else "units")
    if not len(rows := data[(data["class"] == "") & data["judged"]]):
        return None
    size = np.array([found.value for found in rows["value"]], dtype=float)
    depth = rows["feature"].map({name: place for place, name in enumerate(dict.fromkeys(groups["feature"]))})
    far = np.where(rows["feature"].str.contains("+", regex=False), -np.abs(size - np.median(size)), -np.inf)
    rows = rows.assign(size=size, depth=depth, far=far).sort_values(["far", "depth"], kind="stable")
    rows = rows.head(MOST_ROWS).sort_values(["depth", "size"])
    said, meaning = [f"{row.group}: {row.value}" for row in rows.itertuples()], METRICS["meaning"].get(metric, "")
    names = [f"{shorten(row.group, NAME_LENGTH)} ({row.rows:,})" for row in rows.itertuples()]
    draw = draw_beside(titled(metric), names, rows["value"], 0.0 if metric == "mean_residual" else np.nan)
    return drawing("groups", draw, data, kind=metric, grid="x", metric=titled(metric), meaning=meaning, said=said)


def foremost(disparities: pd.DataFrame) -> Drawing | None:
    """Draw the foremost differences, those that exceed chance the most where there are too many."""
    judged = disparities[disparities["expected"].notna()]
    if not len(rows := judged[judged["disparity"].str.removesuffix("_difference").isin(FOREMOST)]):
        return None
    excess = np.array([found.value for found in rows["value"]]) - rows["expected"].to_numpy(dtype=float)
    rows = rows.iloc[np.sort(np.argsort(excess)[-MOST_ROWS:])]
    kinds = rows["disparity"].str.removesuffix("_difference").str.replace("_", " ")
    names = (rows["feature"] + ": " + kinds.where(rows["class"] == "", rows["class"] + ", " + kinds)).tolist()
    rated = zip(names, rows["value"], rows["expected"].tolist(), strict=True)
    said = "; ".join(f"{name} {value}, by chance {format_number(chance)}" for name, value, chance in rated)

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(rows)), rows["value"])
        ax.plot(rows["expected"], range(len(rows)), "|", color=ORANGE, markersize=14, markeredgewidth=3)
        ax.annotate("by chance", (rows["expected"].iloc[0], -0.4), color="#8a5a00", fontsize=9)
        name_rows(ax, [shorten(name) for name in names], 1)
        ax.set(xlabel="Difference between groups", xlim=(0, None))

    return drawing("disparities", draw, disparities, grid="x", said=said)


def recalls(curves: pd.DataFrame, parity: pd.DataFrame, groups: pd.DataFrame, at: Threshold | None) -> Drawing | None:
    """Draw the recall over the thresholds of the largest judged groups of the single column that differ most."""
    parity = parity[(parity["disparity"] == "equal_opportunity_difference") & parity["expected"].notna()]
    if not len(curves) or not len(parity) or not at:
        return None
    single = ~parity["feature"].str.contains("+", regex=False)
    ranked = parity.assign(single=single, size=[found.value for found in parity["value"]])
    feature = ranked.sort_values(["single", "size"], ascending=False, kind="stable")["feature"].iloc[0]
    judged = groups[(groups["metric"] == "recall") & groups["judged"]]
    kept = judged[judged["feature"] == feature].nlargest(MOST_LINES, "rows").set_index("group")["value"]
    # As many rows as the interval at the threshold in use is worth.
    sizes = kept.map(wilson_size).to_dict()
    grid, threshold = np.sort(curves["threshold"].unique()), at.value
    steps = [*grid[np.linspace(0, len(grid) - 1, MOST_STEPS).astype(np.intp)], threshold]
    shown = (curves["feature"] == feature) & curves["group"].isin(sizes) & curves["threshold"].isin(steps)
    lines = curves.loc[shown, ["feature", "group", "threshold", "recall", "positives"]]
    here = lines[lines["threshold"] == (threshold if np.isfinite(threshold) else grid[0])]
    said = [f"{group}: {format_number(recall)}" for group, recall in zip(here["group"], here["recall"], strict=True)]

    def draw(ax: Axes) -> None:
        for (group, line), colour, dash in zip(lines.groupby("group", sort=False), PALETTE, DASHES, strict=False):
            recall, size = line["recall"].to_numpy(dtype=float), sizes[group]
            low, high = np.transpose([wilson(share * size, size) for share in recall])
            name = shorten(group, NAME_LENGTH)
            ax.plot(line["threshold"], recall, color=colour, drawstyle="steps-pre", linestyle=dash, label=name)
            ax.fill_between(line["threshold"], low, high, color=colour, alpha=0.15, linewidth=0, step="pre")
        if np.isfinite(threshold):
            ax.axvline(threshold, color=GREY, linewidth=1, linestyle=":")
        ax.set(xlabel="Threshold", ylabel="Recall", ylim=(0, 1.02))
        ax.legend(loc="lower left", handlelength=3)

    return drawing("thresholds", draw, lines, feature=feature, said=said)
