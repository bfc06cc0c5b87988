"""The networks Postroom speaks to, a folder each. Nothing here sees the store."""
