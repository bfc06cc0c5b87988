"""Postroom: one self-hosted server for the social accounts a product works with."""

__version__ = "0.1.0"
