"""The command `spillwatch`, its configuration and its daemon: the part that wires the others together."""
