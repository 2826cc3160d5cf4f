"""The command line, as ``python -m tilevm``."""

from tilevm.cli import main

if __name__ == "__main__":
    main(prog_name="tilevm")
