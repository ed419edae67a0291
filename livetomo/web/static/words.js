// Elements, numbers and times, as people read them.

/** A new element; text is always text, never markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") made.style.cssText = value;  // allowed by the content policy, where the attribute is not
    else made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** A sentence for people; a command in backticks is shown as code. */
export const sentence = text => text.split("`").map((part, n) => n % 2 ? element("code", {}, part) : part);

/** How long ago, like "3 min ago". */
export function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]])
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return seconds < 10 ? "now" : `${Math.floor(seconds)} s ago`;
}

/** The time of day of a moment in milliseconds, like "14:05:09". */
export const clock = moment => new Date(moment).toLocaleTimeString("en-GB");

/** In how long, like "in 3 h". */
export function ahead(iso) {
  const seconds = Math.max(0, (Date.parse(iso) - Date.now()) / 1000);
  for (const [unit, size] of [["d", 86400], ["h", 3600]])
    if (seconds >= 2 * size) return `in ${Math.round(seconds / size)} ${unit}`;
  return `in ${Math.ceil(seconds / 60)} min`;
}

/** A name whose end stays when there is no room for all of it: it is the end that tells one from the other. */
export function name(text, attributes = {}) {
  const cut = Math.max(0, text.length - 9);
  return element("span", { class: "name", title: text, ...attributes },
    cut ? element("span", { class: "head" }, text.slice(0, cut)) : null, element("span", { class: "tail" }, text.slice(cut)));
}

const whole = new Intl.NumberFormat("en");

/** A count with its thousands apart. */
export const count = n => whole.format(n);

/** A figure with as many digits as it deserves. */
export function figure(value) {
    const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 100) return whole.format(Math.round(value));
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.001 || size === 0) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace(/e(.*)/, (_, power) => ` × 10${[...power].map(digit => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]).join("")}`);
}
