"""Telegram: posts in channels and groups, by a bot."""
