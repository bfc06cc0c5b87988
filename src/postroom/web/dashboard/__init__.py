"""The dashboard: pages from the server for whoever signed in with a key, live over the event log, with no build step."""

from postroom.web.dashboard.site import SEGMENTS, Dashboard, dashboard

__all__ = ["SEGMENTS", "Dashboard", "dashboard"]
