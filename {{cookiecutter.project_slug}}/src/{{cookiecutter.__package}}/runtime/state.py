# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Where the process is in its life. Written by the event loop, read by the admin server's thread as well."""

from dataclasses import dataclass, field
from time import monotonic


@dataclass(slots=True)
class State:
    started: bool = False
    """The lifespan has been entered and every startup check has passed once."""
    listening: bool = False
    """The public port accepts connections."""
    draining: bool = False
    """SIGTERM has come; every answer says `Connection: close`."""
    heartbeat: float = field(default_factory=monotonic)
    """When the event loop last ran the watchdog's tick, in seconds of `time.monotonic`."""
    loop_thread_id: int | None = None

    @property
    def lag(self) -> float:
        """Seconds since the event loop was last seen to run."""
        return monotonic() - self.heartbeat
