// The first screen.
