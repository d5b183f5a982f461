from collections.abc import Callable
from pathlib import Path

Bake = Callable[..., Path]
