// The form of a chat platform as a dialog: fields to choose in, to type in, and what the bot says in its place.
//
// A field is { name, label, hint, placeholder, kind, required, longest, options }, and its kind one of
//   suggest   chosen from what the bot suggests for what is typed
//   select    chosen from a list
//   line, text

import { el, foreign } from "/dom.js";

const SUGGEST_AFTER_MS = 120;
const $ = (id) => document.getElementById(id);
const input = (field) => $(`form-${field.name}`);

let form = null; // what is shown: { title, submit, close, fields, suggest, send }

/**
 * Shows a form. `suggest(field, typed, values)` returns what can be chosen: [{ value, text, about }]. `send(values)`
 * returns { problem } to be shown, { title, body } to take the form's place, or nothing, which closes it.
 */
export function showForm(shown) {
  form = shown;
  $("form-title").replaceChildren(foreign(form.title));
  $("form-problem").textContent = "";
  $("form-close").textContent = form.close;
  $("form-submit").textContent = form.submit ?? "";
  $("form-submit").hidden = !form.submit;
  $("form-body").replaceChildren(...(form.body ?? [...form.fields.map(drawField), ...(form.notes ?? []).map((note) => el("p", {}, note))]));
  for (const field of form.fields) if (field.kind === "suggest") wireSuggestions(field);
  if (!$("form").open) $("form").showModal();
  (form.fields.length > 0 ? input(form.fields[0]) : $("form-close")).focus();
}

export function wireForm(afterwards) {
  $("form").addEventListener("close", afterwards);
  $("form-close").addEventListener("click", () => $("form").close());
  $("form-fill").addEventListener("submit", (event) => { event.preventDefault(); send(); });
}

function drawField(field) {
  const id = `form-${field.name}`;
  const about = { id, name: field.name, maxlength: field.longest, placeholder: field.placeholder, "aria-required": field.required ? "true" : null, "aria-describedby": `${id}-hint ${id}-problem`, autocapitalize: "off", spellcheck: "false" };
  const problem = el("p", { class: "problem", id: `${id}-problem` });
  const list = field.kind === "suggest" ? el("ul", { class: "form-choices", id: `${id}-choices`, role: "listbox", "aria-label": field.label, hidden: true }) : null;
  return el("div", { class: "form-field" },
    el("label", { for: id }, foreign(field.label), field.required ? null : el("span", { class: "quiet" }, " (optional)")),
    control(field, about), list, problem,
    el("p", { class: "form-hint", id: `${id}-hint` }, foreign(field.hint ?? "")));
}

function control(field, about) {
  switch (field.kind) {
    case "select": return el("select", about, el("option", { value: "" }, "Choose …"), field.options.map(({ value, text, about: more }) => el("option", { value }, more ? `${text} · ${more}` : text)));
    case "text": return el("textarea", { ...about, rows: "2" });
    case "suggest": return el("input", { ...about, type: "text", role: "combobox", autocomplete: "off", autocorrect: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${about.id}-choices` });
    default: return el("input", { ...about, type: "text", autocomplete: "off", autocorrect: "off" });
  }
}

/** Of a field to choose in, only what was chosen counts. */
function valueOf(field) {
  const node = input(field);
  if (field.kind === "suggest") return node.dataset.chosen ?? "";
  return node.value.trim();
}

const valuesNow = () => Object.fromEntries(form.fields.map((field) => [field.name, valueOf(field)]));

function complain(field, words) {
  $(`form-${field.name}-problem`).textContent = words;
  input(field).setAttribute("aria-invalid", words ? "true" : "false");
}

async function send() {
  const missing = form.fields.filter((field) => field.required && valueOf(field) === "");
  for (const field of form.fields) complain(field, missing.includes(field) ? "Please complete this required field." : "");
  if (missing.length > 0) {
    input(missing[0]).focus();
    return;
  }
  const sent = form;
  $("form-submit").disabled = true;
  $("form-problem").textContent = "";
  const answer = await form.send(valuesNow());
  $("form-submit").disabled = false;
  // Whoever closed it, or has another one open by now, is not shown this one again.
  if (form !== sent || !$("form").open) return;
  if (answer?.problem) $("form-problem").textContent = answer.problem;
  else if (answer?.body) showForm({ fields: [], ...answer });
  else $("form").close();
}

// ------------------------------------------------------------------------------------------------------ suggestions

function wireSuggestions(field) {
  const node = input(field);
  const list = $(`${node.id}-choices`);
  const it = { field, node, list, options: [], active: -1, asked: 0, timer: null };
  node.addEventListener("input", () => { delete node.dataset.chosen; ask(it); });
  node.addEventListener("focus", () => ask(it));
  node.addEventListener("click", () => { if (list.hidden) ask(it); });
  node.addEventListener("blur", () => close(it));
  node.addEventListener("keydown", (event) => onKey(event, it));
}

function ask(it) {
  clearTimeout(it.timer);
  const number = ++it.asked;
  it.timer = setTimeout(async () => {
    const found = await form.suggest(it.field.name, it.node.dataset.chosen ? "" : it.node.value, valuesNow()).catch(() => []);
    // Whoever typed on, or went elsewhere, is answered by a later question.
    if (number !== it.asked || document.activeElement !== it.node) return;
    it.options = found;
    it.active = found.length > 0 && it.node.value !== "" ? 0 : -1;
    draw(it);
  }, SUGGEST_AFTER_MS);
}

function close(it) {
  clearTimeout(it.timer);
  it.asked += 1;
  it.list.hidden = true;
  it.node.setAttribute("aria-expanded", "false");
  it.node.removeAttribute("aria-activedescendant");
}

function draw(it) {
  const rows = it.options.map((option, index) => {
    const row = el("li", { id: `${it.list.id}-${index}`, class: "choice", role: "option", "aria-selected": String(index === it.active) },
      foreign(option.text), option.about ? el("span", { class: "quiet" }, " · ", foreign(option.about)) : null);
    row.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(it, index); });
    return row;
  });
  if (rows.length === 0) rows.push(el("li", { class: "choices-none", role: "presentation" }, it.node.value === "" ? "Type to find one." : "No results."));
  it.list.replaceChildren(...rows);
  it.list.hidden = false;
  it.node.setAttribute("aria-expanded", "true");
  if (it.active < 0) it.node.removeAttribute("aria-activedescendant");
  else it.node.setAttribute("aria-activedescendant", `${it.list.id}-${it.active}`);
  (rows[it.active] ?? it.list).scrollIntoView({ block: "nearest" });
}

function choose(it, index) {
  it.node.value = it.options[index].text;
  it.node.dataset.chosen = it.options[index].value;
  complain(it.field, "");
  close(it);
}

function onKey(event, it) {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const open = !it.list.hidden;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!open) ask(it);
    else if (it.options.length > 0) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      it.active = it.active < 0 && step < 0 ? it.options.length - 1 : (it.active + step + it.options.length) % it.options.length;
      draw(it);
    }
  } else if (open && it.active >= 0 && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey))) {
    choose(it, it.active);
    if (event.key === "Enter") event.preventDefault();
  } else if (open && event.key === "Escape") {
    // The list first; the form with the next one.
    event.preventDefault();
    close(it);
  }
}
