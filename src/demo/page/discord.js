// Discord on the playground page: how its client draws a message, and the form in which a slash command is filled in.

import { el, foreign, literal } from "/dom.js";

const EPHEMERAL = 64;
const SUGGEST_AFTER_MS = 120;
const NAMES = ["room", "new_owner", "reason"];

const $ = (id) => document.getElementById(id);

// ------------------------------------------------------------------------------------------------------- a message

/** Discord's row in the table of renderers. */
export const discordRenderer = {
  name: "Discord",
  status: 202,
  late: "acknowledged first, then edited",
  waiting: "room-owner is thinking…",
  privacy: "Only you can see this",
  privacyBelow: true,
  isPublic: (message) => ((message.flags ?? 0) & EPHEMERAL) === 0,
  draw: (message) => (message.embeds ?? []).map(drawEmbed),
  failure({ again, answer }) {
    if (again && answer.status === 202) return "Discord shows nothing new: the first answer stands, and the log has the repetition.";
    return "The application did not respond";
  },
  deliveryOf(request) {
    const { id } = parsed(request?.body);
    return id ? `discord:${id}` : null;
  },
  decoded: (body) => el("pre", { class: "wire", tabindex: "0", "aria-label": "The interaction" }, literal(JSON.stringify(parsed(body), null, 2))),
};

function parsed(body) {
  try {
    return JSON.parse(body ?? "") ?? {};
  } catch {
    return {};
  }
}

function drawEmbed(embed) {
  const node = el("div", { class: "embed" },
    embed.title ? el("p", { class: "embed-title" }, markdown(embed.title)) : null,
    embed.description ? el("p", { class: "embed-text" }, markdown(embed.description)) : null,
    embed.fields?.length ? el("dl", { class: "embed-fields" }, embed.fields.map((field) => el("div", { class: field.inline ? "inline" : null },
      el("dt", {}, foreign(field.name)), el("dd", {}, markdown(field.value))))) : null,
    embed.footer?.text ? el("p", { class: "embed-footer" }, foreign(embed.footer.text)) : null);
  if (Number.isInteger(embed.color)) node.style.setProperty("--bar", `#${embed.color.toString(16).padStart(6, "0")}`);
  return node;
}

/** Inline code and escapes: all of Discord's markdown that the bot makes. Anything else stands as it was sent. */
function markdown(text) {
  return String(text ?? "").split("`").map((part, index) => (index % 2 === 1
    ? el("code", {}, foreign(part))
    : foreign(part.replace(/\\([^\p{L}\p{N}\s])/gu, "$1"))));
}

// ------------------------------------------------------------------------------------------------------ the options

let suggestFor = async () => [];
let choices = [];
let active = -1;
let asked = 0;
let timer = null;

const field = (name) => $(`option-${name}`);
const nameOf = (input) => input.id.replace("option-", "");

/** The options that hold something; the one being typed counts even when it is empty. */
export function filledOptions(focused = null) {
  return NAMES.map((name) => ({ name, value: field(name).value.trim() })).filter(({ name, value }) => value !== "" || name === focused);
}

export function fillOptions(options, { focus = true } = {}) {
  for (const name of NAMES) field(name).value = options.find((option) => option.name === name)?.value ?? "";
  NAMES.forEach((name) => fit(field(name)));
  close();
  if (focus) (NAMES.map(field).find((input) => input.value === "") ?? field("room")).focus();
}

/** As the client shows what was filled in: `/room-owner room:test new_owner:user2`. */
export const optionsAsWords = (options) => ["/room-owner", ...options.map(({ name, value }) => `${name}:${value}`)].join(" ");

export function wireOptions(suggest) {
  suggestFor = suggest;
  for (const name of NAMES) {
    const input = field(name);
    input.addEventListener("input", () => { fit(input); ask(input); });
    input.addEventListener("focus", () => ask(input));
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => onKey(event, input));
    fit(input);
  }
}

/** As wide as what it holds. */
function fit(input) {
  input.size = Math.max(11, Math.min(40, [...input.value].length + 1));
}

function ask(input) {
  clearTimeout(timer);
  const number = ++asked;
  if (nameOf(input) === "reason") {
    close();
    return;
  }
  timer = setTimeout(async () => {
    const found = await suggestFor(nameOf(input)).catch(() => []);
    // Whoever typed on, or went elsewhere, is answered by a later question.
    if (number !== asked || document.activeElement !== input) return;
    choices = Array.isArray(found) ? found : [];
    active = choices.length > 0 && input.value !== "" ? 0 : -1;
    draw(input);
  }, SUGGEST_AFTER_MS);
}

function close() {
  clearTimeout(timer);
  asked += 1;
  choices = [];
  active = -1;
  $("choices").hidden = true;
  for (const name of NAMES) {
    field(name).setAttribute("aria-expanded", "false");
    field(name).removeAttribute("aria-activedescendant");
  }
}

function draw(input) {
  const title = el("li", { class: "choices-title", role: "presentation" }, nameOf(input));
  const rows = choices.map((choice, index) => {
    const row = el("li", { class: "choice", role: "option", id: `choice-${index}`, "aria-selected": index === active ? "true" : "false" }, literal(choice.name));
    // Before the field loses the focus, which would close the list.
    row.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(input, index); });
    return row;
  });
  if (rows.length === 0) rows.push(el("li", { class: "choices-none", role: "presentation" }, "No options match your search."));
  $("choices").replaceChildren(title, ...rows);
  $("choices").hidden = false;
  input.setAttribute("aria-expanded", "true");
  if (active >= 0) {
    input.setAttribute("aria-activedescendant", `choice-${active}`);
    $(`choice-${active}`).scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function choose(input, index) {
  input.value = choices[index].value;
  fit(input);
  close();
  const next = field(NAMES[NAMES.indexOf(nameOf(input)) + 1]);
  next.focus();
}

function onKey(event, input) {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const open = !$("choices").hidden && choices.length > 0;
  if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const step = event.key === "ArrowDown" ? 1 : -1;
    active = (active + step + choices.length) % choices.length;
    draw(input);
    event.preventDefault();
  } else if (open && active >= 0 && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey))) {
    // A value that is there already is sent with Enter, not chosen again.
    if (event.key === "Enter" && choices[active].value === input.value.trim()) {
      close();
      return;
    }
    choose(input, active);
    event.preventDefault();
  } else if (event.key === "Escape") {
    close();
  }
}
