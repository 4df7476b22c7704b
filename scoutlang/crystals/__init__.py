"""Crystals in memory and in files, whoever made them."""
