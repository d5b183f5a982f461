# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Which service this is: name and version from its package's metadata, and the template that it came from."""

from importlib.metadata import metadata
from importlib.resources import files

_PACKAGE = __name__.partition(".")[0]
_METADATA = metadata(_PACKAGE)

NAME: str = _METADATA["Name"]
VERSION: str = _METADATA["Version"]
DESCRIPTION: str = _METADATA["Summary"]
TEMPLATE_VERSION: str = files(__package__).joinpath("VERSION").read_text().strip()
