"""The syntax tree and its usual form as text."""
