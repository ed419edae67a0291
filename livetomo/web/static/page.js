// The page: what the daemon is doing, and a session's tomograms as they come. No library, no build.
import { element, ago, ahead, count } from "./words.js";
import { showDetail } from "./detail.js";

const at = id => document.getElementById(id);
const tiles = new Map();          // name -> { tile, view }
let shown = null;                 // { watch, session } of the gallery
let follows = true;               // the newest session is shown until a person chooses one
let wanted = "all";               // the filter

const get = async path => {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json()).error ?? answer.statusText);
  return answer.json();
};
const query = parameters => new URLSearchParams(parameters).toString();

// The daemon's own state, in the header.

function showStatus({ status }) {
  at("where").textContent = `${status.site} · ${status.instance}`;
  document.title = `livetomo · ${status.site}`;
  const jobs = status.jobs;
  const items = [element("li", {}, element("b", {}, count(jobs.waiting ?? 0)), " waiting")];
  if (status.paused) items.push(state("warn", "paused"));
  for (const worker of status.workers) {
    const at = worker.tomogram ? `${worker.device}: ${worker.tomogram.split("/").pop()}, ${worker.stage || "starting"}` : `${worker.device}: ${worker.state}`;
    const light = { busy: "running", idle: "on", starting: "waiting", benched: "off" }[worker.state];
    items.push(state(light, at, worker.message));
  }
  for (const watch of status.watches) items.push(state(watch.scanning ? "on" : "off", watch.name, watch.message || "watched"));
  if (status.broker.configured) {
    const lag = status.broker.waiting ? `, ${count(status.broker.waiting)} to send` : "";
    items.push(state(status.broker.connected ? "on" : "off", `broker${lag}`, status.broker.error || "connected"));
  }
  at("state").replaceChildren(...items);
  at("problems").replaceChildren(...status.problems.map(({ severity, message }) => element("li", { class: severity }, message)));
  at("problems").hidden = status.problems.length === 0;
}

const state = (light, text, title = "", kind = "li") =>
  element(kind, { title }, element("span", { class: `light ${light}` }), text);

// Sessions, at the side.

async function loadSessions() {
  const { sessions } = await get("api/v1/sessions");
  const byWatch = Map.groupBy ? Map.groupBy(sessions, each => each.watch) : grouped(sessions);
  const items = [];
  for (const [watch, own] of byWatch) {
    items.push(element("li", {}, element("h3", {}, watch)));
    items.push(...own.map(sessionItem));
  }
  at("sessions").replaceChildren(...items);
  if (sessions.length === 0) at("empty").textContent = "No tomogram has landed yet. The first one appears here by itself.";
  else if (shown === null || (follows && !same(shown, sessions[0]))) await show(sessions[0]);
}

function grouped(sessions) {
  const groups = new Map();
  for (const each of sessions) groups.set(each.watch, [...(groups.get(each.watch) ?? []), each]);
  return groups;
}

function sessionItem(each) {
  const part = name => element("i", { class: name, style: `flex: ${each.states[name] ?? 0}` });
  const rest = each.tomograms - ["done", "failed", "running"].reduce((sum, name) => sum + (each.states[name] ?? 0), 0);
  const button = element("button", { type: "button" },
    element("span", { class: "name", title: each.session }, each.session,
      each.verdict === "missing" ? null : element("span", { class: `light ${each.verdict}`, role: "img", "aria-label": each.verdict })),
    element("span", { class: "counts" }, element("span", {}, `${count(each.states.done ?? 0)} of ${count(each.tomograms)}`),
      element("time", { datetime: each.newest }, ago(each.newest))),
    element("span", { class: "track" }, part("done"), part("failed"), part("running"), element("i", { style: `flex: ${rest}` })));
  if (same(each, shown)) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => { follows = false; show(each).catch(fail); loadSessions().catch(fail); });
  return element("li", {}, button);
}

const same = (one, other) => one !== null && other !== null && one.watch === other.watch && one.session === other.session;

// How the shown session goes by its last tomograms, and when it will have the particles that are wanted.

async function loadCourse() {
  const where = shown;
  const { verdict, reasons, targets } = await get(`api/v1/summary?${query(where)}`);
  if (!same(where, shown)) return;
  const told = [];
  if (verdict !== "missing") told.push(state(verdict, `The last tomograms are ${verdict}${reasons.length ? `: ${reasons[0]}` : ""}`, reasons.join("\n"), "span"));
  told.push(...targets.map(({ feature, wanted: aim, found, expected }) => element("span", { class: "target" },
    `${count(found)} of ${count(aim)} ${feature}${found >= aim ? ", reached" : expected ? `, the rest ${ahead(expected)}` : ""}`)));
  at("course").replaceChildren(...told.flatMap((each, n) => n ? [" · ", each] : [each]));
}

// The gallery.

async function show({ watch, session }) {
  shown = { watch, session };
  const { tomograms } = await get(`api/v1/tomograms?${query(shown)}`);
  if (!same(shown, { watch, session })) return;
  tiles.clear();
  at("gallery").replaceChildren(...tomograms.map(view => place(view)));
  refresh();
  for (const button of at("sessions").querySelectorAll("button"))
    button.toggleAttribute("aria-current", button.querySelector(".name").title === session);
  await loadCourse();
}

function place(view) {
  const known = tiles.get(view.name);
  const tile = known?.tile ?? element("button", { type: "button", class: "tile" });
  if (!known) tile.addEventListener("click", () => openDetail(view.name).catch(fail));
  tiles.set(view.name, { tile, view });
  const light = view.verdict ?? view.state;
  const picks = Object.entries(view.picks).map(([feature, n]) => `${count(n)} ${feature}`).join(", ");
  const reason = view.fault?.message ?? view.reasons[0] ?? view.warning;
  const preview = view.previews.includes("preview/tile.png") ? `api/v1/results/${view.result_id}/preview/tile.png` : null;
  const old = tile.querySelector("img");
  const picture = preview === null ? element("span", { class: "picture" }, placeholder(view))
    : old?.getAttribute("src") === preview ? old.parentElement
    : element("span", { class: "picture" }, element("img", { src: preview, alt: "", loading: "lazy", decoding: "async" }));
  tile.replaceChildren(picture, element("span", { class: "text" },
    element("span", { class: "first" }, element("span", { class: `light ${light}`, role: "img", "aria-label": light }),
      element("span", { class: "name", title: view.name }, view.name),
      element("time", { class: "age", datetime: view.changed }, ago(view.changed))),
    picks ? element("span", { class: "picks" }, `${picks} picks`) : null,
    reason ? element("span", { class: "reason", title: reason }, reason) : null));
  tile.dataset.kind = kind(view);
  tile.hidden = wanted !== "all" && wanted !== tile.dataset.kind;
  return tile;
}

const kind = view => view.state === "done" ? view.verdict : view.state === "failed" ? "failed" : "under way";
const placeholder = view => ({ failed: view.fault?.reason ?? "failed", waiting: "waiting", running: "at work", done: "no picture" }[view.state] ?? view.state);

function refresh() {
  const views = [...tiles.values()].map(each => each.view);
  const kinds = {}, picks = {};
  for (const view of views) {
    kinds[kind(view)] = (kinds[kind(view)] ?? 0) + 1;
    for (const [feature, n] of Object.entries(view.picks)) picks[feature] = (picks[feature] ?? 0) + n;
  }
  at("bar").hidden = views.length === 0;
  at("empty").hidden = views.length !== 0;
  at("title").textContent = shown.session;
  const sums = Object.entries(picks).map(([name, n]) => `${count(n)} ${name}`).join(", ");
  at("totals").textContent = `${count(views.length)} tomogram${views.length === 1 ? "" : "s"}${sums && ` · ${sums} picks`}`;
  if (wanted !== "all" && !kinds[wanted]) choose("all");
  const lights = { "under way": "running" };
  at("filters").replaceChildren(...["all", "good", "warn", "bad", "missing", "failed", "under way"].filter(name => name === "all" || kinds[name]).map(name => {
    const button = element("button", { type: "button", "aria-pressed": String(wanted === name) },
      name === "all" ? null : element("span", { class: `light ${lights[name] ?? name}` }), name === "all" ? "all" : `${name} ${count(kinds[name])}`);
    button.addEventListener("click", () => { choose(name); refresh(); });
    return button;
  }));
}

function choose(name) {
  wanted = name;
  for (const { tile } of tiles.values()) tile.hidden = wanted !== "all" && wanted !== tile.dataset.kind;
}

async function openDetail(name) {
  const { view } = tiles.get(name) ?? {};
  if (!view) return;
  at("detail").dataset.name = name;
  await showDetail(at("detail"), view, view.result_id ? await get(`api/v1/results/${view.result_id}`) : null);
}

// The arrow keys go from one tomogram to the next, as far as they are shown.
at("detail").addEventListener("keydown", event => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target.closest("input")) return;
  const visible = [...at("gallery").children].filter(tile => !tile.hidden);
  const names = visible.map(tile => tile.querySelector(".name").textContent);
  const next = names[names.indexOf(at("detail").dataset.name) + step];
  if (next !== undefined) openDetail(next).catch(fail);
});

// What happens while the page is open. Events come in bursts: what they concern is fetched once, shortly after.

const news = new Set();
let sessionsAreNews = false, gathering = null;

function told({ watch, session, tomogram }) {
  sessionsAreNews = true;
  if (same(shown, { watch, session })) news.add(tomogram);
  gathering ??= setTimeout(gather, 400);
}

async function gather() {
  const names = [...news], where = shown;
  news.clear(); gathering = null;
  try {
    if (names.length > 8) await show(where);
    else await Promise.all(names.map(async name => {
      const { tomograms: [view] } = await get(`api/v1/tomograms?${query({ ...where, name })}`);
      if (!same(where, shown)) return;
      const isNew = !tiles.has(name), tile = place(view);
      if (isNew) at("gallery").prepend(tile);
    }));
    if (names.length && same(where, shown)) { refresh(); await loadCourse(); }
    if (sessionsAreNews) { sessionsAreNews = false; await loadSessions(); }
  } catch (fault) { fail(fault); }
}

function fail(fault) {
  at("problems").replaceChildren(element("li", {}, `The page cannot show everything: ${fault.message}`));
  at("problems").hidden = false;
}

// What was missed while nothing was heard: all that is shown is fetched again.
async function catchUp() {
  const before = shown;
  await loadSessions();
  if (same(before, shown)) await show(shown);
}

async function begin() {
  showStatus(await get("api/v1/status"));
  const stream = new EventSource("events");
  stream.addEventListener("status", event => showStatus(JSON.parse(event.data)));
  stream.addEventListener("tomogram", event => told(JSON.parse(event.data)));
  // The first time too, and only now: what happens between a fetch and the opening would be told nowhere.
  stream.addEventListener("open", () => catchUp().catch(fail));
  stream.addEventListener("error", () => fail(new Error("the daemon does not answer; trying again")));
}

setInterval(() => { for (const time of document.querySelectorAll("time[datetime]")) time.textContent = ago(time.dateTime); }, 10000);
begin().catch(fail);
