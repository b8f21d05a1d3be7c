"""The command line: parse, one call of the library, print. The only room that prints or exits."""

# Each adds its commands, in the order in which --help shows them.
import freqforensics.cli.generators
import freqforensics.cli.spectrum
import freqforensics.cli.train

import freqforensics.cli.everyday  # isort: skip
import freqforensics.cli.audit
import freqforensics.cli.compare
import freqforensics.cli.evaluate
import freqforensics.cli.false_alarms
import freqforensics.cli.inspect
import freqforensics.cli.paper_figures
import freqforensics.cli.quality
import freqforensics.cli.score

import freqforensics.cli.weights  # isort: skip
import freqforensics.cli.doctor  # isort: skip  # noqa: F401
from freqforensics.cli.app import main  # isort: skip

__all__ = ["main"]
