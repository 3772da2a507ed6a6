"""The page's own script and the policy that lets it, and nothing else, run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from markupsafe import Markup

from toolkit.core.resources import templates_folder


@cache
def page_script() -> Markup:
    """Return the script that sorts, filters and moves the threshold; it holds nothing from data."""
    path = templates_folder() / "review" / "review.js"
    return Markup(path.read_text(encoding="utf-8"))  # noqa: S704 - a file of our own


@cache
def security_policy() -> Markup:
    """Return the Content-Security-Policy of a page: no network, no frame, no script but ours, by its hash."""
    digest = base64.b64encode(hashlib.sha256(page_script().encode()).digest()).decode()
    return Markup(  # noqa: S704 - a hash of a file of our own
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
