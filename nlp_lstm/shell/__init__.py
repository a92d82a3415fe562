"""The interactive shell: a session that knows no terminal, its commands, and the terminal it is shown on."""
