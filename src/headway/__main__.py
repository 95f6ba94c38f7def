"""The command `headway`, which `python -m headway` is, too, where it is not on the path or several Pythons are."""

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line. Ctrl-C while that is still imported ends as it does later."""
    try:
        from headway.cli import main as run
    except KeyboardInterrupt:
        # What prints in the usual way may not be imported yet.
        sys.stderr.write("\nheadway: Stopped.\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
