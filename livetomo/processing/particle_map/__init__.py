"""From a density map that somebody brings to a particle that can be drawn, learned and looked for."""
