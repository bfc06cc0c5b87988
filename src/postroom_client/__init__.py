"""The Python client of Postroom. It imports nothing of the server."""
