// Small DOM helpers. Text becomes a text node: nothing here parses HTML.

/** An element: `attributes` may hold `class`, `on` ({event: listener}) and plain attributes; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Words from outside. `bdi` keeps a right-to-left run, or an override inside it, from reordering what stands around it. */
export function foreign(text, attributes = {}) {
  return el("bdi", attributes, String(text ?? ""));
}

// Characters that change how a line looks without being seen: controls, zero-width and bidi marks, the byte order mark.
const UNSEEN = /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff])/;

/** For records and requests, where a reader must see what is really there: the unseen characters are spelled out. */
export function exact(text) {
  return String(text).split(UNSEEN).filter(Boolean).map((part) => UNSEEN.test(part)
    ? el("span", { class: "unseen-char" }, `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`)
    : part);
}

/** Foreign words outside the chat, spelled out: rooms, owners, records. */
export const literal = (text, attributes = {}) => el("bdi", attributes, exact(text ?? ""));

/** A time as the platforms show one: on the reader's own clock. */
export function ownTime(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return foreign(seconds);
  return el("time", { datetime: date.toISOString(), title: date.toISOString() }, date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
}
