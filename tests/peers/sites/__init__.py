"""Site software by other authors. Each script runs in its own environment, `.venv-peers`."""
