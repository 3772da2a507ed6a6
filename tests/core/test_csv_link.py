import csv
import io
import re
from html import unescape
from urllib.parse import unquote

import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.face import csv_link
from toolkit.report.sanitize import PageCleaner

HOSTILE = ["a,b", '"quoted" <b>', "x&y#z%20", "line\nbreak", "'single'", "ümlaut 🙂", "=1+1", "a;b:c/d@e!$()*+?"]


def read(html):
    (address,) = re.findall('href="(data:[^"]*)"', html)
    return list(csv.reader(io.StringIO(unquote(unescape(address).partition(",")[2]))))


def test_what_is_linked_reads_back():
    frame = pd.DataFrame({"text": HOSTILE, "n": [0.5] * len(HOSTILE)})
    rows = read(PageCleaner().clean(csv_link(frame)))
    assert rows[0] == ["text", "n"]
    assert [row[0] for row in rows[1:]] == ["'=1+1" if text == "=1+1" else text for text in HOSTILE]


FORMULAS = ["=1", "+1", "-1", "@1", "\t=1", "\r=1", "\n=1", "\r\n=1", "a\r=1", "a\r\n=1", "a\n=1", "\uff1d1", "\uff0b1"]


def test_no_cell_and_no_part_of_one_begins_a_formula_or_a_row():
    html = PageCleaner().clean(csv_link(pd.DataFrame(dict.fromkeys(("text", *FORMULAS), FORMULAS))))
    header, *rows = read(html)
    plain = [text.replace("\r\n", "\n").replace("\r", "\n") for text in FORMULAS]
    written = [text if text.startswith("a") else f"'{text}" for text in plain]
    assert [row[0] for row in rows] == written
    assert {len(row) for row in rows} == {len(header)}
    assert "%0D" not in html
    assert set(header) == {"text", *written}


def test_an_estimate_takes_four_columns():
    rows = read(csv_link(pd.DataFrame({"m": [Estimate(0.5, 0.4, 0.6, 9)]})))
    assert rows == [["m", "m_low", "m_high", "m_n"], ["0.5", "0.4", "0.6", "9"]]


def test_commas_stand_as_they_are_and_nothing_leaves_the_attribute():
    html = csv_link(pd.DataFrame({"text": HOSTILE}))
    (address,) = re.findall('href="([^"]*)"', html)
    assert "a,b" in address
    assert not re.search("[<>\"'&#\\s]", address)
