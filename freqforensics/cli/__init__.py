"""The command line: parse, one call of the library, print. The only room that prints or exits."""

# Each adds its commands, in the order in which --help shows them.
from freqforensics.cli import spectral  # isort: skip
from freqforensics.cli import generating  # isort: skip
from freqforensics.cli import detecting  # isort: skip
from freqforensics.cli import scoring  # isort: skip
from freqforensics.cli.app import main  # isort: skip

__all__ = ["detecting", "generating", "main", "scoring", "spectral"]
