"""A real broker: mosquitto on 127.0.0.1, started, stopped and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stream.outlets.saying import free_port, until


class Broker:
    """A mosquitto with a configuration of its own."""

    def __init__(self, program: str, folder: Path, user: str = "", password: str = "") -> None:
        self.port = free_port()
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_dest none"]
        if user:
            secrets = folder / "passwords"
            made = Path(program).with_name("mosquitto_passwd")
            maker = str(made) if made.exists() else shutil.which("mosquitto_passwd")
            if maker is None:
                pytest.skip("needs mosquitto_passwd")
            subprocess.run([maker, "-b", "-c", str(secrets), user, password], check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {secrets}"]
        else:
            lines.append("allow_anonymous true")
        if sys.platform != "win32" and os.geteuid() == 0:
            lines.append("user root")  # else it could not read what only root may
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join(lines) + "\n")
        self._program = program
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._listens)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
        self.process = None

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "mosquitto has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@contextmanager
def broker(folder: Path, user: str = "", password: str = "") -> Iterator[Broker]:
    """A broker that is not started yet, stopped in the end; skips where mosquitto is not installed."""
    program = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
    )
    if program is None:
        pytest.skip("needs mosquitto, a broker (apt-get install mosquitto)")
    made = Broker(program, folder, user, password)
    try:
        yield made
    finally:
        made.stop()
