"""What users write: configuration, recipes, model cards, and what is said where they are wrong."""
