"""The simulated networks in a process that lasts: put back to what they were, instead of started again."""

import json
import os
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class Moment:
    """All that the networks knew, and when that was on their clock."""

    state: Any
    at: float


class SimulatedNetworks:
    """Running until `close`, or until this process is gone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._clock = folder / "clock"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "postroom_sim", "--port", "0", "--data", str(folder), "--clock", str(self._clock),
             "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline().strip()
        """What it printed when it listened: JSON with the addresses."""
        self.sim: str = json.loads(self.line)["sim"]
        self.client = httpx.Client(base_url=self.sim, timeout=30)

    def moment(self) -> Moment:
        """What there is now, to come back to."""
        offset = self.client.get("/_sim/clock").json()["offset_seconds"]
        return Moment(state=self.client.get("/_sim/state").json(), at=time.time() + offset)

    def back_to(self, moment: Moment) -> None:
        """As they were then; it is that time again, too."""
        self._set_clock(moment.at - time.time())
        assert self.client.post("/_sim/state", json=moment.state).status_code == 200

    def start_over(self) -> None:
        """As they are in a fresh folder, now."""
        self._set_clock(0.0)
        assert self.client.post("/_sim/state/reset").status_code == 200

    def _set_clock(self, offset_seconds: float) -> None:
        with self._clock.open("r+b") as file:
            file.write(struct.pack("<d", offset_seconds))

    def close(self) -> None:
        self.client.close()
        self._process.communicate()
