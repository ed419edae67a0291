"""What is done to a tomogram, as users write it."""
