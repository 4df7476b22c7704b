"""scoutlang: structural hypotheses about crystals, from a small language to judged structures."""
