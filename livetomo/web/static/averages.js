// The averages of a session's particles: a picture of each, and what it says.

import { count, element, figure } from "./words.js";

const TIMES = 2;  // a signal that is less beyond chance says nothing

/** A figure for each feature that has an average. */
export function averages({ watch, session, averages: all }) {
  return Object.entries(all).map(([feature, one]) => {
    const where = new URLSearchParams({ watch, session, made: one.updated });
    const path = `api/v1/average/${encodeURIComponent(feature)}.png?${where}`;
    return element("figure", {}, element("a", { href: path, target: "_blank" },
      element("img", { src: path, alt: `Slices through the average of ${feature}, and how far its halves agree` })),
      element("figcaption", {}, said(feature, one)));
  });
}

/** What the numbers mean, for a person who looks at them once. */
export function said(feature, { particles, tomograms, signal, by_chance: chance, resolution_angstrom: resolution }) {
  const of = `${count(particles)} picks of ${feature} in ${count(tomograms)} tomogram${tomograms === 1 ? "" : "s"}`;
  if (!(signal > TIMES * Math.max(chance, 0)))
    return `${of}: no more than chance so far. If it stays so, these picks are not the particle, or the map is another one.`;
  const times = chance > 0 ? `signal ${figure(Number((signal / chance).toPrecision(2)))} times chance` : "signal where chance gives none";
  const halves = resolution === null ? "" : `, halves agree to ${count(Math.round(resolution))} Å`;
  return `${of}: ${times}${halves}. A look, not a refinement.`;
}
