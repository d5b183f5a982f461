# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is taken for a secret because of its name."""

from functools import lru_cache

_WORDS = ("password", "passwd", "secret", "token", "authorization", "cookie", "api_key", "apikey", "dsn")


@lru_cache(maxsize=1024)
def is_sensitive(name: str) -> bool:
    return any(word in name.lower() for word in _WORDS)
