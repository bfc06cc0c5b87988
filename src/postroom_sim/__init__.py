"""The simulated networks: small local servers that speak each network's real wire protocol."""
