"""A person at a terminal: a command under a real one, read as it prints, and Ctrl-C."""

import contextlib
import os
import pty
import select
import signal
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path


class Terminal:
    """A command that runs under a terminal of its own. `printed` is what it has said so far."""

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]) -> None:
        self.printed = ""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                os.execvpe(command[0], command, dict(env))
            finally:
                os._exit(127)

    def press_ctrl_c(self) -> None:
        os.write(self._descriptor, b"\x03")

    def read(self, seconds: float) -> bool:
        """Read what comes within the time; return False at the end."""
        if select.select([self._descriptor], [], [], seconds)[0]:
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:
                return False
            self.printed += data.decode(errors="replace")
            return bool(data)
        return True

    def wait_until_served(self, url: str, seconds: float) -> None:
        """Read until the address answers 200.

        Raises:
            RuntimeError: the command ended, or the time did.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.read(0.2):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        raise RuntimeError(f"{url} does not answer: {self.printed[-3000:]}")

    def exit_code(self, seconds: float) -> int:
        """Read until the command ends, and return its exit code, negative for a signal."""
        deadline = time.monotonic() + seconds
        while self.read(0.2):
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not end: {self.printed[-3000:]}")
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        # Closing a terminal hangs up on whatever runs in its foreground.
        os.close(self._descriptor)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextlib.contextmanager
def terminal(command: list[str], folder: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    opened = Terminal(command, folder, env)
    try:
        yield opened
    finally:
        opened.close()
