"""Let ``python -m toolkit`` be the same as ``toolkit``."""

from toolkit.cli import main

if __name__ == "__main__":
    main(prog_name="toolkit")
