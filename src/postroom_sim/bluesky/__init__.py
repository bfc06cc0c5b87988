"""A simulated Bluesky: one personal data server as AT Protocol clients speak to it."""
