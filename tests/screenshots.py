"""Look at every report: `make gallery` runs each template on real data and takes its pictures into `docs/gallery/`.

`docs/gallery/index.html` shows them as opened, 360, 768 and 1,440 pixels wide, light and dark, their first printed
page, and their first screen with the answers to a reviewer's ten questions marked.
The head of the experiment's report is also the picture of the README.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from jinja2 import Environment

import toolkit as tk
from tests.browsing import running_browser, visit
from toolkit.registry.lifecycle import register

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "docs" / "gallery"
WIDTHS = (1440, 768, 360)
A4 = {"width": 794, "height": 1123}  # in CSS pixels
#: Ten questions of somebody who has to say yes or no, and where the first screen of a report answers them.
QUESTIONS = (
    ("Why this verdict?", ".verdict > p:nth-child(2)"),
    ("By how much?", ".verdict > p:nth-child(2)"),
    ("For whom?", ".verdict > p:nth-child(2)"),
    ("What is undecided?", ".verdict > p:has(strong)"),
    ("How many rows?", "dt:text-is('Size') + dd"),
    ("Which data?", "dt:text-is('Data') + dd"),
    ("Can I trust the threshold?", "dt:text-is('Threshold') + dd"),
    ("What changed since the model in use?", "dt:text-is('Compared with') + dd"),
    ("Who signed?", "dt:text-is('Signed by') + dd"),
    ("How is it made again?", "dt:text-is('Made') + dd"),
)
MARK = """(place, number) => {
    place.style.outline = '2px solid #c2410c'
    const sign = place.appendChild(document.createElement('b'))
    sign.style = 'background:#c2410c;color:#fff;border-radius:1em;padding:0 .5em;font:700 .8rem/1.5 sans-serif'
    sign.textContent = number
}"""
LEGEND = """lines => {
    const legend = document.body.appendChild(document.createElement('pre'))
    legend.style = 'position:fixed;bottom:0;left:0;margin:0;padding:1rem;background:#fff7ed;font:.8rem/1.5 sans-serif'
    legend.textContent = lines.join('\\n')
}"""
PAGE = Environment(autoescape=True).from_string("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Gallery of reports</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem}
section div{display:flex;gap:1rem;overflow-x:auto;align-items:start}
figure{margin:0;flex:none}
img{height:30rem;width:20rem;object-fit:cover;object-position:top;border:1px solid #aaa}</style></head>
<body><h1>Gallery of reports</h1>
{% for name, pictures in shown.items() %}<section><h2>{{ name }}</h2><div>
{% for picture in pictures %}<figure><a href="{{ picture }}"><img src="{{ picture }}" alt="{{ picture }}"></a>
<figcaption>{{ picture }}</figcaption></figure>{% endfor %}</div></section>{% endfor %}</body></html>
""")


def runs(out):
    """Yield the name and the page of a report by each template, and of the list of them all."""
    data = out / "data"
    data.mkdir(parents=True)
    for year in (2015, 2018):
        survey = tk.load_dataset("acs_employment", periods=[year])
        some = survey.take(range(0, survey.rows, 8))
        some.features.assign(employed=some.target).to_parquet(data / f"survey_{year}.parquet")
    old, new, reports = str(data / "survey_2015.parquet"), str(data / "survey_2018.parquet"), out / "reports"
    about = {"target": "employed", "sensitive": ["sex", "race"]}

    def done(template, **parameters):
        print(template, file=sys.stderr)
        return tk.run(template, parameters, out=reports)

    first = done("experiment", data=old, **about, mitigate="equalized_odds", policy="standard")
    yield "experiment", first.report
    model = first.results.mlflow.model_uri
    yield "audit", done("audit", model=model, data=new, **about, policy="high-stakes").report
    yield "drift", done("drift", model=model, current=new).report
    other = done("experiment", data=old, **about, candidates=["logistic"]).results.mlflow.model_uri
    yield "comparison", done("comparison", champion=other, challenger=model, data=new, **about, margin=0.01).report
    register(first.folder, "employment", by="gallery", out=reports)  # only a version is retrained
    yield "retrain", done("retrain", model="models:/employment@challenger", current=new, at_least="ok").report
    yield "model_card", done("model_card", report=str(first.folder), policy="standard").report
    # Arms that were drawn afterwards: a test in which there is nothing to find.
    table = survey.features.assign(employed=survey.target, arm=np.random.default_rng(0).choice(["a", "b"], survey.rows))
    table.to_parquet(data / "arms.parquet")
    yield "ab_test", done("ab_test", data=str(data / "arms.parquet"), outcome="employed", arm="arm").report
    yield "index", reports / "index.html"


def pictures(browser, name, page):
    """Take the pictures of one page and yield their names; how high it is goes to stderr."""
    address = page.resolve().as_uri()
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            opened, _ = visit(browser, address, width, scheme)
            height, across = opened.evaluate(
                "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
            )
            print(f"{name} {width} {scheme}: {height / 900:.1f} screens, {across} px across", file=sys.stderr)
            opened.screenshot(path=GALLERY / f"{name}-{width}-{scheme}.png", full_page=True)
            opened.context.close()
            yield f"{name}-{width}-{scheme}.png"
    printed, _ = visit(browser, address, A4["width"])
    printed.emulate_media(media="print")
    printed.set_viewport_size(A4)
    printed.screenshot(path=GALLERY / f"{name}-print.png")
    printed.context.close()
    yield f"{name}-print.png"


def answers(browser, name, page):
    """Take a picture of the first screen on which the answers are marked, and yield its name."""
    opened, _ = visit(browser, page.resolve().as_uri())
    lines = []
    for number, (question, where) in enumerate(QUESTIONS, 1):
        place = opened.locator(where).first
        seen = place.count() and place.bounding_box()["y"] < opened.viewport_size["height"]
        if seen:
            place.evaluate(MARK, number)
        lines.append(f"{number}  {question}{'' if seen else '  not here'}")
    opened.evaluate(LEGEND, lines)
    opened.screenshot(path=GALLERY / f"{name}-answers.png")
    opened.context.close()
    yield f"{name}-answers.png"


def main():
    shutil.rmtree(GALLERY, ignore_errors=True)
    with running_browser() as browser:
        shown = {name: [*pictures(browser, name, page), *answers(browser, name, page)] for name, page in runs(GALLERY)}
        (GALLERY / "index.html").write_text(PAGE.render(shown=shown), encoding="utf-8")
        head, _ = visit(browser, next((GALLERY / "reports").glob("*-experiment-*/report.html")).as_uri(), 1240)
        head.set_viewport_size({"width": 1240, "height": 980})
        head.screenshot(path=ROOT / "docs" / "report.png")
    print(GALLERY / "index.html")


if __name__ == "__main__":
    main()
