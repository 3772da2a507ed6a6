import json
import re
import shutil
import sys
import textwrap
from importlib import import_module

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from lightgbm import LGBMClassifier
from sample_notebook import sample_results
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from xgboost import XGBClassifier

from toolkit.core.result import DataRecord, ModelRecord, Record
from toolkit.data.load import load_dataset
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.slices import find_slices
from toolkit.explanation.explain import explain
from toolkit.fairness.audit import audit_fairness
from toolkit.models.load import load_audit, load_model
from toolkit.models.prediction import predict
from toolkit.models.preprocessing import make_model
from toolkit.registry import store, tracking


def people(n=600, seed=0):
    rng = np.random.default_rng(seed)
    age, sex = rng.integers(18, 80, n), rng.choice(["Female", "Male"], n)
    logit = (age - 50) / 15 + 0.8 * (sex == "Male") + rng.logistic(size=n)
    return pd.DataFrame(
        {
            "age in years": age,
            "town": rng.choice(["Oslo", "Bergen", "Tromsø"], n),
            "noise": rng.normal(size=n),
            "sex": sex,
            "buys": np.where(logit > 0, "yes", "no"),
        }
    )


FEATURES = ["age in years", "noise"]


@pytest.fixture(autouse=True)
def _no_address(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("TOOLKIT_OUT", raising=False)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """Track a model of the toolkit's own in a store beside a reports folder."""
    out = tmp_path_factory.mktemp("store") / "reports"
    data = load_dataset(people(), target="buys", sensitive="sex")
    model = make_model(LogisticRegression(max_iter=1000), data.features).fit(data.features, data.target)
    record = Record(
        model=ModelRecord("logistic", model, data.features.head(3), ("scikit-learn",)),
        data=DataRecord("people", "people.csv", "sha256:ab", 600, 5, "buys", people()),
    )
    logged = tracking.log_run([record], {}, experiment="people", name="first", parameters={}, tags={}, out=out)
    with store.connect(store.beside(out)) as client:
        version = client.create_registered_model("buyers") and client.create_model_version("buyers", logged.model_uri)
        client.set_registered_model_alias("buyers", "champion", version.version)
        folder = client.get_logged_model(logged.model_uri.removeprefix("models:/")).artifact_location
    return (
        out,
        model,
        {
            "id": logged.model_uri,
            "run": f"runs:/{logged.run_id}/logistic",
            "alias": "models:/buyers@champion",
            "version": "models:/buyers/1",
            "folder": folder.removeprefix("file://"),
        },
    )


class TestLoadModel:
    @pytest.mark.parametrize("kind", ["id", "run", "alias", "version", "folder"])
    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
    def test_a_tracked_model_comes_back_with_its_probabilities(self, tracked, kind):
        out, model, addresses = tracked
        data = load_dataset(people(seed=1), target="buys")
        found = load_model(addresses[kind], out=out)
        assert (found.predict_proba(data.features) == model.predict_proba(data.features)).all()
        assert (found.name, found.version) == ("logistic", addresses["id"].removeprefix("models:/"))
        again = load_dataset(people(seed=1), target="buys", like=found)
        pd.testing.assert_frame_equal(again.features, data.features)

    @pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
    def test_a_function_of_a_table_is_called_with_the_types_it_was_signed_for(self, tmp_path):
        import mlflow

        class Total(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                assert model_input["town"].map(type).eq(str).all()
                return model_input["age"] + model_input["town"].str.len()

        signature = mlflow.models.ModelSignature(
            mlflow.types.Schema([mlflow.types.ColSpec("long", "age"), mlflow.types.ColSpec("string", "town")])
        )
        mlflow.pyfunc.save_model(
            tmp_path / "total", python_model=Total(), signature=signature, pip_requirements=["mlflow"]
        )
        found = load_model(str(tmp_path / "total"))
        assert found.columns == {"age": "number", "town": "text"}
        frame = pd.DataFrame({"town": [1, 2] * 10, "age": range(20), "y": np.arange(20) / 7 + 1})
        data = load_dataset(frame, target="y", like=found)
        assert list(data.features) == ["age", "town"]
        assert predict(found, data).y_pred.tolist() == list(range(1, 21))

    @pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
    def test_a_function_that_was_signed_for_dates_gets_dates_whatever_file_holds_them(self, tmp_path):
        import mlflow

        class Hour(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return model_input["when"].dt.hour + model_input["when"].dt.day / 100

        when = pd.date_range("2024-01-01", periods=30, freq="29h7min")
        rows = pd.DataFrame({"when": when, "x": np.arange(30) / 7, "y": np.arange(30) / 3})
        signature = mlflow.models.infer_signature(rows[["when", "x"]], np.array([0.0]))
        mlflow.pyfunc.save_model(
            tmp_path / "hour", python_model=Hour(), signature=signature, pip_requirements=["mlflow"]
        )
        found = load_model(str(tmp_path / "hour"))
        rows.to_csv(tmp_path / "rows.csv", index=False)
        for source in (rows, tmp_path / "rows.csv"):
            data = load_dataset(source, target="y", like=found)
            assert not data.notes
            assert predict(found, data).y_pred == pytest.approx(when.hour + when.day / 100)

    @pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
    @pytest.mark.parametrize(
        ("kind", "cells"),
        [
            ("boolean", [True, None] * 10),
            ("boolean", [0, 2] * 10),
            ("boolean", ["yes", "no"] * 10),
            ("long", [0.5, 1.0] * 10),
            ("integer", [1, 2**40] * 10),
        ],
    )
    def test_a_cell_that_a_signed_type_would_change_is_refused(self, tmp_path, kind, cells):
        import mlflow

        class Same(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return model_input["flag"].astype(float)

        signature = mlflow.models.ModelSignature(mlflow.types.Schema([mlflow.types.ColSpec(kind, "flag")]))
        about = {"signature": signature, "pip_requirements": ["mlflow"]}
        mlflow.pyfunc.save_model(tmp_path / "same", python_model=Same(), **about)
        data = load_dataset(pd.DataFrame({"flag": cells, "y": np.arange(20) / 7 + 1}), target="y")
        with pytest.raises(InputError, match="flag"):
            predict(load_model(str(tmp_path / "same")), data)

    def test_a_pickled_model_is_read(self, tmp_path):
        model = LinearRegression().fit([[0.0], [1.0]], [0, 1])
        joblib.dump(model, tmp_path / "line.joblib")
        assert load_model(str(tmp_path / "line.joblib")).predict([[2.0]])[0] == pytest.approx(2)

    def test_an_import_path_names_a_model_or_what_makes_one(self, tmp_path, monkeypatch):
        (tmp_path / "their_models.py").write_text(
            textwrap.dedent("""
                from sklearn.linear_model import LinearRegression
                ready = LinearRegression().fit([[0.0], [1.0]], [0, 1])
                raw = LinearRegression()
                number = 3
                def make():
                    return ready
                def broken():
                    raise RuntimeError("no weights")
                class Box:
                    inner = ready
            """)
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        for address in ("their_models:ready", "their_models.ready", "their_models:make", "their_models:Box.inner"):
            assert load_model(address).predict([[2.0]])[0] == pytest.approx(2)
        for address, message in {
            "their_models:redy": "there is no 'redy'. Did you mean 'ready'",
            "their_models:number": "is a int, not a model",
            "their_models:broken": "could not make the model: RuntimeError: no weights",
            "their_models:raw": "is not fitted",
            "their_models:Box": "has no 'predict'",
            "their_model:ready": "cannot be imported: No module named 'their_model'",
        }.items():
            with pytest.raises(InputError, match=message):
                load_model(address)
        sys.modules.pop("their_models")

    @pytest.mark.filterwarnings("ignore:.*Any type hint")
    @pytest.mark.parametrize("maker", ["lightgbm", "xgboost"])
    @pytest.mark.parametrize("where", ["file", "tracked", "function"])
    def test_a_booster_is_read_as_the_scores_it_predicts(self, maker, where, tmp_path, monkeypatch):
        rows = people()
        taken, bought = rows[["age in years", "noise"]], (rows["buys"] == "yes").astype(int)
        if maker == "lightgbm":
            booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(taken, bought), 9)
            scores = booster.predict(taken)
        else:
            booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(taken, bought), 9)
            scores = booster.predict(xgboost.DMatrix(taken))
        joblib.dump(booster, tmp_path / "booster.pkl")
        address = str(tmp_path / "booster.pkl")
        if where == "tracked":
            import_module(f"mlflow.{maker}").save_model(booster, str(tmp_path / "logged"))
            address = str(tmp_path / "logged")
        elif where == "function":
            columns = list(taken)
            calls = {
                "lightgbm": f"booster.predict(rows[{columns}])",
                "xgboost": f"booster.inplace_predict(rows[{columns}])",
            }
            code = (
                f"import joblib\nbooster = joblib.load({address!r})\ndef made(): return lambda rows: {calls[maker]}\n"
            )
            (tmp_path / "their_scores.py").write_text(code)
            monkeypatch.syspath_prepend(str(tmp_path))
            monkeypatch.delitem(sys.modules, "their_scores", raising=False)
            address = "their_scores:made"
        model, data = load_audit(model=address, data=rows, target="buys", positive="yes", sensitive="sex")
        found = evaluate(model, data).scalars()["test.roc_auc"].value
        assert found == pytest.approx(roc_auc_score(bought, scores))
        assert where == "function" or list(data.features) == list(taken)

    def test_boosters_of_classes_and_of_numbers_are_judged(self):
        rows = people()
        taken = rows[["age in years", "noise"]].assign(age=lambda table: table.pop("age in years"))
        grade = pd.cut(taken["age"], [0, 30, 50, 100], labels=["a", "b", "c"])
        table = taken.assign(grade=grade.astype(str))
        settings = {"objective": "multi:softprob", "num_class": 3}
        several = xgboost.train(settings, xgboost.DMatrix(taken, grade.cat.codes), 5)
        model, data = load_audit(model=several, data=table, target="grade")
        assert evaluate(model, data).scalars()["test.accuracy"].value > 0.99
        one = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(taken, rows["noise"]), 50)
        model, data = load_audit(model=one, data=taken.assign(y=rows["noise"]), target="y")
        assert evaluate(model, data).scalars()["test.r2"].value > 0.9

    def test_a_model_that_is_not_there_is_one_clear_error(self, tracked, tmp_path):
        out, _, addresses = tracked
        for address in ("models:/buyers@nobody", "models:/sellers/1", "models:/m-00ff", "runs:/00ff/logistic"):
            with pytest.raises(InputError, match=f"There is no model '{address}'") as caught:
                load_model(address, out=out)
            assert re.search(r"[^.]\. MLFLOW_TRACKING_URI", str(caught.value))
        with pytest.raises(InputError, match="nothing has been tracked"):
            load_model("models:/buyers@champion", out=tmp_path / "reports")
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "broken.pkl").write_bytes(b"no pickle")
        (tmp_path / "moved.pkl").write_bytes(b"cno_such_module\nNetwork\n.")
        (tmp_path / "table.csv").write_text("a")
        (tmp_path / "folder").mkdir()
        for file, cut in (("schema.json", b"{"), ("training_rows.json", b""), ("threshold.json", b"\x00\xff")):
            shutil.copytree(addresses["folder"], tmp_path / file)
            (tmp_path / file / "extra_files").mkdir(exist_ok=True)
            (tmp_path / file / "extra_files" / file).write_bytes(cut)
        for address, message in {
            str(tmp_path / "schema.json"): "cannot be loaded here: JSONDecodeError: Expecting property name",
            str(tmp_path / "training_rows.json"): "cannot be loaded here: JSONDecodeError: Expecting value",
            str(tmp_path / "threshold.json"): "cannot be loaded here: UnicodeDecodeError: 'utf-8' codec",
            str(tmp_path / "brokn.pkl"): "Did you mean 'broken.pkl'",
            str(tmp_path / "broken.pkl"): "cannot be loaded here: .* Is it a file that joblib or pickle wrote",
            str(tmp_path / "moved.pkl"): "No module named 'no_such_module'. Its code must be in a module, installed or",
            str(tmp_path / "table.csv"): "not the address of a model",
            str(tmp_path / "folder"): "not the address of a model",
            "boosting": "not the address of a model",
            " ": "not the address of a model",
        }.items():
            with pytest.raises(InputError, match=message):
                load_model(address)


class TestLoadAudit:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "found neither"),
            ({"data": "wine"}, "found neither"),
            ({"model": "a.b", "predictions": "c.csv"}, "found both"),
            ({"model": "a.b"}, "needs data"),
            ({"predictions": "c.csv", "target": "y"}, "with y_true, not with target"),
            ({"predictions": "none.csv"}, "There is no file 'none.csv'"),
            ({"model": "no_such_module:model", "data": "wine"}, "cannot be imported"),
        ],
    )
    def test_what_does_not_make_an_audit_is_said(self, given, message):
        with pytest.raises(InputError, match=message):
            load_audit(**given)

    def test_of_a_report_the_model_that_it_logged_is_named(self, tmp_path):
        (tmp_path / "results.json").write_text(
            json.dumps(sample_results(mlflow={"run_id": "0a", "experiment": "e", "model_uri": "models:/m-1"}))
        )
        with pytest.raises(InputError, match="Of this report give models:/m-1, the model that it logged"):
            load_model(str(tmp_path))

    def test_predictions_beside_their_data(self):
        rows = people()
        rows.loc[3, "buys"] = None
        score = np.linspace(0, 1, 600)
        recorded, data = load_audit(
            predictions={"y_score": score}, data=rows, target="buys", positive="yes", sensitive=["sex"]
        )
        found = evaluate(recorded, data)
        known = rows["buys"].notna()
        wanted = roc_auc_score(rows["buys"][known] == "yes", score[known])
        assert found.numbers["test.roc_auc"].value == pytest.approx(wanted, abs=1e-12)
        assert list(data.features) == ["age in years", "town", "noise", "sex"]

    def test_the_truth_may_be_in_both_in_another_type(self):
        rows = people().assign(buys=lambda frame: (frame["buys"] == "yes").astype(int))
        given = {"y_pred": [1] * 600, "y_true": rows["buys"].astype(bool)}
        recorded, data = load_audit(predictions=given, data=rows, target="buys")
        assert evaluate(recorded, data).numbers["test.accuracy"].value == pytest.approx(rows["buys"].mean(), abs=1e-12)

    @pytest.mark.parametrize(
        ("predictions", "message"),
        [
            ({"y_score": [0.5] * 599}, "holds 599 predictions, but the data has 600 rows"),
            ({"y_pred": ["yes"] * 601}, "holds 601 predictions, but the data has 600 rows"),
            ({"y_pred": ["yes"] * 600, "y_true": ["no"] * 600}, "differ in [0-9]+ of 600 rows"),
        ],
    )
    def test_predictions_of_other_rows_are_refused(self, predictions, message):
        with pytest.raises(InputError, match=message):
            load_audit(predictions=predictions, data=people(), target="buys")

    def test_a_model_that_predicts_codes_speaks_the_labels_of_the_target(self):
        rows = people()
        model = XGBClassifier(n_estimators=20).fit(rows[FEATURES], (rows["buys"] == "yes").astype(int))
        subject, data = load_audit(model=model, data=rows, target="buys", positive="yes")
        assert data.classes == subject.classes == ("no", "yes")
        assert set(subject.predict(data.features)) == {"no", "yes"}
        wanted = roc_auc_score(rows["buys"] == "yes", model.predict_proba(rows[FEATURES])[:, 1])
        found = evaluate(subject, data, latency=False)
        assert "0 for 'no', 1 for 'yes'" in next(
            note.message for note in found.findings() if note.code == "MODEL-LABELS-CODED"
        )
        assert found.numbers["test.roc_auc"].value == pytest.approx(wanted, abs=1e-12)
        turned, data = load_audit(model=model, data=rows, target="buys", positive="no")
        assert "EVAL-RANKS-BACKWARDS" in {finding.code for finding in evaluate(turned, data, latency=False).findings()}

    def test_labels_in_another_type_are_the_same_labels(self):
        rows = people().assign(buys=lambda frame: (frame["buys"] == "yes").astype(int))
        model = LogisticRegression().fit(rows[FEATURES], rows["buys"].map(str))
        subject, data = load_audit(model=model, data=rows, target="buys")
        assert data.classes == subject.classes == (0, 1)
        wanted = (model.predict(rows[FEATURES]) == rows["buys"].map(str)).mean()
        assert evaluate(subject, data, latency=False).numbers["test.accuracy"].value == pytest.approx(wanted, abs=1e-12)

    def test_classes_that_have_nothing_in_common_stay_an_error(self):
        model = LogisticRegression().fit(people()[FEATURES], np.where(people()["noise"] > 0, "left", "right"))
        subject, data = load_audit(model=model, data=people(), target="buys")
        with pytest.raises(InputError, match="predicts left, right, but target 'buys' holds no, yes"):
            evaluate(subject, data)

    def test_the_task_is_the_models(self):
        rows = people().assign(score=lambda frame: frame["age in years"] // 10)
        model = LinearRegression().fit(rows[["noise"]], rows["score"])
        assert load_audit(model=model, data=rows, target="score")[1].task == "regression"
        classifier = LogisticRegression(max_iter=1000).fit(rows[["noise"]], rows["score"])
        assert load_audit(model=classifier, data=rows, target="score")[1].task == "multiclass"

    @pytest.mark.parametrize(
        "model",
        [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
        ids=["plain", "pipeline"],
    )
    def test_a_model_fitted_on_an_array_gets_the_columns_by_place(self, model):
        rows = people()
        model = model.fit(rows[FEATURES].to_numpy(), rows["buys"])
        wanted = model.predict_proba(rows[FEATURES].to_numpy())
        subject, data = load_audit(model=model, data=rows, target="buys", drop=["town", "sex"])
        assert "MODEL-COLUMNS-BY-PLACE" in {finding.code for finding in evaluate(subject, data).findings()}
        assert (subject.predict_proba(data.features) == wanted).all()
        with pytest.raises(
            InputError, match="fitted on 2 columns without names, but the table has 4: age in years, town"
        ):
            load_audit(model=model, data=rows, target="buys")

    def test_probabilities_of_another_shape_are_one_clear_error(self):
        class Single:
            classes_ = np.array(["no", "yes"])

            def predict(self, features):
                return np.full(len(features), "no")

            def predict_proba(self, features):
                return np.full((len(features), 1), 0.5)

        with pytest.raises(InputError, match="a column for each of no, yes; it gave an array of 600 x 1"):
            evaluate(*load_audit(model=Single(), data=people(), target="buys"))

    def test_the_reason_of_a_failure_is_kept_where_it_stands_at_the_end_of_a_long_text(self):
        class Signed:
            classes_ = np.array(["no", "yes"])

            def predict(self, features):
                raise ValueError(f"Failed to enforce the schema of\n{'0.5 ' * 500}\nError: cannot convert str to date.")

        with pytest.raises(InputError, match=r"Failed to enforce the schema of .* … .* cannot convert str to date\.$"):
            evaluate(*load_audit(model=Signed(), data=people(), target="buys"))

    def test_a_model_that_fails_on_the_table_is_one_clear_error(self):
        class Picky:
            classes_ = np.array(["no", "yes"])

            def predict(self, features):
                raise KeyError("income")

        with pytest.raises(InputError, match=r"Picky\.predict failed on the 4 columns of table: KeyError: 'income'"):
            evaluate(*load_audit(model=Picky(), data=people(), target="buys"))


def audit(model, rows, **options):
    """Run every step of an audit on a model; return the numbers of all of them."""
    subject, data = load_audit(model=model, data=rows, target="buys", positive="yes", sensitive=["sex"], **options)
    results = [
        evaluate(subject, data, baseline="guess", latency=False),
        audit_fairness(subject, data, replicates=500),
        find_slices(subject, data),
        explain(subject, data, most_rows=40, seconds=5),
    ]
    numbers = {}
    for result in results:
        assert result._repr_html_()
        numbers |= result.scalars()
    return numbers


@pytest.fixture(scope="module")
def rows():
    return people(), people(seed=1)


class TestForeignModels:
    """Models of other libraries, fitted as their users do, on frames of their own making."""

    def check(self, numbers, truth, score):
        assert numbers["test.roc_auc"].value == pytest.approx(roc_auc_score(truth == "yes", score), abs=1e-12)
        assert numbers["difference.roc_auc"].low > 0
        women = pd.Series(score)[(people(seed=1)["sex"] == "Female").to_numpy()]
        assert numbers["fairness.sex.Female.selection_rate"].value == pytest.approx((women >= 0.5).mean(), abs=1e-12)
        shap = {name: numbers[f"explanation.{name}.mean_abs_shap"].value for name in FEATURES}
        assert shap["age in years"] > 2 * shap["noise"]
        assert numbers["explanation.additivity_gap"].value < 1e-3

    def test_lightgbm_with_categories_of_its_own(self, rows):
        train, test = (part.astype({"town": "category", "sex": "category"}) for part in rows)
        names = ["town", *FEATURES, "sex"]
        model = LGBMClassifier(n_estimators=30, verbose=-1, seed=0).fit(train[names], train["buys"])
        self.check(audit(model, rows[1]), test["buys"], model.predict_proba(test[names])[:, 1])

    def test_xgboost_with_coded_labels(self, rows):
        train, test = rows
        names = [*FEATURES]
        model = XGBClassifier(n_estimators=30).fit(train[names], (train["buys"] == "yes").astype(int))
        numbers = audit(model, test)
        self.check(numbers, test["buys"], model.predict_proba(test[names])[:, 1])

    def test_xgboost_with_categories_meets_one_it_has_not_seen(self, rows):
        train, test = (part.astype({"town": "category"}) for part in rows)
        names = ["town", *FEATURES]
        model = XGBClassifier(n_estimators=5, enable_categorical=True)
        model.fit(train[names], (train["buys"] == "yes").astype(int))
        subject, data = load_audit(model=model, data=rows[1], target="buys", positive="yes")
        wanted = roc_auc_score(test["buys"] == "yes", model.predict_proba(test[names])[:, 1])
        assert evaluate(subject, data, latency=False).numbers["test.roc_auc"].value == pytest.approx(wanted, abs=1e-12)
        strange = rows[1].assign(town="Paris")
        found = evaluate(*load_audit(model=model, data=strange, target="buys", positive="yes"), latency=False)
        assert found.numbers["test.roc_auc"].has_interval

    def test_pytorch_wrapped_for_scikit_learn(self, rows):
        torch = pytest.importorskip("torch")
        from sklearn.base import BaseEstimator, ClassifierMixin

        class Network(ClassifierMixin, BaseEstimator):
            def fit(self, features, target):
                self.classes_ = np.unique(target)
                self.feature_names_in_ = np.asarray(features.columns, dtype=object)
                torch.manual_seed(0)
                self.net_ = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
                x, y = self.tensor(features), torch.as_tensor(np.searchsorted(self.classes_, target))
                optimizer = torch.optim.Adam(self.net_.parameters(), lr=0.05)
                for _ in range(150):
                    optimizer.zero_grad()
                    torch.nn.functional.cross_entropy(self.net_(x), y).backward()
                    optimizer.step()
                return self

            def tensor(self, features):
                return torch.as_tensor(features.to_numpy(dtype=np.float32)) / torch.tensor([50.0, 1.0])

            def predict_proba(self, features):
                with torch.no_grad():
                    return torch.softmax(self.net_(self.tensor(features)), dim=1).numpy()

            def predict(self, features):
                return self.classes_[self.predict_proba(features).argmax(axis=1)]

        train, test = rows
        model = Network().fit(train[FEATURES], train["buys"].to_numpy(dtype=str))
        self.check(audit(model, test), test["buys"], model.predict_proba(test[FEATURES])[:, 1].astype(float))

    @pytest.mark.parametrize("encoded", [False, True])
    def test_skorch_is_audited_by_the_file_it_was_saved_to(self, rows, encoded, tmp_path, monkeypatch):
        skorch, torch = pytest.importorskip("skorch"), pytest.importorskip("torch")
        (tmp_path / "their_network.py").write_text(
            textwrap.dedent("""
                import torch
                def network():
                    layers = torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2), torch.nn.Softmax(1)
                    return torch.nn.Sequential(*layers)
                def numbers(table):
                    return table.astype("float32")
            """)
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        their_network = import_module("their_network")
        train, test = (((part[FEATURES] - [50, 0]) / [15, 1]).join(part[["sex", "buys"]]) for part in rows)
        torch.manual_seed(0)
        net = skorch.NeuralNetClassifier(
            their_network.network, max_epochs=20, lr=0.02, optimizer=torch.optim.Adam, verbose=0
        )
        scale = ColumnTransformer([("scale", StandardScaler(), FEATURES)])
        model = make_pipeline(scale, FunctionTransformer(their_network.numbers), net) if encoded else net

        def given(part):
            return part[FEATURES] if encoded else part[FEATURES].to_numpy(dtype=np.float32)

        model.fit(given(train), (train["buys"] == "yes").to_numpy(dtype=np.int64))
        joblib.dump(model, tmp_path / "network.joblib")
        address = str(tmp_path / "network.joblib")
        self.check(audit(address, test, drop="sex"), test["buys"], model.predict_proba(given(test))[:, 1].astype(float))
        if not encoded:
            with pytest.raises(InputError, match=r"other columns: sex\. Leave them out with drop"):
                load_audit(model=address, data=test, target="buys")
        sys.modules.pop("their_network")
