// The page: what the daemon is doing, and a session's tomograms as they come. No library, no build.
import { element, ago, ahead, clock, count, name as named, sentence } from "./words.js";
import { averages as averagesOf } from "./averages.js";
import { showDetail } from "./detail.js";

const at = id => document.getElementById(id);
const tiles = new Map();          // name -> { tile, view }
let shown = null;                 // { watch, session } of the gallery
let follows = true;               // the newest session is shown until a person chooses one
let wanted = "all";               // the filter
let totals = null;                // what the daemon adds up for the shown session: the tiles may be fewer
let heard = Date.now();           // when the daemon last said something
let problems = [], trouble = "";  // the daemon's, and the page's own

const SILENT = 5000, PAGE = 1000;

/** The daemon does not answer; `listen` reports it when that lasts. */
class Away extends Error {}

const get = async path => {
  let answer;
  try { answer = await fetch(path); } catch (fault) { throw new Away(fault.message); }
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
  return answer.json();
};
const query = parameters => new URLSearchParams(parameters).toString();

// The daemon's own state, in the header.

function showStatus({ status }) {
  hear();
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
  for (const watch of status.watches) items.push(watchState(watch, status.problems.filter(({ subject }) => subject === watch.name)));
  if (status.broker.configured) {
    const lag = status.broker.waiting ? `, ${count(status.broker.waiting)} to send` : "";
    items.push(state(status.broker.connected ? "on" : "off", `broker${lag}`, status.broker.error || "connected"));
  }
  at("state").replaceChildren(...items);
  problems = status.problems;
  showProblems();
}

function watchState(watch, own) {
  const { consecutive_failures: failures } = watch.health;
  const light = own.some(({ severity }) => severity === "critical") ? "off" : own.length ? "warn" : watch.scanning ? "on" : "off";
  const text = failures ? `${watch.name}, ${count(failures)} failed in a row` : watch.name;
  return state(light, text, own.map(({ message }) => message).join("\n") || watch.message || "watched");
}

function showProblems() {
  const silent = document.body.classList.contains("silent");
  const lines = problems.map(({ severity, message }) => element("li", { class: severity }, ...sentence(message)));
  if (trouble) lines.unshift(element("li", { class: "warning" }, `The page cannot show everything: ${trouble}`));
  if (silent) lines.unshift(element("li", { class: "critical" }, `livetomo has given no answer since ${clock(heard)}. What is shown is as of then.`));
  at("problems").replaceChildren(...lines);
  at("problems").hidden = lines.length === 0;
  document.querySelector("header").classList.toggle("critical", problems.some(({ severity }) => severity === "critical"));
}

// The daemon sends its status every two seconds. When none comes, the page says that what it shows is old.

function hear() {
  heard = Date.now();
  if (document.body.classList.replace("silent", "heard")) showProblems();
}

function listen() {
  if (Date.now() - heard < SILENT || document.body.classList.contains("silent")) return;
  document.body.classList.remove("heard");
  document.body.classList.add("silent");
  showProblems();
}

const state = (light, text, title = "", kind = "li") =>
  element(kind, { title }, element("span", { class: `light ${light}` }), ...sentence(text));

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
    element("span", { class: "first" }, named(each.session),
      each.verdict === "missing" ? null : element("span", { class: `light ${each.verdict}`, role: "img", "aria-label": each.verdict })),
    element("span", { class: "counts" }, element("span", {}, `${count(each.states.done ?? 0)} of ${count(each.tomograms)} done`),
      element("time", { datetime: each.newest }, ago(each.newest))),
    element("span", { class: "track" }, part("done"), part("failed"), part("running"), element("i", { style: `flex: ${rest}` })));
  button.dataset.where = place(each);
  if (same(each, shown)) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => { follows = false; show(each).catch(fail); loadSessions().catch(fail); });
  return element("li", {}, button);
}

const place = ({ watch, session }) => JSON.stringify([watch, session]);
const same = (one, other) => one !== null && other !== null && place(one) === place(other);

// The verdict of the shown session by its last tomograms, and when it will have the particles that are wanted.

async function loadSummary() {
  const where = shown;
  const summary = await get(`api/v1/summary?${query(where)}`);
  if (same(where, shown)) showSummary(summary);
}

function showSummary(summary) {
  totals = summary;
  refresh();
  const { watch, session, verdict, reasons, targets, averages } = summary;
  const parts = [];
  if (verdict !== "missing") parts.push(state(verdict, `The last tomograms are ${verdict}${reasons.length ? `: ${reasons[0]}` : ""}`, reasons.join("\n"), "span"));
  parts.push(...targets.map(({ feature, wanted: aim, found, expected }) => element("span", { class: "target" },
    `${count(found)} of ${count(aim)} ${feature}${found >= aim ? ", reached" : expected ? `, the rest ${ahead(expected)}` : ""}`)));
  at("verdict").replaceChildren(...parts.flatMap((each, n) => n ? [" · ", each] : [each]));
  const pictures = JSON.stringify([watch, session, averages]);
  if (pictures !== at("averages").dataset.shown) at("averages").replaceChildren(...averagesOf(summary));
  at("averages").dataset.shown = pictures;
}

// The gallery.

async function show({ watch, session }) {
  const before = shown;
  shown = { watch, session };
  for (const button of at("sessions").querySelectorAll("button"))
    button.toggleAttribute("aria-current", button.dataset.where === place(shown));
  const limit = same(before, shown) ? Math.min(Math.max(PAGE, tiles.size), 5000) : PAGE;
  const [{ tomograms }, summary] = await Promise.all([
    get(`api/v1/tomograms?${query({ ...shown, limit })}`), get(`api/v1/summary?${query(shown)}`)]);
  if (!same(shown, { watch, session })) return;
  tiles.clear();
  at("gallery").replaceChildren(...tomograms.map(view => tileOf(view)));
  showSummary(summary);
}

// The next ones of a session of which not all are shown.
async function showOlder() {
  const where = shown;
  const { tomograms } = await get(`api/v1/tomograms?${query({ ...where, limit: PAGE, offset: tiles.size })}`);
  if (!same(where, shown)) return;
  at("gallery").append(...tomograms.filter(view => !tiles.has(view.name)).map(view => tileOf(view)));
  refresh();
}

function tileOf(view) {
  const known = tiles.get(view.name);
  const tile = known?.tile ?? element("button", { type: "button", class: "tile" });
  if (!known) tile.addEventListener("click", () => openDetail(view.name).catch(fail));
  tiles.set(view.name, { tile, view });
  const light = view.verdict ?? view.state;
  const picks = counted(view.picks, view.false_picks);
  const reason = view.excluded[0] ?? view.fault?.message ?? view.reasons[0] ?? view.warning;
  const preview = view.previews.includes("preview/tile.png") ? `api/v1/results/${view.result_id}/preview/tile.png` : null;
  const old = tile.querySelector("img");
  const picture = preview === null ? element("span", { class: "picture" }, placeholder(view))
    : old?.getAttribute("src") === preview ? old.parentElement
    : element("span", { class: "picture" }, element("img", { src: preview, alt: "", loading: "lazy", decoding: "async" }));
  tile.replaceChildren(picture, element("span", { class: "text" },
    element("span", { class: "first" }, element("span", { class: `light ${light}`, role: "img", "aria-label": light }),
      named(view.name)),
    element("span", { class: "second" }, picks ? element("span", { class: "picks" }, picks) : null,
      element("time", { class: "age", datetime: view.changed }, ago(view.changed))),
    reason ? element("span", { class: "reason", title: reason }, ...sentence(reason)) : null));
  tile.dataset.kind = kind(view);
  tile.classList.toggle("excluded", view.excluded.length > 0);
  tile.hidden = wanted !== "all" && wanted !== tile.dataset.kind;
  return tile;
}

// So many picks of each feature, and how many of them are expected to be false; of how many, if that is not known of all.
const counted = (picks, wrong) => Object.entries(picks).map(([feature, n]) => {
  const known = wrong[feature];
  const of = known && known.of < n ? ` of ${count(known.of)}` : "";
  return `${count(n)} ${feature} picks${known ? ` (about ${count(Math.round(known.picks))}${of} false)` : ""}`;
}).join(", ");

const kind = view => view.state === "done" ? view.verdict : view.state === "failed" ? "failed" : "in progress";
const placeholder = view => ({ failed: view.fault?.reason ?? "failed", waiting: "waiting", running: "running", done: "no picture" }[view.state] ?? view.state);

function refresh() {
  const { tomograms: all, states, verdicts, picks } = totals;
  const judged = Object.values(verdicts).reduce((sum, n) => sum + n, 0), failed = states.failed ?? 0;
  const kinds = { ...verdicts, failed, "in progress": all - judged - failed };
  at("bar").hidden = all === 0;
  at("empty").hidden = all !== 0;
  at("title").textContent = shown.session;
  const sums = counted(picks, totals.false_picks);
  const excluded = totals.excluded ? `, ${count(totals.excluded)} of them excluded or in part` : "";
  at("totals").textContent = `${count(all)} tomogram${all === 1 ? "" : "s"}${excluded}${sums && ` · ${sums}`}`;
  at("older").hidden = tiles.size >= all;
  at("older").textContent = `The newest ${count(tiles.size)} of ${count(all)} are shown. Show older ones`;
  if (wanted !== "all" && !kinds[wanted]) choose("all");
  const lights = { "in progress": "running" };
  at("filters").replaceChildren(...["all", "good", "warn", "bad", "unjudged", "missing", "failed", "in progress"].filter(name => name === "all" || kinds[name]).map(name => {
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
  const names = visible.map(tile => tile.querySelector(".name").title);
  const next = names[names.indexOf(at("detail").dataset.name) + step];
  if (next !== undefined) openDetail(next).catch(fail);
});

// What happens while the page is open. Events come in bursts: what they concern is fetched once, shortly after.

const news = new Map();           // the place of a session -> names
let sessionsAreNews = false, gathering = null;

function changed({ watch, session, tomogram }) {
  sessionsAreNews = true;
  const here = place({ watch, session });
  news.set(here, (news.get(here) ?? new Set()).add(tomogram));
  gathering ??= setTimeout(gather, 400);
}

async function gather() {
  // Of the session that is shown by now: what came for another one is fetched when that is shown.
  const where = shown, names = where === null ? [] : [...(news.get(place(where)) ?? [])];
  news.clear(); gathering = null;
  try {
    if (names.length > 8) await show(where);
    else await Promise.all(names.map(async name => {
      const { tomograms: [view] } = await get(`api/v1/tomograms?${query({ ...where, name })}`);
      if (!same(where, shown)) return;
      const isNew = !tiles.has(name), tile = tileOf(view);
      if (isNew) at("gallery").prepend(tile);
    }));
    if (names.length && same(where, shown)) await loadSummary();
    if (sessionsAreNews) { sessionsAreNews = false; await loadSessions(); }
    trouble = "";
    showProblems();
  } catch (fault) { fail(fault); }
}

function fail(fault) {
  if (fault instanceof Away) return;
  trouble = fault.message;
  showProblems();
}

// What was missed while nothing was heard: all that is shown is fetched again.
async function catchUp() {
  const before = shown;
  await loadSessions();
  if (same(before, shown)) await show(shown);
  trouble = "";
  showProblems();
}

function follow() {
  const stream = new EventSource("events");
  stream.addEventListener("status", event => showStatus(JSON.parse(event.data)));
  stream.addEventListener("tomogram", event => { hear(); changed(JSON.parse(event.data)); });
  // The first time too, and only now: what happens between a fetch and the opening would be reported nowhere.
  stream.addEventListener("open", () => catchUp().catch(fail));
  // A browser gives up for good where a proxy answers in the daemon's place.
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2000); });
}

at("older").addEventListener("click", () => showOlder().catch(fail));
follow();
setInterval(listen, 500);
// An average is made a while after the tomograms that are in it; no event says so.
setInterval(() => { if (shown !== null) loadSummary().catch(fail); }, 30000);
setInterval(() => { for (const time of document.querySelectorAll("time[datetime]")) time.textContent = ago(time.dateTime); }, 10000);
