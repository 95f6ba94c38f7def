"""`python -m headway`: the command line, where `headway` is not on the path or several Pythons are."""

from headway.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
