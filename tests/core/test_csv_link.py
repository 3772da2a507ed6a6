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


def test_an_estimate_takes_four_columns():
    rows = read(csv_link(pd.DataFrame({"m": [Estimate(0.5, 0.4, 0.6, 9)]})))
    assert rows == [["m", "m_low", "m_high", "m_n"], ["0.5", "0.4", "0.6", "9"]]


def test_commas_stand_as_they_are_and_nothing_leaves_the_attribute():
    html = csv_link(pd.DataFrame({"text": HOSTILE}))
    (address,) = re.findall('href="([^"]*)"', html)
    assert "a,b" in address
    assert not re.search("[<>\"'&#\\s]", address)
