"""`python -m talon` is the command `talon`."""

from talon.cli import main

main()
