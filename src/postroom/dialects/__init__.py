"""The APIs Postroom speaks, a folder each. A dialect resolves the caller, calls one service, and renders."""
