import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from toolkit.core.words import counted, matching, one_line, printable, shorten, slug, unique, value_text


@given(st.text(max_size=80), st.integers(1, 50))
def test_shortened_texts_are_one_printable_line(text, most):
    short = shorten(text, most)
    assert short.isprintable()
    assert len(short) <= most
    assert short == one_line(text) or "…" in short
    assert len(printable(text)) == len(text)


def test_numbers_are_plain_and_what_is_missing_is_said():
    values = [3, 3.0, np.int64(12345), np.float32(0.5), -2.0, -0.0, 1e20, 1.6e-19, True, np.True_, "a\nb", " "]
    written = ["3", "3", "12345", "0.500", "-2", "0", "1e+20", "1.6e-19", "True", "True", "a b", "(empty)"]
    assert [value_text(value) for value in values] == written
    assert {value_text(value) for value in (None, np.nan, pd.NA, pd.NaT)} == {"missing"}
    assert value_text("x" * 50) == "x" * 26 + "…" + "x" * 13


def test_long_names_that_begin_alike_are_told_apart_and_sentences_keep_their_beginning():
    names = [f"measurement_of_the_relationship_in_the_quarter_before_{number}" for number in range(30)]
    assert len({shorten(name) for name in names}) == len({shorten(name, 24) for name in names}) == 30
    assert shorten("A sentence. " * 20, 80) == ("A sentence. " * 20)[:79] + "…"


def test_names_of_folders_are_short_and_plain():
    assert slug("Über <b>täglich</b>  Ø") == "uber-b-taglich-b"
    assert slug("a" * 39 + " bc") == "a" * 39
    assert slug("продажи") == ""


def test_labels_alike_are_numbered():
    assert unique(["a", "a (2)", "a", "a"]) == ["a", "a (2)", "a (3)", "a (4)"]
    assert (counted(1, "class", "classes"), counted(1200, "class", "classes")) == ("1 class", "1,200 classes")


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("", "", True),
        ("", "*", True),
        ("a", "", False),
        ("abcabc", "a*c", True),
        ("abcabd", "a*c", False),
        ("abab", "*ab", True),
        ("a.b", "a?b", True),
        ("ab", "a?b", False),
        ("two\nlines", "two*lines", True),
        ("a*b", "a*b", True),
        ("x[0-9].(a|b)+", "x[0-9].(a|b)+", True),
        ("x5aaa", "x[0-9].(a|b)+", False),
    ],
)
def test_a_pattern_fits_whole_names_and_knows_two_signs(name, pattern, fits):
    assert (matching(pattern, [name]) == [name]) is fits


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=6))
def test_patterns_fit_as_their_definition_says(name, pattern):
    def by_definition(name, pattern):
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(by_definition(name[cut:], pattern[1:]) for cut in range(len(name) + 1))
        return bool(name) and pattern[0] in ("?", name[0]) and by_definition(name[1:], pattern[1:])

    assert (matching(pattern, [name]) == [name]) == by_definition(name, pattern)


def test_many_stars_do_not_hang():
    start = time.perf_counter()
    assert not matching("*a" * 30 + "*b", ["a" * 5000])
    assert time.perf_counter() - start < 1


def test_a_name_that_is_the_pattern_is_the_only_one():
    assert matching("a.?.b", ["a.x.b", "a.?.b"]) == ["a.?.b"]
    assert matching("a.?.b", ["a.x.b", "a.y.b", "a.xy.b"]) == ["a.x.b", "a.y.b"]
