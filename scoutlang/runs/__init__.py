"""Runs on disk: sampled, judged, relaxed, followed."""
