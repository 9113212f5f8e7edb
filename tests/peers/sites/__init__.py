"""Site software that we did not write: each script runs in the peers' environment, `.venv-peers`."""
