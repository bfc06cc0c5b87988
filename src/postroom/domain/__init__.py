"""What things are: values and pure decisions, no I/O."""
