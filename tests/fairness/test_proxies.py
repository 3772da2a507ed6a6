import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.fairness.proxies import find_proxies


def table(n=1500, seed=0, **columns):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    frame = pd.DataFrame(
        {
            "sex": sex,
            "height": rng.standard_normal(n) + 2 * (sex == "m"),
            "title": np.where(rng.random(n) < 0.8, np.where(sex == "m", "mr", "ms"), "dr"),
            "noise": rng.standard_normal(n),
            "y": rng.choice(["a", "b"], n),
        }
    ).assign(**columns)
    return load_dataset(frame, target="y", positive="a", sensitive=["sex"])


def test_proxies_are_found_in_order():
    found = find_proxies(table())
    assert isinstance(found, Result)
    together = found.scalars()["proxy.sex.roc_auc"]
    assert together.low > 0.95
    assert found.columns["column"].tolist() == ["height", "title", "noise"] or found.columns["column"].tolist() == [
        "title",
        "height",
        "noise",
    ]
    noise = found.columns.set_index("column").loc["noise", "value"]
    assert noise.low < 0.5 < noise.high
    (note,) = found.findings()
    assert (note.code, note.severity) == ("PROXY-STRONG", "high")
    assert "height" in note.message
    json.dumps({name: asdict(number) for name, number in found.scalars().items()})
    assert figure(found, "proxies").image
    assert found.plot().has_data()
    assert "height" in found._repr_html_()
    assert len(found.frame()) == 4


def test_one_column_is_measured_as_scikit_learn_would():
    data = table()
    title = data.features["title"].astype(str)
    y = (data.sensitive["sex"] == "f").to_numpy().astype(int)
    order = np.random.default_rng(0).permutation(data.rows)
    code = (
        data.sensitive["sex"]
        .iloc[order]
        .map({name: place for place, name in enumerate(data.sensitive["sex"].iloc[order].value_counts().index)})
        .astype(int)
        .to_numpy()
    )
    areas = []
    for fit, ask in StratifiedKFold(3, shuffle=True, random_state=0).split(code, code):
        share = pd.Series(y[order][fit]).groupby(title.iloc[order].to_numpy()[fit]).mean()
        areas.append(roc_auc_score(y[order][ask], share.reindex(title.iloc[order].to_numpy()[ask])))
    found = find_proxies(data).columns.set_index("column").loc["title", "value"]
    assert found.value == pytest.approx(np.mean(areas), abs=1e-3)


def test_nothing_to_find_is_not_found():
    rng = np.random.default_rng(4)
    data = table(sex=rng.choice(["f", "m", "x"], 1500), n=1500)
    found = find_proxies(data)
    assert found.findings() == []
    one = found.scalars()["proxy.sex.roc_auc"]
    assert one.low < 0.5 < one.high


def test_numbers_and_sampled_splits():
    rng = np.random.default_rng(2)
    age = rng.integers(18, 90, 1500)
    data = load_dataset(
        pd.DataFrame({"age": age, "years": age - 18 + rng.integers(0, 10, 1500), "z": rng.random(1500), "y": age % 2}),
        target="y",
        positive=1,
        sensitive="age",
    )
    found = find_proxies(split_dataset(data), rows=600)
    one = found.scalars()["proxy.age.r2"]
    assert one.low > 0.9
    assert found.table["rows"][0] == 600
    assert found.columns["column"][0] == "years"
    assert found.findings()[0].severity == "high"


def test_sensitive_columns_do_not_tell_each_other():
    data = table()
    both = load_dataset(
        pd.concat([data.features, data.target], axis=1).assign(copy=data.features["sex"].astype(str)),
        target="y",
        positive="a",
        sensitive=["sex", "copy"],
    )
    found = find_proxies(both)
    assert set(found.columns["column"]) == {"height", "title", "noise"}


def test_the_target_is_told_by_a_model_and_not_by_proxies():
    frame = table().frame()
    both = find_proxies(load_dataset(frame, target="sex", positive="f"), sensitive=["sex", "y"])
    assert both.table["feature"].tolist() == ["y"]
    with pytest.raises(NotApplicableError, match="no sensitive column but the target itself"):
        find_proxies(load_dataset(frame, target="sex", positive="f"), sensitive=["sex"])


def groups(sizes, told, seed=0):
    """Make a table of groups of some sizes, of which ``told`` are given away by one of two columns."""
    rng = np.random.default_rng(seed)
    sex = np.repeat(np.arange(len(sizes)), sizes)
    shown = rng.standard_normal(len(sex)) + 2.7 * np.isin(sex, told)
    noise, y = rng.standard_normal(len(sex)), rng.choice(["a", "b"], len(sex))
    frame = pd.DataFrame({"sex": sex.astype(str), "shown": shown, "noise": noise, "y": y})
    return load_dataset(frame, target="y", positive="a", sensitive=["sex"])


@pytest.mark.parametrize(("sizes", "told"), [((700, 700), 0), ((900, 300, 100), 2)])
def test_small_groups_that_nothing_tells_do_not_hide_one_that_is_told(sizes, told):
    for bystanders in (0, 4):
        found = find_proxies(groups((*sizes, *[35] * bystanders), [told]))
        value = found.scalars()["proxy.sex.roc_auc"]
        assert value.low > 0.85
        assert value.value == pytest.approx(0.96, abs=0.025)
        assert "shown" in found.findings()[0].message
        assert "noise" not in found.findings()[0].message


@pytest.mark.slow
def test_groups_that_nothing_tells_are_seldom_told():
    sizes = (700, 300, 150, 80, 40, 31)
    lows = [find_proxies(groups(sizes, [], seed)).scalars()["proxy.sex.roc_auc"].low for seed in range(60)]
    assert np.mean(np.array(lows) > 0.5) <= 0.1
    assert max(lows) < 0.7


@pytest.mark.slow
def test_the_intervals_hold_what_new_rows_show():
    values = [find_proxies(table(200, seed)).table["value"][0] for seed in range(20)]
    truth = np.mean([one.value for one in values])
    assert np.mean([one.low <= truth <= one.high for one in values]) >= 0.85


@pytest.mark.slow
def test_the_intervals_hold_what_many_new_rows_show():
    values = [find_proxies(table(300, seed)).table["value"][0] for seed in range(150)]
    truth = np.mean([one.value for one in values])
    assert np.mean([one.low <= truth <= one.high for one in values]) >= 0.92


def test_hostile_labels_missing_values_and_small_groups():
    rng = np.random.default_rng(1)
    names = np.array(["<script>", "{a}", "line\nbreak", "\u202ertl", "x" * 10_000, "rare", None], dtype=object)
    frame = pd.DataFrame({"<b>": rng.choice(names, 600, p=[0.2, 0.2, 0.2, 0.15, 0.1, 0.01, 0.14])})
    frame["big"] = rng.choice([1e300, -1e300, 1.0, np.nan], 600)
    frame["all {text}"] = rng.choice(np.array(["a", None], dtype=object), 600)
    frame["y"] = rng.choice(["no", "yes"], 600)
    found = find_proxies(load_dataset(frame, target="y", positive="yes", sensitive="<b>"))
    assert found.table["groups"][0] == 5
    assert "<script>" not in found._repr_html_()
    assert figure(found, "proxies").image


def test_what_it_does_not_apply_to():
    with pytest.raises(NotApplicableError, match="no sensitive column"):
        find_proxies(load_dataset("wine"))
    few = load_dataset(
        pd.DataFrame({"sex": ["f"] * 90 + ["m"] * 10, "z": np.arange(100.0), "y": ["a", "b"] * 50}),
        target="y",
        sensitive="sex",
        positive="a",
    )
    with pytest.raises(NotApplicableError, match="two groups of 30 rows"):
        find_proxies(few)
    alone = load_dataset(
        pd.DataFrame({"sex": ["f", "m"] * 50, "y": ["a", "a", "b", "b"] * 25}),
        target="y",
        sensitive="sex",
        positive="a",
    )
    with pytest.raises(NotApplicableError, match="no column beside"):
        find_proxies(alone)
    with pytest.raises(InputError, match="rows must be"):
        find_proxies(table(), rows=5)
    with pytest.raises(InputError, match="Did you mean 'sex'"):
        find_proxies(table(), sensitive="sexx")


def test_the_same_seed_gives_the_same_numbers():
    first, again = (find_proxies(table(600), rows=300, seed=3).frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_columns_that_tell_no_more_than_chance_are_not_named():
    (note,) = find_proxies(table()).findings()
    assert "title" in note.message
    assert "noise" not in note.message
