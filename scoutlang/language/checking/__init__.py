"""From the syntax tree to the program: names, units, types, and what cannot be."""
