"""What Postroom costs, measured against floors and a baseline: `make bench`, or `python -m bench --help`."""
