"""Builds `mp-mini`, the reference set that is in the package, from published crystals. One file per
source, named in `__main__.py`.
"""
