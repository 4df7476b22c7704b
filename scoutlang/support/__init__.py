"""What every room needs and no chemistry is in: errors, files, plug-ins, the version."""
