"""One module a command (or a group of commands); cli.main has the table of them."""
