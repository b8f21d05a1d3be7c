"""`python -m freqforensics` is the command line."""

from freqforensics.cli import main

main()
