"""Everything one simulation holds, for the control plane and the state it saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom_sim.journal import Journal
from postroom_sim.network import Ground, Network

if TYPE_CHECKING:
    from postroom_sim.bluesky.network import Bluesky
    from postroom_sim.linkedin.network import LinkedIn


@dataclass(frozen=True, slots=True)
class World:
    ground: Ground
    journal: Journal
    networks: dict[str, Network]
    linkedin: LinkedIn
    bluesky: Bluesky
