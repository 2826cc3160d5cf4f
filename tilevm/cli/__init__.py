"""The ``tilevm`` command."""

import click

from tilevm.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tilevm")
def main() -> None:
    """Compile, run and examine tile programs."""
