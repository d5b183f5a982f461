# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The service. `app.py` says what it is made of; `runtime/` is what it runs on."""
