"""Commands for those who work on scoutlang; nothing of the package imports them."""
