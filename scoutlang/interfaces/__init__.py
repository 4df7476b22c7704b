"""How people and other programs reach the rest: Python, command line, REPL, editors, notebooks."""
