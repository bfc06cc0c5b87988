"""The networks of this simulation. Adding one is adding a folder, and naming it here.

Another package's are found by its entry points of the group `postroom_sim.networks`; `feed` and `oauth` keep what they have.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from postroom_sim import containers, feed, oauth
from postroom_sim.bluesky import tables as bluesky_tables
from postroom_sim.bluesky.network import Bluesky
from postroom_sim.facebook.network import Facebook
from postroom_sim.instagram.network import Instagram
from postroom_sim.linkedin import tables as linkedin_tables
from postroom_sim.linkedin.network import LinkedIn
from postroom_sim.mastodon import tables as mastodon_tables
from postroom_sim.mastodon.network import Mastodon
from postroom_sim.matrix import tables as matrix_tables
from postroom_sim.matrix.network import Matrix
from postroom_sim.telegram.network import Telegram
from postroom_sim.threads.network import Threads
from postroom_sim.tiktok.network import TikTok
from postroom_sim.twitter.network import Twitter
from postroom_sim.whatsapp import tables as whatsapp_tables
from postroom_sim.whatsapp.network import WhatsApp
from postroom_sim.youtube.network import YouTube

SCHEMAS = [
    feed.SCHEMA,
    oauth.SCHEMA,
    containers.SCHEMA,
    linkedin_tables.SCHEMA,
    bluesky_tables.SCHEMA,
    mastodon_tables.SCHEMA,
    whatsapp_tables.SCHEMA,
    matrix_tables.SCHEMA,
]
NETWORKS: list[Any] = [
    LinkedIn,
    Bluesky,
    Facebook,
    Instagram,
    Mastodon,
    Matrix,
    Telegram,
    Threads,
    TikTok,
    Twitter,
    WhatsApp,
    YouTube,
    *(entry.load() for entry in entry_points(group="postroom_sim.networks")),
]
"""Classes that are made of a Ground and are Networks."""
