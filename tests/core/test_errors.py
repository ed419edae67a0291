import inspect
from pathlib import Path

import pytest

from livetomo.core import errors
from livetomo.core.errors import ConfigurationError, ExitCode, LivetomoError, TruncatedVolume

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, LivetomoError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_cause_has_a_short_name_a_kind_and_an_exit_code(kind):
    assert 1 <= len(kind.reason.split()) <= 4
    assert kind.kind in ("permanent", "transient", "device", "unexpected")
    assert kind.exit_code is not ExitCode.OK


def test_a_message_says_what_where_and_what_to_do():
    message = str(TruncatedVolume(Path("/data/TS_01.mrc"), 2_000, 1_500))
    assert message.startswith("TS_01.mrc ends after 1,500 of 2,000 bytes.")
    assert "Copy it again" in message


def test_a_configuration_error_ends_a_command_with_two():
    assert ConfigurationError.exit_code == 2
