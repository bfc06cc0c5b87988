"""The simulated networks as a process of their own, and what their control plane offers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


class Simulation:
    """A running simulation."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.addresses = addresses
        self.linkedin = addresses["linkedin"]
        self.bluesky = addresses["bluesky"]
        self._client = httpx.Client(base_url=addresses["sim"], timeout=20, trust_env=False)

    def post(self, path: str, tree: Any = None) -> Any:
        answer = self._client.post(f"/_sim/{path}", json=tree if tree is not None else {})
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/_sim/{path}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, operation: str, do: dict[str, Any], network: str = "linkedin", **more: Any) -> None:
        self.post("faults", {"network": network, "operation": operation, "do": do, **more})

    def stream_fault(self, do: dict[str, Any]) -> None:
        self.post("faults", {"network": "linkedin", "do": do})

    def requests(self, operation: str, network: str = "linkedin") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("requests", network=network, operation=operation)["requests"]
        return found

    def reset(self) -> None:
        self.post("state/reset")

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="session")
def running_simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    folder: Path = tmp_path_factory.mktemp("simulation")
    clock = folder / "clock"
    clock.write_bytes(bytes(8))
    command = [sys.executable, "-m", "postroom_sim", "--port", "0", "--data", str(folder), "--clock", str(clock)]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        simulation = Simulation(json.loads(process.stdout.readline()))
        yield simulation
        simulation.close()
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def simulation(running_simulation: Simulation) -> Simulation:
    """The simulation, as new."""
    running_simulation.reset()
    return running_simulation
