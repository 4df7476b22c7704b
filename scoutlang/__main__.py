"""``python -m scoutlang``: the `scout` command where its script is not on the path."""

from scoutlang.interfaces.cli import main

main()
