"""An executed notebook becomes one HTML page."""

from toolkit.core import without

# jsonschema would build the grammar of international web addresses, which no notebook holds: a second or more.
with without("rfc3987_syntax"):
    import nbformat  # noqa: F401
