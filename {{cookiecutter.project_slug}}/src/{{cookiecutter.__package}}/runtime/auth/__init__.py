# The template's: later versions change this file. Yours are listed in pyproject.toml.
