"""Make what is said of models of its texts: findings, refusals, faces and figures."""

from toolkit.core import drawer, facer, finder, refuser

finding, refusal, face, drawing = finder(__file__), refuser(__file__), facer(__file__), drawer(__file__)
