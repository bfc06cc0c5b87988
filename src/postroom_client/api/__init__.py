"""The operations of the server, noun by noun: each is written once, for both clients."""
