from collections.abc import Iterator
from importlib.util import find_spec

import click
import pytest
from click.testing import CliRunner

from livetomo.cli import COMMANDS, livetomo_command
from livetomo.core.errors import ExitCode


def _commands() -> Iterator[list[str]]:
    """Every command that does something, as its words."""
    context = click.Context(livetomo_command)
    for name, module in COMMANDS.items():
        if find_spec(module) is None:
            continue
        command = livetomo_command.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ([name, inner] for inner in command.list_commands(context))
        else:
            yield [name]


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    result = CliRunner().invoke(livetomo_command, [*words, "--help"], prog_name="livetomo")
    assert result.exit_code == 0
    assert f"Example:  livetomo {' '.join(words)}" in result.output


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_every_command_says_what_it_is_in_one_line(words):
    command = livetomo_command
    for word in words:
        command = command.get_command(click.Context(command), word)
    assert 10 <= len(command.get_short_help_str(200)) <= 110


def test_a_command_that_is_not_there_is_reported_with_the_one_that_was_meant():
    result = CliRunner().invoke(livetomo_command, ["chek"])
    assert result.exit_code == 2
    assert 'No such command "chek". Did you mean "check"?' in result.stderr


def test_the_exit_codes_that_the_help_lists_are_those_there_are():
    text = " ".join((livetomo_command.help or "").split())
    listed = text.split("Exit codes: ")[1]
    codes = {int(part.split()[0]) for part in listed.rstrip(".").split(", ")}
    assert codes == {int(code) for code in ExitCode} - {ExitCode.UNEXPECTED}
