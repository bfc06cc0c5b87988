"""A simulated LinkedIn: private messaging as the web client speaks it."""
