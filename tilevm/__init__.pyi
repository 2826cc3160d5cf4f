from .source import TileError as TileError
from .version import __version__ as __version__
