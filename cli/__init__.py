"""The command `spillwatch`: its commands, their output and exit codes, and the checks of `doctor`."""
