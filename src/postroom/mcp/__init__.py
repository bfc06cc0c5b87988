"""Tools for agents, by the Model Context Protocol: a table of tools over the Python client, the same over stdio and at /mcp.

Only `server` and what it is imported by need the protocol's SDK (`postroom[agents]`); it is read when an agent comes.
"""
