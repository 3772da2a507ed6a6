"""The index of a folder of reports, whatever state the reports are in."""

import json
import os
import re
import threading
import time
from urllib.parse import unquote

import pytest
from sample_notebook import sample_results

from toolkit.errors import InputError
from toolkit.report.render import write_index

UNREAD = "results.json does not hold the results of a report"


def add_run(folder, name, results=None, page="report.html"):
    run = folder / name
    run.mkdir()
    if page:
        (run / page).write_text("<!DOCTYPE html>")
    if results is not None:
        text = results if isinstance(results, str) else json.dumps(results)
        (run / "results.json").write_text(text, encoding="utf-8")
    return run


def rows(folder):
    """The rows of the index as plain text, and the links."""
    html = write_index(folder).read_text(encoding="utf-8")
    found = re.findall(r'<tr class="\w+">(.*?)</tr>', html, flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found], re.findall(r'<a href="([^"#]+)"', html)


def test_runs_are_listed_newest_first_with_their_key_number(tmp_path):
    add_run(tmp_path, "20260101-a", sample_results(title="Older", created="2026-01-01T00:00:00+00:00"))
    add_run(tmp_path, "20260102-b", sample_results(title="Newer", created="2026-01-01T02:00:00+01:00"))
    lines, links = rows(tmp_path)
    assert [line.split()[2] for line in lines] == ["Newer", "Older"]
    assert "ROC AUC 0.953 [0.951, 0.956]" in lines[0]
    assert "census_income boosting" in lines[0]
    assert "1 high, 1 medium, 1 low, 1 info" in lines[0]
    assert links == ["20260102-b/report.html", "20260101-a/report.html"]


def test_findings_are_counted_by_their_severity(tmp_path):
    alike = [{"code": "GONE", "severity": "critical", "message": f"Column {name!r} is gone."} for name in "abcd"]
    for name, findings in {"4 critical": alike, "none": []}.items():
        add_run(tmp_path, name, sample_results(findings=findings, title=name))
    assert {line[line.rindex("]") + 2 :] for line in rows(tmp_path)[0]} == {"4 critical", "none"}


def test_verdicts_are_words(tmp_path):
    for place, outcome in enumerate(("pass", "fail", "undecided", None)):
        add_run(
            tmp_path, outcome or "none", sample_results(verdict={"outcome": outcome}, created=f"2026-01-0{9 - place}")
        )
    assert [line.split(" Experiment")[0] for line in rows(tmp_path)[0]] == ["Pass", "Fail", "Undecided", "No policy"]


@pytest.mark.parametrize("end", ["FAILED", "INTERRUPTED"])
def test_a_run_without_a_verdict_is_listed_by_its_folder(tmp_path, monkeypatch, end):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    add_run(tmp_path, f"20260301-140559-experiment-my-table-{end}")
    lines, links = rows(tmp_path)
    assert lines == [f"Failed 20260301-140559-experiment-my-table-{end} 1 March 2026, 14:05 UTC"]
    assert links == [f"20260301-140559-experiment-my-table-{end}/report.html"]


def test_an_empty_folder_says_how_to_begin(tmp_path):
    assert "toolkit demo" in write_index(tmp_path).read_text(encoding="utf-8")


def test_the_index_follows_the_folder(tmp_path):
    run = add_run(tmp_path, "a", sample_results())
    assert len(rows(tmp_path)[0]) == 1
    (run / "report.html").unlink()
    (run / "results.json").unlink()
    run.rmdir()
    assert rows(tmp_path)[0] == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"schema": 1, "tit', f"{UNREAD}: Invalid JSON: EOF while parsing a string at line 1 column 18."),
        ("", f"{UNREAD}: Invalid JSON: EOF while parsing a value at line 1 column 0."),
        ("[" * 100_000, f"{UNREAD}: Invalid JSON: recursion limit exceeded at line 1 column 202."),
        ("[1, 2]", f"{UNREAD}: Input should be an object, found [1, 2]."),
        ('{"schema": 1, "scalars": {}}', f"{UNREAD}: data: Field required."),
        (
            '{"schema": 2, "datum": 1}',
            "results.json was written by another version (schema 2; this one reads 1). Make the report again.",
        ),
    ],
)
def test_broken_neighbours_are_said_to_be_unreadable(content, why, tmp_path):
    add_run(tmp_path, "broken", content)
    add_run(tmp_path, "whole", sample_results())
    lines, _ = rows(tmp_path)
    assert len(lines) == 2
    assert re.fullmatch(rf"Unreadable broken {re.escape(why)} .*", lines[0])


def test_results_of_odd_shapes_are_listed(tmp_path):
    add_run(tmp_path, "odd", {"schema": 1, "data": 3, "model": [], "key_numbers": {}, "findings": "x", "created": 5})
    add_run(tmp_path, "dawn", sample_results(created="0001-01-01T00:00:00+14:00"))
    undefined = {"name": "test.f1", "label": "F1", "value": None}
    add_run(tmp_path, "none", sample_results(key_numbers=[undefined], created="yesterday"))
    lines, _ = rows(tmp_path)
    assert len(lines) == 3
    assert any("F1 not defined" in line for line in lines)
    assert any(line.startswith("Unreadable odd") for line in lines)


def test_a_page_without_results_and_a_results_file_that_is_a_folder(tmp_path):
    add_run(tmp_path, "page only")
    (add_run(tmp_path, "folder") / "results.json").mkdir()
    lines, links = rows(tmp_path)
    assert any(line.startswith("No results page only") for line in lines)
    assert any(line.startswith("Unreadable folder") for line in lines)
    assert "page%20only/report.html" in links


def test_what_is_no_run_is_left_out(tmp_path):
    add_run(tmp_path, ".running-abc", sample_results())
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert rows(tmp_path)[0] == []


@pytest.mark.parametrize("name", ["a b", "50%25#?&", "größe", '"><script>alert(1)</script>'.replace("/", "")])
def test_links_lead_to_folders_of_any_name(name, tmp_path):
    add_run(tmp_path, name, sample_results(title=name))
    lines, links = rows(tmp_path)
    assert len(lines) == 1
    assert (tmp_path / unquote(links[0])).is_file()
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count("<script") == 1


def test_a_name_that_is_no_text_is_listed(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(path)
    with open(os.path.join(path, b"report.html"), "w") as file:
        file.write("x")
    assert rows(tmp_path)[1] == ["caf%E9/report.html"]


def test_a_run_that_has_only_a_notebook_is_linked_to_it(tmp_path):
    add_run(tmp_path, "a", page="notebook.ipynb")
    assert rows(tmp_path)[1] == ["a/notebook.ipynb"]


def test_runs_that_end_together_are_all_listed(tmp_path):
    def finish(number):
        made = add_run(tmp_path / "made", f"run-{number}", sample_results(title=f"Run {number}", key_numbers=[]))
        made.rename(out / made.name)  # as a run does, whose folder is whole when it appears
        write_index(out)

    (tmp_path / "made").mkdir()
    (out := tmp_path / "reports").mkdir()
    threads = [threading.Thread(target=finish, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    html = (out / "index.html").read_text(encoding="utf-8")
    assert all(f"Run {number}<" in html for number in range(8))
    assert [path.name for path in out.iterdir() if path.is_file()] == ["index.html"]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        write_index(tmp_path / "none")
