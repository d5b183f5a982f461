# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What every service runs on. Owned by the template: a later version replaces these files, so change them there."""
