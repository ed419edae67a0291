"""What is in force where nobody has said anything."""

RECIPE = "cellular"
