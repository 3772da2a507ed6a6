"""What the product says is spelt in one way and easy to read; `python -m tests.sentences` prints all of it."""

import re
from pathlib import Path

import pytest
from sentences import documentation, sentences
from spellchecker import SpellChecker

TERMS = set(Path(__file__).with_name("terms.txt").read_text(encoding="utf-8").split())
SPELLER = SpellChecker()
MOST_WORDS = 32
NOT_WORDS = re.compile(
    r"`[^`]*`|https?:\S+|\S*[_/@=\\]\S*|\b\w+\.\w+\S*|--\S+|'[^' ]+'|\([^()]*\b(?:1[89]|20)\d\d\b[^()]*\)"
)
WORD = re.compile(r"(?<![\w’'-])[A-Za-zÀ-ž][a-zà-ž]+(?!\w)")


def misspelt(text):
    """Return the words that are in no dictionary and no term; what is in capitals, quotes or code is a name."""
    found = {word.lower() for word in WORD.findall(NOT_WORDS.sub(" ", text))} - TERMS
    return SPELLER.unknown(found)


def syllables(word):
    """Count groups of vowels, without a silent e at the end."""
    groups = len(re.findall(r"[aeiouyà-ž]+", word.lower()))
    return max(groups - bool(re.search(r"(?<![aeiouyl])e[sd]?$", word.lower())), 1)


def grade(lines):
    """Return the school grade that can read some sentences (Kincaid et al. 1975)."""
    words = [word for line in lines for word in line.split()]
    spoken = [word for line in lines for word in re.findall(r"[A-Za-zÀ-ž’'-]+", line)]
    return 0.39 * len(words) / len(lines) + 11.8 * sum(map(syllables, spoken)) / len(spoken) - 15.59


@pytest.fixture(scope="module")
def said():
    return list(sentences())


@pytest.fixture(scope="module")
def written(said):
    return [*said, *documentation()]


def test_nothing_is_misspelt(written):
    assert {(str(path), word) for path, text in written for word in misspelt(text)} == set()


def test_one_kind_of_english(said):
    american = r"\b(behavior|color|favor|flavor|neighbor|labor)(s|ing|ed|able|ite)?\b|\b(labeled|modeling|gray)\b"
    prose = [(path, re.sub(r"`[^`]*`|\w*[_=]\w*", "", text)) for path, text in said]
    assert [(str(path), text) for path, text in prose if re.search(american, text)] == []


def test_no_sentence_is_long(said):
    assert [(str(path), line) for path, line in said if len(line.split()) > MOST_WORDS] == []


def test_what_is_said_can_be_read_at_school(said):
    whole = [(str(path), line) for path, line in said if len(line.split()) >= 6]
    assert len(said) > 2500
    assert 4 < grade([line for _, line in whole]) < 7
    by_file = {}
    for path, line in whole:
        by_file.setdefault(path, []).append(line)
    assert {path: lines for path, lines in by_file.items() if len(lines) >= 5 and grade(lines) > 11} == {}


def test_the_checks_see_what_is_wrong():
    assert misspelt("The recieved rows of `recieved` and of 'recieved' in recieve_rows.") == {"recieved"}
    assert grade(["The cat sat on the mat."]) == pytest.approx(-1.45, abs=0.01)
    assert (
        grade(["Notwithstanding considerable heterogeneity, interpretability considerations necessitate caution."]) > 25
    )
