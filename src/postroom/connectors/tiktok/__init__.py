"""TikTok: videos, through the Content Posting API."""
