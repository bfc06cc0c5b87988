"""Chats on Matrix, on whichever homeserver an account lives."""
