"""Train, judge and report models that a reviewer can trust. Importing costs nothing: names load when used."""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in ``__init__.pyi``.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
