"""Every help text: a short summary, an explanation of every option, and examples that the parser takes."""

from __future__ import annotations

import inspect
import shlex

import pytest


def commands():
    from typer.main import get_command

    from freqforensics.cli.app import app

    def below(command, words):
        if not hasattr(command, "commands"):
            yield " ".join(words), command
            return
        for word, child in command.commands.items():
            if not child.hidden:
                yield from below(child, [*words, word])

    yield from below(get_command(app), [])


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_one_sentence_that_the_list_of_commands_shows_whole(name):
    summary = inspect.cleandoc(COMMANDS[name].help).split("\n\n")[0]
    assert summary.endswith(".")
    assert ". " not in summary
    assert len(summary) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_in_sentences(name):
    for option in COMMANDS[name].params:
        if getattr(option, "hidden", False) or option.name == "help":
            continue
        text = (option.help or "").partition("  [default")[0].strip()
        assert text, option.name
        assert text[0].isupper() or not text[0].isalpha(), f"{option.name}: {text}"
        assert text.endswith((".", "?", "...")), f"{option.name}: {text}"


def examples(command):
    for paragraph in inspect.cleandoc(command.epilog or "").split("\n\n"):
        line = " ".join(paragraph.split()).partition(": ")[2].partition(", and ")[0]
        if line:
            yield line


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_taken_by_the_parser(name):
    lines = list(examples(COMMANDS[name]))
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "freqforensics"
        called = max((other for other in COMMANDS if words[: len(other.split())] == other.split()), key=len)
        command = COMMANDS[called]
        context = command.make_context(called, words[len(called.split()) :], resilient_parsing=False)
        assert context.args == []
