"""YouTube: videos, through the Data API."""
