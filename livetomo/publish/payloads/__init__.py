"""What messages hold and where they go."""
