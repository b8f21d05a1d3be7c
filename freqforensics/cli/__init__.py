"""The command line: parse, one study, print. The only room that prints or exits."""

# ruff: isort: skip_file
# Each adds its commands, in the order in which --help shows them within a panel.
import freqforensics.cli.spectrum
import freqforensics.cli.upsampling
import freqforensics.cli.compare
import freqforensics.cli.origin
import freqforensics.cli.score
import freqforensics.cli.evaluate
import freqforensics.cli.robustness
import freqforensics.cli.false_alarms
import freqforensics.cli.quality
import freqforensics.cli.inspect
import freqforensics.cli.app_command
import freqforensics.cli.audit
import freqforensics.cli.simulate
import freqforensics.cli.train
import freqforensics.cli.ablate
import freqforensics.cli.train_everyday
import freqforensics.cli.fit_generator
import freqforensics.cli.baselines
import freqforensics.cli.population
import freqforensics.cli.weights
import freqforensics.cli.demo
import freqforensics.cli.paper_figures
import freqforensics.cli.merge
import freqforensics.cli.doctor  # noqa: F401
from freqforensics.cli.app import main

__all__ = ["main"]
