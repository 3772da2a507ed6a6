"""Profiles: saved and read, merged, refused when they are not what they should be."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import as_dataset, load_dataset
from toolkit.data.read import read_table
from toolkit.drift.detect import detect_drift
from toolkit.drift.profile import load_profile, read_profile, summarize
from toolkit.errors import InputError
from toolkit.monitoring.pair import load_drift


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "whole": rng.integers(0, 40, rows),
            "label": rng.choice(["a", "é", "<b>", "x\ny"], rows),
            "empty": np.nan,
            "row": np.arange(rows),
        }
    )


def test_a_profile_comes_back_as_it_was(tmp_path):
    profile = summarize(table(5000), name="people")
    back = load_profile(profile.save(tmp_path / "profile.json"))
    assert (back.name, back.rows, back.roles) == ("people", 5000, profile.roles)
    for name, column in profile.columns.items():
        other = back.columns[name]
        assert (other.dtype, other.missing) == (column.dtype, column.missing)
        assert other.counts.tolist() == column.counts.tolist()
        if column.is_number:
            np.testing.assert_allclose(other.distinct, column.distinct, rtol=1e-9)
        else:
            assert other.distinct.tolist() == column.distinct.tolist()
    assert set(detect_drift(profile, back).table["verdict"]) == {"stable", "left out"}


def test_a_profile_holds_no_identifier_and_is_small(tmp_path):
    path = summarize(table(200_000)).save(tmp_path / "profile.json")
    content = json.loads(path.read_text())
    assert path.stat().st_size < 20_000
    held = {column["name"]: column for column in content["columns"]}
    assert (held["row"]["dtype"], held["row"]["values"]) == ("identifier", [])
    assert len(held["number"]["values"]) < 350


def test_a_row_number_is_an_identifier_in_a_part_of_its_table_too(tmp_path):
    before, after = table(500), table(200, 1).assign(row=np.arange(1000, 1200))
    before, after = (rows.rename(columns={"row": "customer"}) for rows in (before, after))
    data = load_dataset(before.assign(paid=before["whole"] > 20), target="paid")
    part = data.take(np.random.default_rng(0).permutation(500)[:300])  # with gaps, as in the rows that train a model
    profile = summarize(part)
    assert (profile.columns["customer"].dtype, len(profile.columns["customer"].distinct)) == ("identifier", 0)
    labels = after[["customer"]].assign(paid=after["whole"] > 20)
    path = str(profile.save(tmp_path / "profile.json"))
    joined = load_drift(reference=path, current=after, labels=labels, labels_by="customer")[1]
    for reference, current in ((part, load_dataset(after, like=data)), (profile, after), (profile, joined)):
        drift = detect_drift(reference, current)
        assert drift.broken == []
        assert drift.table.set_index("column").loc["customer", "why"] == "looks like an identifier"


def test_a_profile_shows_what_it_holds_and_is_kept_with_a_model():
    profile = summarize(table(500), name="people")
    frame = profile.frame().set_index("column")
    assert frame.loc["label"].tolist() == ["feature", "category", 0.0, 4]
    assert frame.loc["empty", ["kind", "missing"]].tolist() == ["missing", 1.0]
    assert "people: 500 rows, 5 columns" in profile._repr_html_()
    assert (profile.scalars(), profile.findings(), profile.pictures()) == ({}, [], {})
    with pytest.raises(InputError, match="Profile has nothing to draw: people: 500 rows"):
        profile.plot("bars")
    (kept,) = profile.record().kept.values()
    assert read_profile(kept, "here").frame().equals(profile.frame())


def test_profiles_of_pieces_merge_into_that_of_the_whole():
    whole = table(9000)
    pieces = [summarize(whole.drop(columns="row").iloc[start : start + 3000]) for start in (0, 3000, 6000)]
    merged = pieces[0].merged(pieces[1]).merged(pieces[2])
    expected = summarize(whole.drop(columns="row"))
    assert merged.rows == 9000
    for name in ("whole", "label"):
        assert merged.columns[name].counts.tolist() == expected.columns[name].counts.tolist()
    number = merged.columns["number"]
    assert number.mean == pytest.approx(expected.columns["number"].mean)
    assert number.std == pytest.approx(expected.columns["number"].std)
    assert number.error < 0.02
    rows = detect_drift(expected, merged).table.set_index("column")
    assert rows.loc["number", "distance"].value < 0.02


def test_profiles_of_other_columns_or_kinds_do_not_merge():
    first = summarize(table(100))
    with pytest.raises(InputError, match="'label' is not in both alike"):
        first.merged(summarize(table(100).drop(columns="label")))
    with pytest.raises(InputError, match="'whole' is int64 in one profile and category in the other"):
        first.merged(summarize(table(100).assign(whole=["a", "b"] * 50)))


def test_profiles_of_rows_with_weights_do_not_merge():
    """Of each piece only the proportions of its weights are known: 9 and 1 would count alike."""
    rows = pd.DataFrame({"x": np.repeat([0.0, 3.0], 100), "w": np.repeat([9.0, 1.0], 100)})
    first, second = (summarize(as_dataset(rows[start : start + 100], "rows", weight="w")) for start in (0, 100))
    with pytest.raises(InputError, match="rows with weights 'w' cannot be merged"):
        first.merged(second)


BROKEN = {
    "absent": (None, "cannot be read: No such file"),
    "not JSON": ("{", "is not a profile: it is not JSON"),
    "other JSON": ("[1, 2]", "is not a profile. Make one with summarize"),
    "other version": ('{"kind": "toolkit drift profile", "schema": 99}', "version 99; this toolkit reads 4"),
    "no columns": ('{"kind": "toolkit drift profile", "schema": 4, "name": "x", "rows": 2}', "is a broken profile"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_profile_is_refused(name, tmp_path):
    content, said = BROKEN[name]
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said):
        load_profile(path)


@pytest.mark.parametrize("odd", [float("inf"), float("nan"), "many", None, [], {}])
def test_numbers_that_are_none_are_refused(odd, tmp_path):
    written = summarize(table(50)).save(tmp_path / "profile.json").read_text(encoding="utf-8")
    for at, place in ((-1, "rows"), (0, "rows"), (0, "missing"), (0, "groups")):
        content = json.loads(written)
        [*content["columns"], content][at][place] = odd
        with pytest.raises(InputError, match="broken profile"):
            read_profile(json.dumps(content), "here")


def test_counts_that_do_not_add_up_are_refused(tmp_path):
    path = summarize(table(50)).save(tmp_path / "profile.json")
    content = json.loads(path.read_text())
    content["columns"][1]["counts"][0] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"broken profile.*'whole' do not add up"):
        load_profile(path)


def test_a_profile_gets_its_folder_but_not_in_a_file(tmp_path):
    path = summarize(table(20)).save(tmp_path / "new" / "profile.json")
    with pytest.raises(InputError, match="Cannot write"):
        summarize(table(20)).save(path / "profile.json")


def test_a_later_table_is_read_as_that_of_the_profile_was(tmp_path):
    rows = [f"00{7 + n % 3},{n % 28 + 1:02}/{n % 5 + 2:02}/2021,Ann{n}x" for n in range(60)]
    first, later = tmp_path / "first.csv", tmp_path / "later.csv"
    first.write_text("\n".join(["code,start,person", *rows]))
    later.write_text("code,start,side\n" + "007,02/01/2022,a\n010,03/04/2022,b\n" * 6)
    path = summarize(as_dataset(read_table(first), "table")).save(tmp_path / "profile.json")
    assert "Ann" not in path.read_text()
    pieces = []
    for code in ("009", "010"):
        first.write_text("\n".join(["code,start", *(row.rpartition(",")[0].replace("009", code) for row in rows)]))
        pieces.append(summarize(as_dataset(read_table(first), "table")))
    merged = pieces[0].merged(pieces[1])
    days = (pd.to_datetime(["2022-01-02", "2022-04-03"]) - pd.Timestamp("1970-01-01")).days.tolist()
    for known, unseen in ((path, ["code"]), (load_profile(path), ["code"]), (merged, [])):
        read = load_dataset(later, like=known, target="side")
        assert read.features["code"].tolist()[:2] == ["007", "010"]
        assert read.features["start"].tolist()[:2] == days
        assert [note.where for note in read.notes if note.code == "DATA-UNSEEN-LABELS"] == unseen


def test_a_table_is_read_alike_whether_it_meets_the_reference_or_its_profile(tmp_path):
    rng = np.random.default_rng(0)
    codes, days = rng.integers(10_000, 10_020, 800), pd.date_range("2024-01-01", "2024-12-28", periods=800)
    frame = pd.DataFrame(
        {"zip": codes, "day": days.strftime("%d/%m/%Y"), "answer": rng.choice(["1", "2", "none"], 800)}
    )
    early = frame[days.day <= 12].sample(200, random_state=0)
    for name, one in {"before": frame, "now": early}.items():
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    kinds = {"zip": "text", "answer": "text"}
    reference = load_dataset(tmp_path / "before.csv", target="answer", kinds=kinds)
    kept = summarize(reference).save(tmp_path / "profile.json")
    later = read_table(tmp_path / "now.csv", reference.schema).frame
    found = [detect_drift(one, later) for one in (reference, summarize(reference))]
    found.append(detect_drift(*load_drift(reference=kept, current=tmp_path / "now.csv")[:2]))
    verdicts = [one.table.set_index("column")["verdict"].to_dict() for one in found]
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert found[0].current.columns["day"].mean == found[2].current.columns["day"].mean


def test_profiles_with_an_identifier_merge_whatever_the_other_has():
    def table(seed, **columns):
        rng = np.random.default_rng(seed)
        return pd.DataFrame({"id": [f"u{seed}-{row}" for row in range(300)], "x": rng.normal(size=300)} | columns)

    first, second = (summarize(load_dataset(table(seed), target="x")) for seed in (0, 1))
    merged = first.merged(second).columns["id"]
    assert (merged.dtype, merged.rows, merged.known) == ("identifier", 600, 0)
    texts = summarize(load_dataset(table(2, id=["a", "b", "c"] * 100), target="x"))
    for one, other in ((first, texts), (texts, first)):
        both = one.merged(other).columns["id"]
        assert (both.dtype, both.rows, both.known) == ("category", 600, 300)


def test_the_record_names_the_current_table_as_it_was_read():
    data = load_dataset("wine")
    model = LogisticRegression(max_iter=5000).fit(data.features, data.target)
    known = summarize(data, model=model)
    for reference, given in ((known, model), (known, None), (data, model), (data, None)):
        said = detect_drift(reference, data, model=given).record().data
        assert (said.fingerprint, said.source, said.rows, said.columns) == (data.fingerprint, data.source, 178, 14)
