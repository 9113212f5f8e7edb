"""Forum boards on a real server: one invented set of threads, rendered with the templates of each program."""
