"""A second file is read by the schema of the first: whatever changes a prediction is found, named and counted."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from toolkit.data.load import load_dataset
from toolkit.errors import InputError

NUMBERS, TEXTS = ("amount", "weight", "fahrenheit", "count", "share", "price"), ("code", "town")
MARKS = ("-999", "9999", "unknown", "N.A.", "k.A.", "?", "", "missing", "(null)")
ODD = ("12o", "#DIV/0!", "<5", "see note", "1..5")


def rows(random, count):
    """Write rows as a file has them."""
    days = pd.Series(pd.to_datetime("2021-01-01") + pd.to_timedelta(random.integers(0, 700, count), unit="D"))
    written = {
        "amount": pd.Series(random.lognormal(4, 1, count)).map("{:.2f}".format),
        "weight": pd.Series(random.normal(70, 12, count)).map("{:.1f}".format),
        "fahrenheit": pd.Series(random.normal(58, 18, count)).map("{:.1f}".format),
        "count": pd.Series(random.integers(200, 9000, count)).map(str),
        "share": pd.Series(random.uniform(1, 90, count)).map("{:.1f}%".format),
        "price": pd.Series(random.uniform(5, 5000, count)).map("${:,.2f}".format),
        "code": pd.Series(random.choice(["007", "012", "103", "1E2"], count)),
        "town": pd.Series(random.choice(["Åre", "Bergen", "Malmö", "Tromsø", "Kraków"], count)),
        "flag": pd.Series(random.random(count) < 0.4).map(str),
        "start": days.dt.strftime("%d/%m/%Y"),
        "seen": days.dt.strftime("%Y-%m-%d"),
        "y": pd.Series(random.choice(["no", "yes"], count)),
    }
    return pd.DataFrame(written)


def pick(random, options):
    return options[int(random.integers(len(options)))]


def some(random, column, change, least=0.02):
    """Change a share of the cells, from a few to all of them."""
    share = pick(random, [max(least, 0.02), 0.1, 0.5, 1.0])
    changed = np.arange(len(column)) < max(4, int(share * len(column)))
    random.shuffle(changed)
    return column.where(~changed, column.map(change)), changed


def plain(cell):
    return float(cell.strip("$%").replace(",", ""))


def dressed(like, value):
    return f"{'$' * like.startswith('$')}{value:.4f}{'%' * like.endswith('%')}"


def unseen(random, table):
    name = pick(random, TEXTS)
    table[name], _ = some(random, table[name], lambda cell: pick(random, ["Atlantis", "999x", "7"]))


def unreadable(random, table):
    name = pick(random, [*NUMBERS, "start", "seen", "flag"])
    table[name], _ = some(random, table[name], lambda cell: pick(random, ODD))


def date_format(random, table):
    moments = pd.to_datetime(table["seen"])
    name, pattern = (
        pick(random, ["start", "seen"]),
        pick(random, ["%m/%d/%Y", "%d.%m.%y", "%d %b %Y", "%Y/%m/%d", "%d-%m-%Y"]),
    )
    table[name] = moments.dt.strftime(pattern)


def date_number(random, table):
    days = (pd.to_datetime(table["seen"]) - pd.Timestamp("1970-01-01")).dt.days
    table[pick(random, ["start", "seen"])] = pick(random, [days + 25_569, days * 86_400, days * 86_400_000]).astype(str)


def date_sentinel(random, table):
    name = pick(random, ["start", "seen"])
    known = {"start": ["01/01/1900", "31/12/2099"], "seen": ["1900-01-01", "9999-12-31"]}[name]
    table[name], _ = some(random, table[name], lambda cell: pick(random, known))


def decimal_mark(random, table):
    name = pick(random, ["amount", "weight", "fahrenheit", "share"])
    table[name], _ = some(random, table[name], lambda cell: cell.replace(".", ","))


def thousands_mark(random, table):
    mark = pick(random, [",", ".", " ", "'"])
    table["count"], _ = some(random, table["count"], lambda cell: f"{int(cell):,}".replace(",", mark))


def scale(random, table):
    name, factor = pick(random, NUMBERS), pick(random, [1000, 100, 1 / 100, 1 / 1000])
    table[name] = table[name].map(lambda cell: dressed(cell, plain(cell) * factor))


def scale_some(random, table):
    name, factor = pick(random, NUMBERS), pick(random, [1000, 100])
    table[name], _ = some(random, table[name], lambda cell: dressed(cell, plain(cell) * factor))


def unit(random, table):
    name, change = [
        ("weight", lambda kg: kg * 1000),
        ("weight", lambda kg: kg * 2.2046),
        ("fahrenheit", lambda f: (f - 32) / 1.8),
        ("amount", lambda euro: euro * 11.5),
    ][random.integers(4)]
    table[name] = table[name].map(lambda cell: dressed(cell, change(plain(cell))))


def sign(random, table):
    name, old, new = [("price", "$", "€"), ("price", "$", ""), ("share", "%", "")][random.integers(3)]
    table[name] = table[name].str.replace(old, new, regex=False)


def fraction(random, table):
    table["share"] = table["share"].map(lambda cell: f"{plain(cell) / 100:.4f}")


def swapped(random, table):
    first, second = pick(
        random,
        [("amount", "weight"), ("weight", "fahrenheit"), ("count", "amount"), ("code", "town"), ("weight", "count")],
    )
    table[[first, second]] = table[[second, first]].to_numpy()


def renamed(random, table):
    name = pick(random, [*NUMBERS, *TEXTS])
    other = pick(random, [name.upper(), f" {name}", f"{name}_2"])
    table.columns = [other if column == name else column for column in table.columns]


def label_case(random, table):
    table["town"], _ = some(random, table["town"], pick(random, [str.upper, str.lower]))


def blanks(random, table):
    name = pick(random, TEXTS)
    table[name], _ = some(random, table[name], lambda cell: pick(random, [f" {cell}", f"{cell} "]))


def mojibake(random, table):
    table["town"] = table["town"].map(lambda cell: cell.encode().decode("cp1252", "replace"))


def code_as_number(random, table):
    table["code"] = table["code"].map(lambda cell: str(float(cell)) if random.random() < 0.5 else str(int(float(cell))))


def flags(random, table):
    yes, no = pick(random, [("1", "0"), ("yes", "no"), ("Y", "N"), ("0", "1"), ("T", "F")])
    table["flag"], _ = some(random, table["flag"], {"True": yes, "False": no}.get)


def shifted(random, table):
    at = int(random.integers(0, 6))
    places, few = table.columns[at : at + 4], table.sample(5, random_state=int(random.integers(99))).index
    table.loc[few, places] = np.roll(table.loc[few, places].to_numpy(), 1, axis=1)


def gaps(random, table):
    name, mark = pick(random, [*NUMBERS, *TEXTS, "flag", "start", "seen"]), pick(random, MARKS)
    table[name], gone = some(random, table[name], lambda cell: mark)
    return table.assign(**{name: table[name].mask(gone, "")})


CORRUPTIONS = [
    unseen,
    unreadable,
    date_format,
    date_number,
    date_sentinel,
    decimal_mark,
    thousands_mark,
    scale,
    scale_some,
]
CORRUPTIONS += [
    unit,
    sign,
    fraction,
    swapped,
    renamed,
    label_case,
    blanks,
    mojibake,
    code_as_number,
    flags,
    shifted,
    gaps,
]
CORRUPTIONS += ["encoding", "cut rows"]


def said(table):
    return {(note.code, note.where, note.message) for note in table.notes if note.severity != "info"}


def corrupted(random, kind, table, path):
    """Write a corrupted file, and return what it means where the corruption only hides it."""
    table = table.copy()
    if callable(kind):
        meant = kind(random, table)
        table.to_csv(path, index=False)
        return meant
    if kind == "encoding":
        table.to_csv(
            path, index=False, encoding=pick(random, ["latin-1", "mac_roman", "cp1250", "utf-16"]), errors="replace"
        )
        return None
    lines = table.to_csv(index=False).splitlines()
    few = set(random.choice(np.arange(1, len(lines)), 5, replace=False))
    cut = [
        line.rsplit(",", int(random.integers(1, 4)))[0] if place in few else line for place, line in enumerate(lines)
    ]
    path.write_text("\n".join(cut), encoding="utf-8")
    return None


def outcome(random, kind, clean, known, score, path):
    """Say what became of a corruption: ``refused``, ``found``, ``harmless`` or ``SILENT``."""
    clean.to_csv(path, index=False)
    before = load_dataset(path, like=known)
    meant = corrupted(random, kind, clean, path)
    try:
        after = load_dataset(path, like=known)
    except InputError:
        return "refused"
    if said(after) - said(before):
        return "found"
    if meant is not None:
        meant.to_csv(path, index=False)
        before = load_dataset(path, like=known)
    same = len(after.features) == len(before.features)
    return "harmless" if same and np.allclose(score(before.features), score(after.features), atol=1e-9) else "SILENT"


def corruptions(count, path, seed=0):
    """Count what became of each kind of corruption, and name the silent ones."""
    random = np.random.default_rng(seed)
    rows(random, 600).to_csv(path, index=False)
    known = load_dataset(path, target="y", positive="yes")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category"))
    columns = make_column_transformer(texts, remainder=numbers)
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(known.features, known.target)
    clean, counts, silent = rows(random, 200), Counter(), []
    for number in range(count):
        kind = CORRUPTIONS[number % len(CORRUPTIONS)]
        own = np.random.default_rng([seed, number])
        found = outcome(own, kind, clean, known, lambda features: model.predict_proba(features)[:, 1], path)
        name = kind.__name__ if callable(kind) else kind
        counts[name, found] += 1
        silent += [(name, number)] if found == "SILENT" else []
    table = pd.DataFrame([(*names, times) for names, times in counts.items()], columns=["kind", "outcome", "times"])
    return table.pivot_table("times", "kind", "outcome", fill_value=0), silent


@pytest.mark.parametrize("count", [len(CORRUPTIONS), pytest.param(500, marks=pytest.mark.slow)])
def test_no_corruption_changes_a_prediction_in_silence(tmp_path, count):
    table, silent = corruptions(count, tmp_path / "rows.csv")
    print(table.to_string())
    assert not silent
    assert table[["found", "refused"]].sum().sum() >= 0.7 * count


@pytest.mark.parametrize(
    ("cells", "told"), [("True False 1", True), ("true 0 FALSE", True), ("1 0 1", False), ("True False", False)]
)
def test_flags_in_two_notations_are_said(cells, told):
    known = load_dataset(pd.DataFrame({"flag": ["True", "False"] * 20, "y": ["a", "b", "b", "a"] * 10}), target="y")
    rows = load_dataset(pd.DataFrame({"flag": (cells.split() * 8)[:16], "y": ["a", "b"] * 8}), like=known)
    assert ("DATA-FLAG-MIXED" in {note.code for note in rows.notes}) == told
