"""One module per command or group of commands. The table in cli.main names them."""
