"""Where the files that travel with the package are: templates, the review page, policies."""

from pathlib import Path
from typing import Any


def templates_folder() -> Path:
    """Return the folder of templates: inside the installed package, or beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def beside(module: str, name: str) -> Any:
    """Return what a YAML file holds that stands beside a module, whose ``__file__`` is given.

    Examples
    --------
    >>> beside(__file__, "words.yaml")["parts of names"]["auc"]
    'AUC'
    """
    import yaml

    return yaml.safe_load(Path(module).with_name(name).read_text(encoding="utf-8"))
