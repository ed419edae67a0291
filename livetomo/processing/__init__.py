"""The science, the only room with torch: from a file to a result folder."""
