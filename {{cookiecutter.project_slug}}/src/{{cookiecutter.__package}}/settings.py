"""The service's own settings, beside those of the runtime. Yours to change."""

from .runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """A field `greeting: str = Field(description="…")` here is the variable `APP_GREETING`; run `make docs` after."""
