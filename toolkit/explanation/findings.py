"""Findings, figures and faces of this folder, of the texts beside it."""

from toolkit.core import drawer, facer, finder

finding, face, drawing = finder(__file__), facer(__file__), drawer(__file__)
