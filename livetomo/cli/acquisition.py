"""The options by which a person says how tilt series were taken."""

import functools
from collections.abc import Callable
from typing import Any

import click

from livetomo.cli.options import together

_NAMES = {
    "voltage": "voltage_kilovolt",
    "spherical_aberration": "spherical_aberration_mm",
    "amplitude_contrast": "amplitude_contrast",
    "hand": "hand",
    "view_dose": "view_dose_electrons_per_angstrom2",
}
_OPTIONS = together(
    click.option("--voltage", type=click.FloatRange(10, 1000), metavar="KV", help="Voltage of the microscope."),
    click.option("--spherical-aberration", type=click.FloatRange(0.001, 10), metavar="MM", help="Its Cs."),
    click.option(
        "--amplitude-contrast", type=click.FloatRange(0, 1, min_open=True), metavar="SHARE", help="Mostly 0.07 or 0.1."
    ),
    click.option(
        "--hand", type=click.Choice(["1", "-1"]), help="RELION's rlnTomoHand: 1 if defocus grows with z, else -1."
    ),
    click.option(
        "--view-dose", type=click.FloatRange(0, 1000, min_open=True), metavar="E/Å²", help="Dose of each tilt image."
    ),
)


def acquisition_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, as one argument of the command: `acquisition`."""

    @functools.wraps(command)
    def with_acquisition(**given: Any) -> Any:
        from livetomo.core.acquisition import Acquisition

        said = {key: given.pop(name) for name, key in _NAMES.items()}
        if said["hand"] is not None:
            said["hand"] = int(said["hand"])
        return command(acquisition=Acquisition(**said), **given)

    return _OPTIONS(with_acquisition)
