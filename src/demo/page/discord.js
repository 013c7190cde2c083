// Discord on the playground page: how its client draws a message, and the form in which a slash command is filled in.

import { el, foreign, literal, ownTime } from "/dom.js";

const SUGGEST_AFTER_MS = 120;
// How many optional ones are shown before they are asked for.
const AT_ONCE = 3;
// "Application Command Option Type"
const [INTEGER, BOOLEAN, USER, CHANNEL, MENTIONABLE] = [4, 5, 6, 7, 9];

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
  sentAt: (id) => new Date(Number(BigInt(id) >> 22n) + 1420070400000),
  draw: (message, button) => [...(message.embeds ?? []).map(drawEmbed), ...(message.components ?? []).map((row) => drawRow(row, button))],
  path: (what) => `/demo/discord/${what}`,
  form: ({ title, components }) => ({ title, submit: "Submit", close: "Cancel", fields: components.filter((part) => part.component).map(fieldOf), notes: components.filter((part) => part.content).map((part) => markdown(part.content)) }),
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

/** "Component Reference" */
const [STRING_SELECT, TEXT_INPUT, PARAGRAPH] = [3, 4, 2];

const drawRow = (row, button) => el("div", { class: "buttons" }, row.components.map(({ label }, index) => button(index, label)));

function fieldOf({ label, description, component }) {
  const about = { name: component.custom_id, label, hint: description, required: component.required ?? true, longest: component.max_length };
  if (component.type === STRING_SELECT) {
    return { ...about, kind: "select", options: component.options.map((option) => ({ value: option.value, text: option.label, about: option.description })) };
  }
  return { ...about, kind: component.type === TEXT_INPUT && component.style === PARAGRAPH ? "text" : "line" };
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

/** Inline code, escapes, mentions and times: all of Discord's markdown that the bot makes. Anything else stands as it was sent. */
function markdown(text) {
  return String(text ?? "").split("`").flatMap((part, index) => (index % 2 === 1 ? [el("code", {}, foreign(part))] : withMentions(part)));
}

function withMentions(text) {
  return text.split(/((?<!\\)<(?:(?:@&?|#)\d+|t:\d+(?::\w)?)>)/u).filter(Boolean).map((part) => {
    const [, time] = /^<t:(\d+)/u.exec(part) ?? [];
    if (time !== undefined) return ownTime(Number(time));
    const [, sign, id] = /^<(@&?|#)(\d+)>$/u.exec(part) ?? [];
    if (id === undefined) return foreign(part.replace(/\\([^\p{L}\p{N}\s])/gu, "$1"));
    return el("span", { class: "mention" }, foreign(nameOfMention(sign, id)));
  });
}

function nameOfMention(sign, id) {
  const known = (sign === "#" ? world.channels : world.people).find((one) => one.snowflake === id);
  if (known) return `${sign[0]}${known.name}`;
  return sign === "@&" ? "@everyone" : `${sign[0]}${id}`;
}

// ------------------------------------------------------------------------------------------------------ the options

let world = { people: [], channels: [], forms: [] };
let form = { command: "room-owner", options: [] };
let suggestFor = async () => [];
let choices = [];
let active = -1;
let asked = 0;
let timer = null;

const field = (name) => $(`option-${name}`);
const nameOf = (input) => input.id.replace("option-", "");
const names = () => form.options.map((option) => option.name);

/** The options that hold something; the one being typed counts even when it is empty. */
export function filledOptions(focused = null) {
  return names().map((name) => ({ name, value: field(name).value.trim() })).filter(({ name, value }) => value !== "" || name === focused);
}

/** The command that is being filled in, with its subcommand. */
export const commandNow = () => form.command;

export function fillOptions(used, { focus = true } = {}) {
  if (used) chooseCommand(used.command);
  const options = used?.options ?? [];
  for (const name of names()) field(name).value = options.find((option) => option.name === name)?.value ?? "";
  names().forEach((name) => fit(field(name)));
  reveal(false);
  close();
  if (focus) (names().map(field).find((input) => input.value === "" && !input.closest("[hidden]")) ?? $("command")).focus();
}

/** As the client shows what was filled in: `/room-owner room:test new_owner:user2`. */
export function optionsAsWords({ command, options }) {
  return [`/${command}`, ...options.map(({ name, value }) => `${name}:${shownValue(command, name, value)}`)].join(" ");
}

function shownValue(command, name, value) {
  const kind = world.forms.find((one) => one.command === command)?.options.find((option) => option.name === name)?.type;
  if (kind === USER || kind === MENTIONABLE) return nameOfMention("@", value);
  return kind === CHANNEL ? nameOfMention("#", value) : value;
}

export function wireOptions(suggest) {
  suggestFor = suggest;
  $("command").addEventListener("change", () => { chooseCommand($("command").value); fillOptions(null); });
  $("options-more").addEventListener("click", () => { reveal(true); });
}

/** What there is to choose from: the commands as they are registered, the guild's members and channels. */
export function offer(offered) {
  world = offered;
  $("command").replaceChildren(...world.forms.map(({ command }) => el("option", { value: command }, `/${command}`)));
  chooseCommand(world.forms.some(({ command }) => command === form.command) ? form.command : world.forms[0].command);
}

function chooseCommand(command) {
  form = world.forms.find((one) => one.command === command) ?? form;
  $("command").value = form.command;
  $("fields").replaceChildren(...form.options.map((option) => el("label", { class: "option" }, el("span", {}, option.name), input(option))));
  for (const name of names()) wireField(field(name));
  reveal(false);
}

function input(option) {
  const id = `option-${option.name}`;
  const about = { id, title: option.description, required: option.required };
  const list = choicesOf(option);
  if (list) return el("select", about, el("option", { value: "" }, ""), list.map(([value, name]) => el("option", { value }, name)));
  const plain = { ...about, type: option.type === INTEGER ? "number" : "text", min: option.min_value, max: option.max_value, maxlength: option.max_length, spellcheck: "false", autocapitalize: "off", enterkeyhint: "send" };
  if (!option.autocomplete) return el("input", plain);
  return el("input", { ...plain, autocorrect: "off", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "choices" });
}

function choicesOf(option) {
  if (option.choices?.length) return option.choices.map(({ value, name }) => [value, name]);
  switch (option.type) {
    case BOOLEAN: return [["true", "True"], ["false", "False"]];
    case USER:
    case MENTIONABLE: return world.people.map((one) => [one.snowflake, `@${one.name}`]);
    case CHANNEL: return world.channels.map((one) => [one.snowflake, `#${one.name}`]);
    default: return null;
  }
}

/** Required options and filled ones are always there; of the others a few, until somebody asks for more. */
function reveal(all) {
  let optional = 0;
  let hidden = 0;
  for (const option of form.options) {
    const shown = all || option.required || field(option.name).value !== "" || optional++ < AT_ONCE;
    field(option.name).closest("label").hidden = !shown;
    if (!shown) hidden += 1;
  }
  $("options-more").hidden = hidden === 0;
  $("options-more").textContent = `+${hidden} optional`;
}

function wireField(node) {
  node.addEventListener("keydown", (event) => onKey(event, node));
  if (node.tagName === "SELECT") return;
  node.addEventListener("input", () => { fit(node); ask(node); });
  node.addEventListener("focus", () => ask(node));
  node.addEventListener("blur", close);
  fit(node);
}

/** As wide as what it holds. */
function fit(input) {
  if (input.tagName === "SELECT") return;
  input.size = Math.max(11, Math.min(40, [...input.value].length + 1));
}

function ask(input) {
  clearTimeout(timer);
  const number = ++asked;
  if (!form.options.some((option) => option.name === nameOf(input) && option.autocomplete)) {
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
  for (const name of names().filter((one) => field(one)?.getAttribute("role") === "combobox")) {
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
  (field(names()[names().indexOf(nameOf(input)) + 1]) ?? $("send")).focus();
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
