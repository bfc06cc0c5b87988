"""Everything one simulation holds, for the control plane and the state it saves."""

from __future__ import annotations

from dataclasses import dataclass

from postroom_sim.journal import Journal
from postroom_sim.linkedin.network import LinkedIn
from postroom_sim.network import Ground, Network


@dataclass(frozen=True, slots=True)
class World:
    ground: Ground
    journal: Journal
    networks: dict[str, Network]

    @property
    def linkedin(self) -> LinkedIn:
        """The one with chats and a realtime stream."""
        found = self.networks["linkedin"]
        assert isinstance(found, LinkedIn)
        return found
