"""Boards of forums on a real server: one invented set of threads, drawn as each program's templates do."""
