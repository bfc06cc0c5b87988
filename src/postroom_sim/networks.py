"""The networks of this simulation. Adding one is adding a folder, and naming it here."""

from __future__ import annotations

from typing import Any

from postroom_sim import containers, feed, oauth
from postroom_sim.bluesky import tables as bluesky_tables
from postroom_sim.bluesky.network import Bluesky
from postroom_sim.facebook.network import Facebook
from postroom_sim.instagram.network import Instagram
from postroom_sim.linkedin import tables as linkedin_tables
from postroom_sim.linkedin.network import LinkedIn
from postroom_sim.telegram.network import Telegram
from postroom_sim.threads.network import Threads

SCHEMAS = [feed.SCHEMA, oauth.SCHEMA, containers.SCHEMA, linkedin_tables.SCHEMA, bluesky_tables.SCHEMA]
NETWORKS: list[Any] = [LinkedIn, Bluesky, Telegram, Threads, Facebook, Instagram]
"""Classes that are made of a Ground and are Networks."""
