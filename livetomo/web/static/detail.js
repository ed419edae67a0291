// One tomogram, large: its pictures, figures, files and provenance.
import { element, count, figure, ago, sentence } from "./words.js";

const PICTURES = { "preview/overlay.png": "picks", "preview/xy.png": "x-y slice", "preview/xz.png": "x-z slice" };

/** Show `view` in `dialog`, with its result's manifest where there is one. */
export async function showDetail(dialog, view, manifest) {
  const light = view.verdict ?? view.state;
  const says = [...view.excluded, view.warning, ...(manifest?.warnings ?? [])].filter(Boolean).map(text => element("p", { class: "say" }, ...sentence(text)));
  if (view.fault) says.push(element("p", { class: "say bad" }, ...sentence(view.fault.message)));
  dialog.querySelector("#detail-body").replaceChildren(
    element("h2", { id: "detail-name" }, element("span", { class: `light ${light}`, role: "img", "aria-label": light }), view.name),
    element("div", { class: "quiet" }, [view.watch, view.session, `revision ${view.revision}`, view.state, ago(view.changed)].join(" · ")),
    ...says,
    element("div", { class: "columns" }, pictures(view), element("div", {}, ...(manifest ? tables(view, manifest) : [source(view)]))),
  );
  if (!dialog.open) dialog.showModal();
}

function pictures(view) {
  const names = Object.keys(PICTURES).filter(name => view.previews.includes(name));
  if (names.length === 0) return element("div", { class: "quiet" }, view.state === "failed" ? "There is no picture." : "There is no picture yet.");
  const image = element("img", { alt: "" });
  const buttons = names.map(name => element("button", { type: "button" }, PICTURES[name]));
  const choose = chosen => {
    image.src = `api/v1/results/${view.result_id}/files/${names[chosen]}`;
    image.alt = `${view.name}, ${PICTURES[names[chosen]]}`;
    buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(n === chosen)));
  };
  buttons.forEach((button, n) => button.addEventListener("click", () => choose(n)));
  choose(0);
  return element("div", {}, names.length > 1 ? element("div", { class: "views" }, ...buttons) : null, image);
}

const words = name => name.replaceAll("_", " ");
const row = (...cells) => element("tr", {}, ...cells);
const cell = (content, kind = "") => element("td", { class: kind }, content);
const table = (caption, rows) => element("table", {}, element("caption", {}, caption), element("tbody", {}, ...rows));

function tables(view, manifest) {
  const quality = Object.entries(manifest.quality).map(([name, { value, unit, verdict, reason }]) =>
    row(element("td", { title: verdict }, element("span", { class: `light ${verdict}`, role: "img", "aria-label": verdict }), words(name),
      reason ? element("div", { class: "quiet" }, ...sentence(reason)) : null), cell(measured(value, unit), "number")));
  const picks = Object.entries(manifest.picks).map(([feature, { count: n, candidates, threshold, missing, false_share: share, false_share_missing: unknown }]) => missing
    ? row(cell(feature), element("td", { class: "quiet", colspan: 3 }, `missing: ${missing}`))
    : row(element("td", {}, feature, falsePicks(n, share, unknown)), cell(`${count(n)} picks`, "number"), cell(`${count(candidates)} candidates`, "number"), cell(`above ${threshold}`, "number")));
  const files = Object.entries(manifest.files).filter(([name]) => !name.startsWith("preview/")).map(([name, { bytes, url }]) =>
    row(element("td", { class: "path" }, element("a", { href: url.replace(/^\//, "") }, name)), cell(size(bytes), "number")));
  const { shape_zyx: shape, voxel_size_angstrom: voxel } = manifest.volume;
  const seconds = Object.values(manifest.seconds).reduce((sum, each) => sum + each, 0);
  return [
    table("Quality", quality), table("Picks", picks), table("Files", files),
    table("Provenance", [
      row(cell("recipe"), cell(manifest.recipe.name)),
      row(cell("volume"), cell(`${[...shape].reverse().join(" × ")} voxels of ${figure(voxel)} Å`)),
      row(cell("file"), cell(manifest.source.path, "path")),
      row(cell("results"), cell(manifest.folder, "path")),
      row(cell("took"), cell(`${figure(seconds)} s on ${manifest.provenance.device ?? "?"}`)),
    ]),
  ];
}

// How many of so many picks are expected to be false, with the interval, or why that is not known.
const falsePicks = (n, share, unknown) => share ? element("div", { class: "quiet" },
  `about ${count(Math.round(share.expected))} of them false (${count(Math.round(share.low * n))} to ${count(Math.round(share.high * n))})`)
  : unknown ? element("div", { class: "quiet" }, `how many are false is not known: ${unknown}`) : null;

const source = view => table("Provenance", [row(cell("file"), cell(view.path, "path")), row(cell("recipe"), cell(view.recipe))]);
const measured = (value, unit) => value === null ? "–" : `${figure(value)}${unit === "°" ? "" : " "}${unit}`;
const size = bytes => bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${figure(bytes / 1e3)} kB` : bytes < 1e9 ? `${figure(bytes / 1e6)} MB` : `${figure(bytes / 1e9)} GB`;
