"""The model card: put together from reports and answers, in three forms of one content."""

import json
import math
import re

import jsonschema
import pytest
import schemas
from card_reports import number, report, with_scalars

import toolkit as tk
from toolkit.card.content import QUESTIONS, SECTIONS, environment
from toolkit.card.model_card import make_card, read_card
from toolkit.card.sections import POINTS, cross_reference
from toolkit.core.result import Result
from toolkit.errors import InputError
from toolkit.policy.policy import read_levels
from toolkit.report.summary import Summary
from toolkit.runs.publish import summarize as publish_summary

EVERY = {key: f"About {question.title}." for key, question in QUESTIONS.items()}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}} {% raw %}",
    "a\nb\r\n---\n# c",
    "javascript:alert(1)",
    "\u202eright to left",
    "x" * 10_000,
    "'; DROP TABLE runs; --",
    "*bold* _it_ [a](b) `c` |d| ~~e~~ <!-- f -->",
]


def hostile_report(text):
    scalars = report()["scalars"] | {
        f"fairness.{text}.{text}.recall": number(0.5, 0.4, 0.6, 50),
        f"fairness.{text}.b.recall": number(0.7, 0.6, 0.8, 50),
        f"fairness.{text}.equal_opportunity_difference": number(0.2, 0.1, 0.3, 100),
        f"test.class_{text}.recall": number(0.5, 0.4, 0.6),
    }
    names = {"name": text, "target": text, "source": text, "fingerprint": text, "rows": 5, "columns": 2}
    model = {"name": text, "features": {text: text}, "settings": {text: text}, "requirements": [text]}
    texts = dict.fromkeys(("title", "author", "command", "commit", "created", "template"), text)
    findings = [{"code": text, "severity": "high", "message": text, "where": text}]
    mappings = {key: {text: text} for key in ("parameters", "recorded", "environment")}
    mlflow = {"run_id": text, "model_uri": text}
    return report(scalars=scalars, data=names, model=model, findings=findings, mlflow=mlflow, **texts, **mappings)


class TestContent:
    def test_it_is_a_result_with_every_section(self):
        card = make_card(report())
        assert isinstance(card, Result)
        assert [section.id for section in card.sections] == list(SECTIONS)
        assert card.title == "Model card: logistic for buys in people"
        assert all("<div" in section._repr_html_() for section in card.sections)

    def test_what_was_recorded_is_escaped_once(self):
        section = make_card(report(author="A & B <c>", command="run -p 'x'")).section("details")
        assert dict(section.facts)["Made by"] == "A & B <c>"
        assert "A &amp; B &lt;c&gt;" in section._repr_html_()

    def test_numbers_keep_their_names_and_intervals(self):
        scalars = make_card(report()).scalars()
        assert (scalars["test.roc_auc"].low, scalars["test.roc_auc"].high) == (0.76, 0.84)
        assert math.isnan(scalars["test.precision"].value)
        assert not any(name.startswith("gates.") for name in scalars)

    def test_every_number_of_a_report_that_judges_the_model_is_in_one_section(self):
        card = make_card(report())
        placed = [name for section in card.sections for _, name in section.numbers]
        assert len(placed) == len(set(placed))
        left_out = set(report()["scalars"]) - set(placed)
        assert left_out == {"gates.passed", "cv.forest.roc_auc", "time.forest.fit_seconds"}

    def test_findings_are_said_in_full(self):
        said = "Something is the matter. " * 20
        found = [{"code": "ODD", "severity": "high", "message": said, "where": ""}]
        assert said in make_card(report() | {"findings": found}).section("caveats")._repr_html_()

    def test_groups_and_intersections_have_a_table_each(self):
        section = make_card(report()).section("quantitative")
        captions = [table.caption for table in section.tables]
        assert captions[:3] == [
            "Groups of sex, with 95% intervals",
            "Intersection of sex+race, with 95% intervals",
            "Disparities between groups, with 95% intervals",
        ]
        assert list(section.tables[0].frame.iloc[:, 0]) == ["Female", "Male"]
        assert section.tables[1].frame.iloc[0, 0] == "Female+A.1"
        assert "recall is lowest for Female+A.1 (sex+race), 0.500 [0.300, 0.700]" in section.lead

    def test_without_groups_it_says_so(self):
        scalars = {name: one for name, one in report()["scalars"].items() if not name.startswith("fairness.")}
        card = make_card(report(scalars=scalars))
        assert "no numbers by group" in card.section("quantitative").lead
        assert "CARD-NO-GROUPS" in [finding.code for finding in card.findings()]
        assert card.pictures() == {}

    def test_findings_of_the_reports_are_passed_on_but_not_that_no_policy_was_given(self):
        codes = [finding.code for finding in make_card(report(), author=EVERY).findings()]
        assert codes == ["FAIRNESS-ODDS", "DATA-MISSING"]

    def test_several_reports_are_told_apart(self):
        audit = report(
            template="audit", title="Audit", model=None, mlflow={}, parameters={"model": "models:/other@prod"}
        )
        card = make_card([report(), audit])
        assert "CARD-SEVERAL-MODELS" in [finding.code for finding in card.findings()]
        captions = [table.caption for table in card.section("metrics").tables]
        assert captions[1] == "Metrics on the test part, with 95% intervals (report 2: Audit)"
        assert card.scalars()["test.roc_auc"].value == 0.80
        assert len(card.frame()) == 2 * len(report()["scalars"])

    def test_an_audit_of_the_same_logged_model_is_about_the_same(self):
        audit = report(template="audit", model=None, mlflow={}, parameters={"model": report()["mlflow"]["model_uri"]})
        assert "CARD-SEVERAL-MODELS" not in [finding.code for finding in make_card([report(), audit]).findings()]

    def test_a_model_under_the_name_it_was_registered_by_is_the_logged_one(self):
        model = report()["model"] | {"version": "m-1"}
        audit = report(template="audit", model=model, mlflow={}, parameters={"model": "models:/buys/1"})
        assert "CARD-SEVERAL-MODELS" not in [finding.code for finding in make_card([report(), audit]).findings()]
        other = audit | {"model": model | {"version": "m-2"}}
        assert "CARD-SEVERAL-MODELS" in [finding.code for finding in make_card([report(), other]).findings()]

    def test_the_columns_that_move_the_output_are_those_of_all_rows(self):
        shap = {"town": 0.2, "age": 0.5, "a.town": 0.1, "sex.Female.age": 0.9, "age.old.town": 0.8}
        numbers = {f"explanation.{name}.mean_abs_shap": number(value, 0, 1) for name, value in shap.items()}
        card = make_card(with_scalars(**{name.replace(".", "__"): one for name, one in numbers.items()}))
        (table,) = card.section("details").tables
        assert list(table.frame.iloc[:, 0]) == ["age", "town", "a.town"]

    def test_of_two_equal_names_the_first_report_counts(self):
        card = make_card(
            [report(), with_scalars(test__roc_auc=number(0.1, 0.0, 0.2), drift__columns_share=number(0.5))]
        )
        assert card.scalars()["test.roc_auc"].value == 0.80
        assert card.scalars()["drift.columns_share"].value == 0.5
        assert "share of columns that drifted or broke" in str(card.section("caveats").tables)

    def test_results_will_do_in_place_of_a_report(self):
        data = tk.load_dataset("wine")
        card = make_card(data)
        assert card.record().data.fingerprint == data.fingerprint
        assert card.scalars()["data.rows"].value == 178

    def test_code_to_begin_with_loads_the_model_and_is_python(self):
        code = make_card(report()).section("start").code
        compile(code, "start", "exec")
        assert "load_model('models:/m-1')" in code
        assert "columns = ['age', 'town']" in code
        bare = make_card(report(mlflow={})).section("start")
        assert bare.code == ""
        assert "no logged model" in bare.lead

    def test_the_figure_carries_its_numbers(self):
        card = make_card(report())
        picture = card.pictures()["groups"]
        assert "Female: 0.600 [0.500, 0.700]" in picture.alt
        ax = card.plot("groups")
        assert [label.get_text() for label in ax.get_yticklabels()] == ["Female+A.1", "Female", "Male"]
        (dots,), (intervals,) = ax.lines, ax.collections  # no test.recall, so no line for all rows
        assert len(dots.get_xdata()) == len(intervals.get_segments()) == 3

    @pytest.mark.parametrize(("count", "shown"), [(16, 16), (60, 16)])
    def test_of_many_groups_the_outermost_are_drawn(self, count, shown):
        groups = {f"fairness.g.{place:02d}.recall": number(place / 100, 0, 1, 50) for place in range(count)}
        card = make_card(report(scalars={**groups, "fairness.g.recall_difference": number(0.1)}))
        labels = [label.get_text() for label in card.plot().get_yticklabels()]
        assert len(labels) == shown
        assert (labels[0], labels[-1]) == ("00", f"{count - 1:02d}")
        rows = card.section("quantitative").tables[0].frame.to_numpy().tolist()
        assert len(rows) == count


def test_what_is_not_set_is_said_and_one_question_is_one():
    assert environment().from_string("{{ {'max_depth': none, 'tol': 0.1} | pairs }}").render() == (
        "max_depth = none, tol = 0.1"
    )
    one = next(section for section in make_card(report()).sections if len(section.answers) == 1)
    assert "0 of 1 question answered" in one._repr_html_()


class TestCompleteness:
    def test_it_counts_the_answers(self):
        card = make_card(report(), author={"contact": "a@b.c", "risks": "Some."})
        asked = len(QUESTIONS)
        assert card.scalars()["card.completeness"].value == 2 / asked
        assert card.scalars()["card.answered"].n == asked
        assert len(card.blanks) == asked - 2
        (said,) = [one.message for one in card.findings() if one.code == "CARD-INCOMPLETE"]
        assert said.startswith(f"{asked - 2} of {asked} questions")
        assert said.endswith(f"… ({asked - 2} in all).")

    def test_blanks_stay_visible_in_every_form(self):
        card = make_card(report(), author={key: text for key, text in EVERY.items() if key != "contact"})
        assert "not provided by the author" in card.section("details")._repr_html_()
        assert card.to_markdown().count("not provided by the author") == 1
        assert json.loads(card.to_json())["blanks"] == ["Contact"]
        assert [finding.code for finding in card.findings()].count("CARD-INCOMPLETE") == 1

    def test_a_policy_can_ask_for_it(self):
        rule = {"numbers": {"card.completeness": {"min": 1}}}
        assert tk.check(rule, make_card(report())).outcome == "fail"
        assert tk.check(rule, make_card(report(), author=EVERY)).outcome == "pass"

    def test_a_report_that_fails_makes_a_card_that_says_so_first(self):
        rule = tk.check({"title": "Ours", "numbers": {"test.roc_auc": {"min": 0.9}}}, make_card(report()))
        failed = report(verdict=rule.verdict().plain())
        for card in (make_card(failed), make_card([report(), failed])):
            published = publish_summary([card], [card.record()], template="model_card", parameters={})
            assert Summary(published).verdict.meaning == (
                "Fails the policy “Ours”: ROC AUC on the test part is 0.800 [0.760, 0.840] where at least 0.9 is "
                "required."
            )
        assert make_card(report(verdict={})).record().verdict is None

    @pytest.mark.parametrize("outcome", ["undecided", "retrain", "fail"])
    def test_a_report_that_passes_does_not_hide_one_that_does_not(self, outcome):
        one, other = report(verdict={"outcome": "pass"}), report(verdict={"outcome": outcome})
        assert make_card([one, other]).record().verdict.outcome == outcome

    def test_a_policy_sees_the_numbers_of_the_reports(self):
        rule = {"numbers": {"test.roc_auc": {"min": 0.7}, "fairness.*.equal_opportunity_difference": {"max": 0.1}}}
        verdict = tk.check(rule, make_card(report()))
        assert [one.outcome for one in verdict.judged] == ["undecided", "undecided", "pass"]


class TestJson:
    @pytest.mark.parametrize("answers", [{}, EVERY])
    def test_it_is_what_the_schema_describes(self, answers):
        schemas.CARD.validate(json.loads(make_card([report(), report(title="B")], author=answers).to_json()))

    def test_the_schema_refuses_what_is_not_a_card(self):
        content = json.loads(make_card(report()).to_json())
        content["reports"][0]["results"]["scalars"]["test.roc_auc"]["value"] = "0.8"
        with pytest.raises(jsonschema.ValidationError):
            schemas.CARD.validate(content)

    def test_it_is_read_back_as_the_same_card(self, tmp_path):
        card = make_card([report(), report(title="B")], author=EVERY)
        (tmp_path / "card.json").write_text(card.to_json(), encoding="utf-8")
        for path in (tmp_path, tmp_path / "card.json"):
            assert read_card(path).to_json() == card.to_json()

    def test_every_number_that_a_section_names_is_in_its_report(self):
        content = json.loads(make_card([report(), report(title="B")]).to_json())
        named = [one for section in content["sections"] for one in section["numbers"]]
        assert len(named) > 30
        assert all(one["name"] in content["reports"][one["report"]]["results"]["scalars"] for one in named)

    def test_the_same_reports_give_the_same_bytes(self, tmp_path):
        forms = []
        for name in ("a", "b"):
            folder = tmp_path / name / "report"
            folder.mkdir(parents=True)
            (folder / "results.json").write_text(json.dumps(report()))
            card = make_card(folder, author=EVERY)
            forms.append((card.to_json(), card.to_markdown(), card.record().files["eval_results.yaml"]))
        assert forms[0] == forms[1]

    def test_the_report_is_named_by_folder_and_hash_and_not_by_a_path(self, tmp_path):
        (tmp_path / "results.json").write_text(json.dumps(report()))
        card = make_card(tmp_path / "report.html")
        assert card.reports[0].folder == tmp_path.name
        assert str(tmp_path.parent) not in card.to_json()
        assert card.reports[0].sha256 in card.to_markdown()


class TestHostile:
    @pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
    def test_texts_of_data_and_author_are_shown_as_text(self, text):
        card = make_card(hostile_report(text), author=dict.fromkeys(EVERY, text))
        schemas.CARD.validate(json.loads(card.to_json()))
        html = "".join(section._repr_html_() for section in card.sections) + card._repr_html_()
        assert "<script" not in html
        assert re.findall("<img (.{22})", html) == ['src="data:image/svg+xm']  # the card's own figure
        assert card.section("ethics").answers[0].text.splitlines()[0] in text
        assert card.pictures()["groups"].alt
        card.plot("groups").figure.canvas.draw()
        compile(card.section("start").code, "start", "exec")

    @pytest.mark.parametrize(
        ("content", "amiss"),
        [
            ({"scalars": {}, "data": {}}, "data.name: Field required"),
            ({"scalars": {"test.roc_auc": 7}, "data": {"name": "t"}}, r"scalars.test.roc_auc: .*, found 7\."),
            ({"scalars": {"a": {}}, "data": {"name": "t"}}, "scalars.a.value: Field required"),
            ({"scalars": {"a": number(math.inf)}, "data": {"name": "t"}}, "finite number, found inf"),
            ({"scalars": {"a": number("0.5")}, "data": {"name": "t"}}, "valid number, found '0.5'"),
            ({"scalars": {}, "data": {"name": "t", "rows": "many"}}, "data.rows: .*, found 'many'"),
            ({"scalars": {}, "data": {"name": "t"}, "verdict": 3}, "verdict: .*, found 3"),
            ({"scalars": {}, "data": {"name": "t"}, "findings": [None, {}]}, "findings.0: .*, found None"),
            ({"scalars": {}, "data": {"name": "t"}, "x" * 9999: {}}, "x…: Unexpected keyword argument"),
        ],
    )
    def test_what_is_not_results_is_one_clear_error(self, content, amiss):
        with pytest.raises(InputError, match=f"^This does not hold the results of a report: .*{amiss}") as error:
            make_card(content)
        assert len(str(error.value)) < 400

    @pytest.mark.parametrize(
        "content",
        [
            {"scalars": {}, "data": {"name": ""}},
            {"scalars": dict.fromkeys(["fairness.", "fairness..", "test.", ""]), "data": {"name": "t"}},
            {"scalars": {"test.r2": number(1e300, -1e300, 1e300)}, "data": {"name": "t"}, "model": None},
        ],
    )
    def test_results_with_little_or_odd_in_them_give_a_card(self, content):
        card = make_card(content)
        schemas.CARD.validate(json.loads(card.to_json()))
        assert card.to_markdown()
        assert card._repr_html_()
        assert card.record().data.rows == 0

    def test_many_long_groups_stay_small(self):
        groups = {
            f"fairness.sex+race.{place} {'group' * 8}.{metric}": number(0.123456, 0.1, 0.2, 50)
            for place in range(60)
            for metric in ("recall", "selection_rate", "false_positive_rate", "precision", "accuracy", "roc_auc")
        }
        apart = {"fairness.sex+race.equal_opportunity_difference": number(0.2, 0.1, 0.3)}
        model = report()["model"] | {"features": {f"column {place} {'x' * 40}": "float64" for place in range(200)}}
        content = report(model=model, scalars=report()["scalars"] | groups | apart)
        card = make_card(content, author=dict.fromkeys(EVERY, "word " * 100))
        html = "".join(section._repr_html_() for section in card.sections)
        assert len(html.encode()) < 200_000


class TestWrongInput:
    def test_a_folder_without_a_report(self, tmp_path):
        with pytest.raises(InputError, match="There is no report at"):
            make_card(tmp_path)
        (tmp_path / "results.json").write_text("[]")
        with pytest.raises(InputError, match="does not hold the results"):
            make_card(tmp_path)
        (tmp_path / "results.json").write_text("{")
        with pytest.raises(InputError, match="does not hold the results"):
            make_card(tmp_path)
        (tmp_path / "results.json").write_text("{}")
        with pytest.raises(InputError, match="data: Field required"):
            make_card(tmp_path)

    @pytest.mark.parametrize("reports", [[], "", [None]])
    def test_no_report(self, reports):
        with pytest.raises(InputError, match=r"at least one report|A report is a folder"):
            make_card(reports)

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"reports": [], "author": {}}', '{"reports": [3], "author": {}}']
    )
    def test_a_file_that_is_no_card(self, tmp_path, text):
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(InputError, match="does not hold a model card"):
            read_card(tmp_path)
        with pytest.raises(InputError, match="There is no card"):
            read_card(tmp_path / "nowhere")

    def test_an_unknown_section_and_figure(self):
        card = make_card(report())
        with pytest.raises(InputError, match="Did you mean 'metrics'"):
            card.section("metric")
        with pytest.raises(InputError, match="has no figure"):
            card.plot("bars")


class TestWhatAValidatorAsks:
    def test_the_limits_of_the_drift_policy_stand_with_the_decision_that_each_leads_to(self):
        table = next(one for one in make_card(report()).section("caveats").tables if "Monitoring" in one.caption)
        rows = [tuple(row) for row in table.frame.itertuples(index=False)]
        assert ("retrain", "change of ROC AUC from the reference, by the labels", "at least −0.03") in rows
        assert ("watch", "share of columns that drifted or broke", "at most 0.1") in rows
        assert len(rows) == sum(len(policy.numbers) for policy in read_levels("drift").levels.values())

    @pytest.mark.parametrize(
        ("recorded", "said"),
        [
            ({"split": "stratified"}, "No: the test part is of the same time as the training part."),
            ({"split": "given"}, "Not known: the parts were given as they are."),
            ({"split": "time"}, "Yes: the test part is later than all that the model was trained on."),
            (
                {"split": "time_group", "folds": "5 expanding windows in time"},
                "Yes: the test part is later than all that the model was trained on. "
                "So is each fold of the cross-validation: 5 expanding windows in time.",
            ),
            ({}, None),
        ],
    )
    def test_whether_it_was_tested_on_a_later_time_is_said(self, recorded, said):
        card = make_card({**report(), "recorded": recorded})
        assert dict(card.section("evaluation_data").facts).get("Out-of-time test") == said

    def test_labels_of_a_drift_report_are_a_test_on_a_later_time(self):
        later = {**report(), "recorded": {}, "scalars": {"drift.realized.roc_auc": number(0.7)}}
        later["data"] |= {"name": "next year"}
        card = make_card([{**report(), "recorded": {"split": "random"}}, later])
        assert dict(card.section("evaluation_data").facts)["Out-of-time test"] == "Yes: next year, by the drift report."

    def test_the_candidates_that_were_compared_are_named(self):
        scalars = {f"cv.{name}.roc_auc": number(0.7) for name in ("baseline", "logistic", "boosting")}
        facts = make_card({**report(), "scalars": scalars | {"cv.roc_auc": number(0.7)}}).section("details").facts
        assert dict(facts)["Candidates compared"] == "baseline, logistic, boosting"


class TestRegulation:
    def test_every_point_of_each_source_is_there(self):
        names = {}
        for point in POINTS:
            names.setdefault(point["source"], []).append(point["point"])
        law, framework, guidance, standard = names.values()
        act = [*(f"1({letter})" for letter in "abcdefgh"), *(f"2({letter})" for letter in "abcdefgh"), *"3456789"]
        sizes = {"Govern": 6, "Map": 5, "Measure": 4, "Manage": 4}
        assert law == act
        assert framework == [f"{name} {place + 1}" for name, size in sizes.items() for place in range(size)]
        beginnings = [name.partition(",")[0] for name in guidance]
        assert list(dict.fromkeys(beginnings)) == ["Development", "Use", "Materiality", "Validation", "Governance"]
        assert [name.split(".")[1] for name in standard] == [*"2345", *"66666666", *["7", "8", "9", "10"]]

    def test_it_refers_only_to_what_there_is(self):
        keys, known = set(QUESTIONS), set(SECTIONS)
        for point in POINTS:
            assert set(point["answers"]) <= keys
            assert set(point["sections"]) <= known
            assert point["human"] or point["answers"] or point["numbers"]
            if point["answers"] or point["numbers"] or point["recorded"]:
                assert point["sections"]

    def test_a_point_is_covered_only_where_nothing_is_left_to_write(self):
        for answers in ({}, EVERY):
            for one in cross_reference(make_card(report()).results, answers):
                assert (one["state"] == "covered") == (one["left"] == "" and bool(one["used"]))
                assert (one["state"] == "open") == (not one["used"])

    def test_answers_and_numbers_move_a_point(self):
        reports = make_card(report()).results
        before, after = ({one["point"]: one for one in cross_reference(reports, known)} for known in ({}, EVERY))
        assert (before["4"]["state"], after["4"]["state"]) == ("open", "covered")
        assert "choice of metrics" in before["4"]["left"]
        assert (before["8"]["state"], after["8"]["state"]) == ("open", "open")
        assert after["3"]["state"] == "partly"
        assert "test.roc_auc" in " ".join(before["3"]["used"])

    def test_the_card_says_that_it_is_no_legal_advice(self):
        card = make_card(report())
        assert "not legal advice" in card.section("regulation").lead
        assert "not legal advice" in card.to_markdown()
