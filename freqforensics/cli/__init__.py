"""The command line: parse, one call of the library, print. The only room that prints or exits."""

# Each adds its commands, in the order in which --help shows them.
import freqforensics.cli.spectral  # isort: skip
import freqforensics.cli.generating  # isort: skip
import freqforensics.cli.detecting  # isort: skip
import freqforensics.cli.everyday  # isort: skip
import freqforensics.cli.scoring  # isort: skip
import freqforensics.cli.evaluating  # isort: skip
import freqforensics.cli.alarming  # isort: skip
import freqforensics.cli.inspecting  # isort: skip
import freqforensics.cli.auditing  # isort: skip
import freqforensics.cli.comparing  # isort: skip
import freqforensics.cli.relating  # isort: skip
import freqforensics.cli.gallery  # isort: skip
import freqforensics.cli.weights  # isort: skip
import freqforensics.cli.doctor  # isort: skip  # noqa: F401
from freqforensics.cli.app import main  # isort: skip

__all__ = ["main"]
