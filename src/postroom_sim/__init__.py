"""The simulated networks: the far side that the sandbox and the tests talk to. It imports nothing of the server."""
