"""Meaning: from the syntax tree to the terms and settings of a program."""

# Each of these registers the expressions that it reads with `elaborate.meaning`.
from scoutlang.language.checking import calls, names, operations, relations  # noqa: F401
