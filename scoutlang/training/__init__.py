"""Commands that make the shipped weights. Nothing else imports this package."""
