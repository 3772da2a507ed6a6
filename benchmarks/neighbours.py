"""Show the demo's model as skore, evidently, shapash and explainerdashboard do; `docs/neighbours.md` says how."""

import sys
from pathlib import Path

import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

TARGET, TITLE = "income_over_50k", "census_income 1994"


def rows(folder):
    import toolkit as tk

    parts = tk.split_dataset(tk.load_dataset("census_income", periods=["1994"]), test_size=0.2, validation_size=0.15)
    for name, part in {"train": parts.train, "test": parts.test}.items():
        texts = part.features.select_dtypes("category").astype(str)
        part.features.assign(**texts, **{TARGET: part.y_binary()}).to_parquet(folder / f"{name}.parquet", index=False)


def read(folder):
    """Return the training and the test rows with their targets, and the demo's model, fitted again."""
    x, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    y, truth = x.pop(TARGET), test.pop(TARGET)
    numbers, texts = list(x.select_dtypes("number")), list(x.select_dtypes(exclude="number"))
    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    encode = make_column_transformer(("passthrough", numbers), (coded, texts), verbose_feature_names_out=False)
    boosting = HistGradientBoostingClassifier(early_stopping=False, l2_regularization=1.0, random_state=0)
    return x, y, test, truth, make_pipeline(encode.set_output(transform="pandas"), boosting).fit(x, y)


def skore(folder):
    from skore import EstimatorReport

    x, y, test, truth, model = read(folder)
    report = EstimatorReport(clone(model), X_train=x, y_train=y, X_test=test, y_test=truth, pos_label=1)
    (folder / "skore.html").write_text(report._repr_html_(), encoding="utf-8")


def evidently(folder):
    from evidently import BinaryClassification, DataDefinition, Dataset, Report, presets

    def table(part, target):
        scores, labels = model.predict_proba(part)[:, 1], model.predict(part)
        return Dataset.from_pandas(part.assign(**{TARGET: target}, label=labels, score=scores), about)

    x, y, test, truth, model = read(folder)
    (_, _, numbers), (_, _, texts) = model[0].transformers
    task = BinaryClassification(target=TARGET, prediction_labels="label", prediction_probas="score", pos_label=1)
    about = DataDefinition(numerical_columns=numbers, categorical_columns=texts, classification=[task])
    report = Report([presets.ClassificationPreset(), presets.DataDriftPreset()], include_tests=True)
    report.run(table(test, truth), table(x, y)).save_html(str(folder / "evidently.html"))


def shapash(folder):
    from shapash import SmartExplainer

    x, y, test, truth, model = read(folder)
    some, known = (model[0].transform(part.sample(10_000, random_state=0)) for part in (test, x))
    explainer, truth = SmartExplainer(model[1], title_story=TITLE), truth[some.index]
    explainer.compile(some, y_target=truth.to_frame())
    explainer.generate_report(str(folder / "shapash.html"), x_train=known, y_train=y[known.index], y_test=truth)
    explainer.run_app(host="127.0.0.1", port=8050)


def explainerdashboard(folder):
    from explainerdashboard import ClassifierExplainer, ExplainerDashboard

    *_, test, truth, model = read(folder)
    some = model[0].transform(test.sample(5_000, random_state=0))
    explainer = ClassifierExplainer(model[1], some, truth[some.index])
    ExplainerDashboard(explainer, title=TITLE, shap_interaction=False).run(host="127.0.0.1", port=8050)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
