"""Networks, and the packages in which they travel."""
