"""Where the files that travel with the package are: templates, the review page, policies."""

from pathlib import Path


def templates_folder() -> Path:
    """Return the folder of templates: inside the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"
