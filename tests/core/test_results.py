"""One type writes results.json and reads it, distrusts the file, and gives the schema that is published."""

import json
import math
import subprocess
import sys

import pytest
import schemas
from card_reports import report
from hypothesis import given, settings, strategies as st

from toolkit.core.estimate import Estimate
from toolkit.core.result import DataInfo, Finding
from toolkit.core.results import (
    KeyNumber,
    ModelInfo,
    PolicyVerdict,
    Results,
    RuleOutcome,
    RunInfo,
    adapter,
    read_results,
)
from toolkit.errors import InputError

NUMBER = Estimate(0.5, 0.4, 0.6, 100)
FULL = Results(
    template="experiment",
    title="<b>Title</b>",
    created="2026-11-26T12:00:00+00:00",
    parameters={"data": "wine", "drop": ["é", None], "options": {"a": [1, 2.5, True]}},
    data=DataInfo("wine", "wine.csv", "sha256:" + "ab" * 32, 178, 14, "cultivar"),
    model=ModelInfo("ridge", ("scikit-learn==1.9.1",), {"hue": "float64"}, {"alpha": 1.0}),
    recorded={"metric": "r2"},
    key_numbers=(KeyNumber("test.r2", "R²", NUMBER, "test part", "baseline", Estimate(0.1), Estimate(math.nan)),),
    scalars={"test.r2": NUMBER, "test.bias": Estimate(math.nan, n=5), "data.rows": Estimate(178, n=178)},
    findings=(Finding("DATA-MISSING", "low", "5% are missing.", "hue"),),
    verdict=PolicyVerdict("pass", "Ours", (RuleOutcome("test.r2", "at least 0.3", "pass", NUMBER, "All."),), ("x.y",)),
    environment={"python": "3.11"},
    mlflow=RunInfo("0" * 32, "wine", "1", "models:/m-1"),
    artifacts=("report.html",),
)


def refused(content):
    with pytest.raises(InputError, match=r"^This (does not hold the results of a report|was written by)") as error:
        Results.read(content)
    assert len(str(error.value)) < 500
    return str(error.value)


class TestRoundTrip:
    def test_what_was_written_is_read_back_and_written_the_same(self):
        back = Results.read(FULL.to_json())
        assert back.to_json() == FULL.to_json()
        assert (back.scalars["test.r2"], back.verdict.rules[0].number) == (NUMBER, NUMBER)
        assert (back.key_numbers[0].other.value, back.findings, back.model) == (0.1, FULL.findings, FULL.model)

    def test_json_has_no_number_that_is_none(self):
        plain = json.loads(FULL.to_json())
        assert plain["scalars"]["test.bias"] is None
        assert plain["scalars"]["data.rows"] == {"value": 178, "low": None, "high": None, "n": 178}
        assert plain["verdict"]["rules"][0]["number"] == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}
        assert json.loads(json.dumps(FULL.verdict.plain())) == plain["verdict"]

    @settings(deadline=None)
    @given(st.floats(), st.floats(), st.floats(), st.integers(0, 2**60))
    def test_any_number_comes_back_as_far_as_it_is_finite(self, value, low, high, n):
        written = Results(data=DataInfo("t"), scalars={"a": Estimate(value, low, high, n)}).plain()
        back = Results.read(written).scalars["a"]
        if not math.isfinite(value):
            assert math.isnan(back.value)
            return
        assert (back.value, back.n) == (value, n)
        for end, given_end in ((back.low, low), (back.high, high)):
            assert end == given_end if math.isfinite(given_end) else math.isnan(end)

    def test_a_report_is_read_by_its_folder_its_page_or_the_file(self, tmp_path):
        (tmp_path / "results.json").write_text(FULL.to_json(), encoding="utf-8")
        for path in (tmp_path, tmp_path / "report.html", tmp_path / "results.json"):
            assert read_results(path).to_json() == FULL.to_json()


class TestDistrust:
    @pytest.mark.parametrize(
        "entry",
        [
            "0.5",
            True,
            [],
            {"value": "0.5", "low": None, "high": None, "n": 1},
            {"value": 0.5, "low": None, "high": None, "n": 1.5},
            {"value": 0.5, "low": None, "high": None, "n": -1},
            {"value": 0.5, "low": True, "high": None, "n": 1},
            {"value": 0.5, "low": 0.4, "high": 0.6},
            {"value": 0.5, "low": 0.4, "high": 0.6, "n": 1, "p": 0.05},
            {"value": None, "low": None, "high": None, "n": 1},
        ],
    )
    def test_a_number_that_is_no_number_is_refused(self, entry):
        content = FULL.plain() | {"scalars": {"test.r2": entry}}
        assert "scalars.test.r2" in refused(content)
        assert "scalars.test.r2" in refused(json.dumps(content))
        with pytest.raises(schemas.ValidationError):
            schemas.RESULTS.validate(content)

    @pytest.mark.parametrize(
        "text", ['{"value": NaN', '{"value": Infinity', '{"value": 1e999', '{"value": ' + "9" * 400]
    )
    def test_json_that_is_none_is_refused(self, text):
        content = f'{{"data": {{"name": "t"}}, "scalars": {{"a": {text}, "low": null, "high": null, "n": 1}}}}}}'
        assert "scalars.a.value: Input should be a " in refused(content)

    @pytest.mark.parametrize("content", ["", "[" * 100_000, "[]", "null", b"\xff", '{"title": "\\ud800"}', "{}"])
    def test_what_is_broken_is_refused(self, content):
        refused(content)

    @pytest.mark.parametrize("name", [name for name in FULL.plain() if name not in ("data", "scalars")])
    def test_what_is_missing_has_its_default_but_for_data_and_numbers(self, name):
        content = {key: value for key, value in FULL.plain().items() if key != name}
        assert Results.read(content).data.name == "wine"
        refused({**content, "unheard_of": 1})

    def test_a_later_version_is_said_to_be_one_whatever_else_it_holds(self):
        later = FULL.plain() | {"schema": 2, "unheard_of": 1, "data": None}
        assert refused(later) == (
            "This was written by another version (schema 2; this one reads 1). Make the report again."
        )

    @settings(deadline=None, max_examples=50)
    @given(
        st.dictionaries(
            st.sampled_from(sorted(FULL.plain())),
            st.recursive(
                st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                lambda one: st.lists(one) | st.dictionaries(st.text(), one),
            ),
        )
    )
    def test_content_of_any_shape_is_read_or_refused(self, changes):
        try:
            assert Results.read(FULL.plain() | changes).to_json()
        except InputError:
            return


class TestSchema:
    def test_it_is_published_as_the_type_gives_it(self):
        published = schemas.read_schema("results.schema.json")
        described = adapter(Results).json_schema(mode="serialization")
        expected = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
        assert published == expected, "write this to templates/results.schema.json"

    def test_it_describes_what_is_written(self):
        schemas.RESULTS.validate(json.loads(FULL.to_json()))
        least = Results(data=DataInfo("t"), scalars={})
        schemas.RESULTS.validate(json.loads(least.to_json()))

    @pytest.mark.parametrize("name", sorted(FULL.plain()))
    def test_every_entry_is_promised(self, name):
        with pytest.raises(schemas.ValidationError):
            schemas.RESULTS.validate({key: value for key, value in FULL.plain().items() if key != name})

    def test_the_sample_of_the_cards_is_one(self):
        Results.read(report())


def test_the_type_costs_nothing_until_it_reads():
    heavy = ["pydantic", "pandas", "numpy"]
    look = f"import sys, toolkit.core.results; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
