"""The tests, as a package: some libraries install one of this name."""
