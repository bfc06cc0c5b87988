"""The simulated Telegram: the Bot API, and what the readers of a channel see."""
