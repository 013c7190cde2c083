// The playground page of `room-owner demo`.
//
//   world      who may speak, where, and what Tencent holds         GET  /demo/world, /demo/rooms, /demo/audit
//   say        a command, a press or a form on its way              POST /demo/say, /demo/press, /demo/submit, ..
//              through the real endpoint
//   seen       the messages in the channels as they are now         GET  /demo/seen, which waits for something new
//   exchange   what one of these led to: the words, the answer      kept here, per channel
//   renderers  how one chat platform draws an answer                a table, one row a platform; in discord.js and slack.js
//
// One rule holds everywhere: text becomes a text node. Nothing on this page parses HTML, so a name, a room or a reply
// that looks like markup is shown as it was written.

import { commandNow, discordRenderer, fillOptions, filledOptions, offer, optionsAsWords, wireOptions } from "/discord.js";
import { el, exact, foreign, icon, literal } from "/dom.js";
import { showForm, wireForm } from "/form.js";
import { know, slackRenderer } from "/slack.js";

const POLL_MS = 2000;
const FRESH_MS = 5000;
const NEAR_END_PX = 120;
const LOOK_AGAIN_MS = 250;
const QUICK_TIMEOUT_MS = 8000;
// The bot may take its time while Tencent is slow, so a command gets far longer than a poll.
const SAY_TIMEOUT_MS = 60000;
const RECORDS_A_PAGE = 50;

const state = {
  world: null,
  me: null, // person id
  here: null, // channel id
  platform: "slack",
  conversations: new Map(), // platform and channel id -> exchanges and posts, oldest first
  messages: new Map(), // message id -> the message as it is now
  seen: 0, // the newest version of a message that was asked for
  unread: new Map(), // platform and channel id -> how many posts were not looked at
  owners: new Map(), // room id -> { owner, was, changedAt }
  records: new Map(), // record key -> { json, node }
  recordsRead: false,
  recordLimit: RECORDS_A_PAGE,
  sent: [], // texts, for the up arrow
  recalled: null, // index into `sent` while the arrow keys walk it
  draft: "", // what stood in the composer before the walk
  online: null,
  fault: "none",
};

const $ = (id) => document.getElementById(id);

const two = (number) => String(number).padStart(2, "0");

function clock(date, seconds = false) {
  return `${two(date.getHours())}:${two(date.getMinutes())}${seconds ? `:${two(date.getSeconds())}` : ""}`;
}

function announce(words) {
  $("announce").textContent = words;
}

// ------------------------------------------------------------------------------------------------------ the server

/** Nobody answered: the demo was stopped, or it hangs. */
class Gone extends Error {}

async function call(path, { body, timeout = QUICK_TIMEOUT_MS } = {}) {
  const request = { signal: AbortSignal.timeout(timeout), cache: "no-store" };
  if (body !== undefined) {
    request.method = "POST";
    request.headers = { "content-type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let response;
  let text;
  try {
    response = await fetch(path, request);
    text = await response.text();
  } catch (error) {
    if (error.name === "TimeoutError") throw new Gone(`no answer within ${timeout / 1000} s`);
    throw new Gone("the demo is not running");
  }
  if (!response.ok) throw new Error(errorIn(text) ?? `the demo answered ${response.status}`);
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`the demo answered ${path} with something other than JSON`);
  }
}

function errorIn(text) {
  try {
    return JSON.parse(text).error ?? null;
  } catch {
    return null;
  }
}

function setOnline(online) {
  const changed = state.online !== online;
  state.online = online;
  if (!changed) return;
  $("gone").hidden = online;
  $("link").dataset.state = online ? "on" : "off";
  $("link-words").textContent = online ? "running" : "stopped";
}

// ----------------------------------------------------------------------------------------------- people and channels

// The audit log knows people and channels by the id that they have at the platform.
const person = (id) => state.world?.people.find((one) => one.id === id || one.snowflake === id);
const channel = (id) => state.world?.channels.find((one) => one.id === id || one.snowflake === id);
const nameOfPerson = (id) => person(id)?.name ?? id;
const nameOfChannel = (id) => channel(id)?.name ?? id;
const isUnauthorised = (one) => /^not\b|unauthori/i.test(one?.about ?? "");

function avatar(id) {
  const index = Math.max(0, state.world.people.findIndex((one) => one.id === id));
  const letters = [...nameOfPerson(id).trim()].slice(0, 1).join("").toUpperCase();
  return el("span", { class: `avatar avatar-${index % 6}`, "aria-hidden": "true" }, letters);
}

function pickRow(group, id, chosen, choose, ...content) {
  return el("label", { class: "pick-row" },
    el("input", { type: "radio", name: group, value: id, checked: chosen, on: { change: () => choose(id) } }),
    ...content);
}

/** Whether the sentence about a person opens with the role, which then need not stand twice. */
const saysRole = (one) => !one.role || (one.about ?? "").toLowerCase().startsWith(one.role.toLowerCase());

/** A fresh link to the console, which a press on its own page uses up. */
const consoleOf = (one) => el("a", { href: `/demo/console/${one.id}`, target: "_blank", rel: "noopener", "aria-label": `Console as ${one.name}` }, "console");

function drawPickers() {
  $("people-list").replaceChildren(...state.world.people.map((one) => el("div", { class: "pick-person" }, pickRow("person", one.id, one.id === state.me, become,
    avatar(one.id),
    el("span", { class: "pick-words" },
      el("span", { class: "pick-name" }, foreign(one.name), " ", el("span", { class: "role" }, saysRole(one) ? "" : one.role)),
      el("span", { class: "pick-about" }, one.about ?? ""))), consoleOf(one))));
  $("channel-list").replaceChildren(...state.world.channels.map((one) => pickRow("channel", one.id, one.id === state.here, enter,
    el("span", { class: "hash", "aria-hidden": "true" }, "#"),
    el("span", { class: "pick-words" }, el("span", { class: "pick-name" }, foreign(one.name))),
    el("span", { class: "unread", "data-unread": one.id, hidden: true }),
    isUnauthorised(one)
      ? el("span", { class: "tag warn" }, icon("lock"), one.about)
      : el("span", { class: "pick-aside" }, one.about ?? ""))));
}

function drawUnread() {
  for (const node of document.querySelectorAll("[data-unread]")) {
    const count = state.unread.get(conversationOf(state.platform, node.dataset.unread)) ?? 0;
    node.hidden = count === 0;
    node.replaceChildren(String(count), el("span", { class: "unseen" }, " new"));
  }
}

/** The pickers are set, not drawn again, so that the focus stays where it is. */
function setPicked(group, id) {
  for (const input of document.getElementsByName(group)) input.checked = input.value === id;
}

function become(id) {
  state.me = id;
  setPicked("person", id);
  drawConversation();
  announcePlace();
}

function enter(id) {
  state.here = id;
  setPicked("channel", id);
  drawConversation();
  announcePlace();
}

/** The same people and channels at another platform, with a conversation of their own. */
function switchTo(platform) {
  state.platform = platform;
  setPicked("platform", platform);
  $("chat").dataset.platform = platform;
  $("words").hidden = platform !== "slack";
  $("hint-slack").hidden = platform !== "slack";
  $("options").hidden = platform !== "discord";
  $("hint-discord").hidden = platform !== "discord";
  problem("");
  drawExamples();
  drawConversation();
  announcePlace();
}

function announcePlace() {
  announce(`${renderers[state.platform].name}: #${nameOfChannel(state.here)} as ${nameOfPerson(state.me)}`);
}

// -------------------------------------------------------------------------------------------------- the conversation

function drawConversation() {
  const here = channel(state.here);
  const me = person(state.me);
  $("channel-title").replaceChildren(el("span", { class: "hash", "aria-hidden": "true" }, "#"), foreign(here.name));
  $("channel-about").replaceChildren(isUnauthorised(here)
    ? el("span", { class: "tag warn" }, icon("lock"), here.about)
    : el("span", { class: "quiet" }, here.about ?? ""));
  $("viewing").replaceChildren("viewing as ", el("strong", {}, foreign(me.name)));
  $("options").setAttribute("aria-label", `/room-owner in #${here.name} as ${me.name}`);
  $("words").placeholder = `Message #${here.name} as ${me.name}`;
  $("words-label").textContent = `Message to #${here.name} as ${me.name}`;
  $("exchanges").replaceChildren(...exchangesHere().map(drawExchange));
  state.unread.delete(conversationOf(state.platform, state.here));
  drawUnread();
  tidyConversation();
  showEnd();
}

const conversationOf = (platform, where) => `${platform} ${where}`;
const exchangesHere = () => state.conversations.get(conversationOf(state.platform, state.here)) ?? [];
const isHere = (exchange) => exchange.channel === state.here && exchange.platform === state.platform;

/** Puts an exchange in its place, or in the place of what it was drawn as before. */
function place(exchange) {
  if (!isHere(exchange)) return;
  const node = drawExchange(exchange);
  const before = $("exchanges").querySelector(`[data-exchange="${exchange.number}"]`);
  const held = before?.contains(document.activeElement) ? document.activeElement.dataset.press : null;
  const view = $("conversation");
  const wasAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END_PX;
  if (before) before.replaceWith(node);
  else $("exchanges").append(node);
  tidyConversation();
  if (!before || wasAtEnd) showEnd();
  if (held === null) return;
  // The button that had the focus may be gone.
  ([...node.querySelectorAll("[data-press]")].find((button) => button.dataset.press === held) ?? view).focus({ preventScroll: true });
}

function tidyConversation() {
  const nothing = !$("exchanges").querySelector(".exchange:not([hidden])");
  $("empty").hidden = !nothing;
  $("strip").hidden = nothing || state.world.examples.length === 0;
}

/** The end of the conversation, or the beginning of the last exchange when that alone fills the view. */
function showEnd() {
  const view = $("conversation");
  const last = $("exchanges").lastElementChild;
  view.scrollTop = $("empty").hidden ? view.scrollHeight : 0;
  if (last === null) return;
  const above = view.getBoundingClientRect().top - last.getBoundingClientRect().top;
  if (above > 0) view.scrollTop -= above;
}

/** A private message is for one person; a deleted one for nobody. */
const isSeen = (shown) => !shown.is_gone && (shown.to === null || shown.to === state.me);

const messagesOf = (exchange) => [...state.messages.values()].filter((shown) => (exchange.message ? shown.id === exchange.message : shown.of === exchange.mark));
const changedBy = (exchange) => [...state.messages.values()].filter((shown) => shown.by === exchange.mark && shown.of !== exchange.mark);

/** One exchange as the person who is looking would see it. */
function drawExchange(exchange) {
  const mine = exchange.person === state.me;
  const platform = renderers[exchange.platform];
  const messages = messagesOf(exchange);
  const shown = messages.filter(isSeen);
  const posted = messages.some((one) => one.to === null);
  const node = el("li", { class: "exchange", "data-exchange": exchange.number });
  if (!mine && shown.length === 0) {
    // What the others do not see is said, so that the difference between two people is not mistaken for a lost reply.
    const withheld = messages.find((one) => !one.is_gone);
    if (!withheld) node.hidden = true;
    else node.append(el("p", { class: "withheld" }, icon("eye-off"),
      el("span", {}, "Not shown to ", foreign(nameOfPerson(state.me)), ": a private message to ", foreign(nameOfPerson(withheld.to)), ".")));
    return node;
  }
  if (exchange.again) node.append(drawReplay(exchange));
  else if (exchange.kind === "said") node.append(drawTyped(exchange, mine, posted));
  else if (mine && exchange.kind !== "posted") node.append(drawDone(exchange));
  node.append(...shown.flatMap((one) => drawReply(one, platform, exchange)));
  if (mine && messages.some((one) => one.is_gone)) node.append(drawSystem("room-owner deleted its private reply: the channel sees what came of it."));
  if (exchange.phase === "waiting" && exchange.kind === "said" && shown.length === 0) node.append(drawWaiting(platform));
  if (exchange.phase === "lost") node.append(drawLost(exchange));
  if (exchange.phase === "answered") {
    if (mine) node.append(...drawInstead(exchange, platform, messages));
    node.append(drawFoot(exchange, platform));
  }
  return node;
}

/** What there is to say where no message is. */
function drawInstead(exchange, platform, messages) {
  const { answer } = exchange;
  if (answer.status >= 400) return [drawSystem(platform.failure(exchange))];
  if (messages.length > 0) return [];
  // What comes of Slack's form is a message of its own, or takes the form's place.
  if (exchange.kind === "filled" && exchange.platform === "slack") return answer.form ? [drawSystem("The answer took the form's place.")] : [];
  if (answer.form) return [drawSystem("room-owner opened a form.")];
  if (changedBy(exchange).length > 0) return [drawSystem("The answer took the place of the message with the button.")];
  return [drawSystem(platform.failure(exchange))];
}

/** What was done with the mouse. Chat shows it to nobody. */
function drawDone({ kind, person: who, text }) {
  return el("p", { class: "replay" }, icon("press"), el("span", {}, el("strong", {}, foreign(nameOfPerson(who))), kind === "pressed" ? " pressed " : " filled in ", el("code", {}, foreign(text))));
}

function row(face, name, at, { badge = null, aside = null, className = "" } = {}, ...body) {
  return el("div", { class: `message ${className}` }, face,
    el("div", { class: "message-body" },
      el("p", { class: "message-head" }, el("span", { class: "author" }, foreign(name)), badge,
        el("time", { datetime: at.toISOString() }, clock(at)), aside === null ? null : el("span", { class: "aside" }, aside)),
      ...body));
}

function drawTyped(exchange, mine, posted) {
  // Chat posts the typed command only together with a public reply; before and otherwise the sender alone knows of it.
  const aside = mine && !posted && exchange.phase === "answered" ? "typed, not posted to the channel" : null;
  if (exchange.platform === "discord") return drawUsed(exchange, aside);
  return row(avatar(exchange.person), nameOfPerson(exchange.person), exchange.at, { aside, className: posted ? "" : "private-words" },
    el("p", { class: "typed" }, foreign(exchange.text)));
}

/** Discord posts no typed line: a small one above the answer says who used what. */
function drawUsed({ person: who, text }, aside) {
  return el("p", { class: "used" }, avatar(who), el("span", {}, el("strong", {}, foreign(nameOfPerson(who))), " used ", el("code", {}, foreign(text))),
    aside === null ? null : el("span", { class: "aside" }, "shown to nobody else"));
}

function drawReplay(exchange) {
  return el("p", { class: "replay" }, icon("again"), el("span", {}, "The same delivery, sent once more: ", el("code", {}, foreign(exchange.text))));
}

function drawWaiting(platform) {
  return row(botFace(), "room-owner", new Date(), { badge: appBadge(), className: "waiting" },
    el("p", { class: "dots" }, el("span", { class: platform.waiting ? "quiet" : "unseen" }, platform.waiting ?? "waiting for the reply"), el("i"), el("i"), el("i")));
}

function drawLost(exchange) {
  return el("div", { class: "system bad" }, icon("alert"),
    el("p", {}, "No reply: ", foreign(exchange.error), ". ", exchange.maybeDone ? "The audit log says whether the command was carried out." : ""),
    exchange.again || exchange.kind !== "said" ? null : el("button", { type: "button", class: "button small", on: { click: () => fill(exchange.text, exchange.used) } }, "Put it back in the composer"));
}

function drawSystem(words) {
  return el("div", { class: "system" }, icon("eye"), el("p", {}, foreign(words)));
}

const botFace = () => el("span", { class: "avatar bot", "aria-hidden": "true" }, icon("crown"));
const appBadge = () => el("span", { class: "app" }, "APP");

function drawReply(shown, platform, exchange) {
  const body = platform.draw(shown.message, (index, label) => pressButton(shown, index, label));
  // `{"response_type": "in_channel"}` alone only reveals the typed command.
  if (body.length === 0) return [];
  const isPublic = shown.to === null;
  const privacy = isPublic ? null : el("p", { class: "only-you" }, icon("eye"), platform.privacy);
  const where = channel(shown.channel);
  const posted = exchange.kind !== "posted" || shown.of !== null ? null : where ? `posted in #${where.name}` : "direct message";
  const changed = shown.by !== null && shown.by !== shown.of ? "changed by a press" : null;
  const aside = [posted, changed].filter(Boolean).join(", ") || null;
  return [row(botFace(), "room-owner", platform.sentAt(shown.id), { badge: appBadge(), aside, className: isPublic ? "" : "for-me" },
    ...(platform.privacyBelow ? [el("div", { class: "blocks" }, ...body), privacy] : [privacy, el("div", { class: "blocks" }, ...body)]).filter(Boolean))];
}

function pressButton(shown, index, label) {
  const isBusy = exchangesHere().some(({ phase, pressed }) => phase === "waiting" && pressed === `${shown.id} ${index}`);
  return el("button", { type: "button", class: "press", "data-press": `${shown.id} ${index}`, "aria-busy": isBusy ? "true" : null, on: { click: () => press(shown, index, label) } }, foreign(label));
}

function drawFoot(exchange, platform) {
  const { answer } = exchange;
  const facts = [];
  if (Number.isFinite(answer.elapsed_ms)) facts.push(`answered in ${duration(answer.elapsed_ms)}`);
  if (answer.late) facts.push(platform.late);
  if (answer.status !== undefined && answer.status !== platform.status) facts.push(`HTTP ${answer.status}`);
  const delivery = platform.deliveryOf(answer.request);
  return el("div", { class: "foot" },
    el("div", { class: "foot-row" },
      facts.length ? el("span", { class: "foot-facts" }, facts.join(" · ")) : null,
      delivery ? el("button", { type: "button", class: "plain", on: { click: () => showRecord(delivery, exchange.again) } }, "Audit record") : null,
      answer.delivery ? el("button", { type: "button", class: "plain", on: { click: () => sayAgain(exchange) } }, "Send the same delivery again") : null),
    answer.request ? drawRequest(answer.request, platform) : null);
}

function duration(ms) {
  if (ms < 1) return "under 1 ms";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

// ------------------------------------------------------------------------------------------- the request that was sent

function drawRequest(request, platform) {
  const details = el("details", { class: "request" }, el("summary", {}, "What was sent"));
  // Filled on the first opening: a long conversation then costs no more than what is looked at.
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    if (details.childElementCount === 1) details.append(requestBody(request, platform));
    details.scrollIntoView({ block: "nearest" });
  });
  return details;
}

function requestBody(request, platform) {
  const headers = Object.entries(request.headers ?? {});
  return el("div", { class: "request-body" },
    el("pre", { class: "wire", tabindex: "0", "aria-label": "The request" },
      el("span", { class: "wire-line" }, `POST ${request.url}`), "\n",
      headers.flatMap(([name, value]) => [el("span", { class: "wire-name" }, `${name}: `), ...exact(value), "\n"]),
      "\n", ...exact(request.body ?? "")),
    el("p", { class: "quiet" }, "The body, decoded:"),
    platform.decoded(request.body ?? ""),
    copyButton(() => curl(request)));
}

function curl(request) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const named = Object.entries({ "content-type": "application/x-www-form-urlencoded", ...request.headers });
  return ["curl -i", ...named.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`), `--data-raw ${quote(request.body ?? "")}`, quote(new URL(request.url, location.origin).href)].join(" ");
}

function copyButton(text) {
  const button = el("button", { type: "button", class: "button small" }, "Copy as curl");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser did not allow it";
    }
    setTimeout(() => { button.textContent = "Copy as curl"; }, 2000);
  });
  return button;
}

// --------------------------------------------------------------------------------------------- how a platform draws it
//
// A renderer knows one platform's messages:
//   privacy               the line above a private one, in that platform's words
//   sentAt(id)            when a message was sent
//   draw(message, button) -> nodes; none when there is nothing to show. `button(index, label)` draws a button
//   form(view)            a form as form.js shows it
//   path(what)            where the page posts what somebody does
//   failure(exchange)     what the platform itself tells the sender when the bot did not answer well
//   deliveryOf(request)   the audit log's delivery_id of a request, or null
//   decoded(body)         the body of a request, to be read by people
//   status, late          what the bot answers an authentic request with, and how an answer is given later

const renderers = {
  discord: discordRenderer,
  slack: slackRenderer,
};

// ----------------------------------------------------------------------------------------------------------- say it

// Marks of another page, or of this one before it was loaded again, are none of ours.
const PAGE = Math.random().toString(36).slice(2);
let exchangeNumber = 0;

function begin(fields) {
  const number = ++exchangeNumber;
  const exchange = { number, mark: `${PAGE}-${number}`, at: new Date(), phase: "waiting", kind: "said", again: false, ...fields };
  const conversation = conversationOf(exchange.platform, exchange.channel);
  if (!state.conversations.has(conversation)) state.conversations.set(conversation, []);
  state.conversations.get(conversation).push(exchange);
  place(exchange);
  return exchange;
}

/** Returns the answer; nothing if none came. */
async function finish(exchange, path, body) {
  try {
    const answer = await call(path, { body: { ...body, mark: exchange.mark }, timeout: SAY_TIMEOUT_MS });
    Object.assign(exchange, { phase: "answered", answer: answer ?? {} });
    take(exchange.answer.messages ?? []);
    setOnline(true);
  } catch (error) {
    Object.assign(exchange, { phase: "lost", error: error.message, maybeDone: error instanceof Gone });
  }
  place(exchange);
  announceExchange(exchange);
  refresh();
  const { form } = exchange.answer ?? {};
  if (form && exchange.kind !== "filled" && exchange.person === state.me) openForm(exchange, form);
  return exchange.answer;
}

function announceExchange(exchange) {
  if (!isHere(exchange)) return;
  const node = $("exchanges").querySelector(`[data-exchange="${exchange.number}"]`);
  const said = [...(node?.querySelectorAll(".blocks, .system p, .withheld") ?? [])].map((part) => part.textContent.trim()).join(". ");
  const privately = node?.querySelector(".only-you") ? ", only visible to you" : "";
  announce(exchange.phase === "lost" ? said : `room-owner replied${privately}: ${said}`);
}

/** Takes in messages as they are now. What answers nothing that was done on this page stands by itself. */
function take(messages) {
  const all = [...state.conversations.values()].flat();
  const touched = new Set();
  for (const shown of messages) {
    const known = state.messages.get(shown.id);
    if (known && known.version >= shown.version) continue;
    state.messages.set(shown.id, shown);
    const exchange = all.find((one) => (one.message ? one.message === shown.id : one.mark === shown.of));
    if (exchange) touched.add(exchange);
    else all.push(post(shown));
    const changer = all.find((one) => one.mark === shown.by);
    if (changer) touched.add(changer);
  }
  touched.forEach(place);
}

/** A message that the bot posts by itself. A direct one is shown wherever its reader is. */
function post(shown) {
  const where = channel(shown.channel)?.id ?? state.here;
  const posted = begin({ kind: "posted", phase: "there", platform: shown.platform, channel: where, person: null, message: shown.id });
  const conversation = conversationOf(posted.platform, posted.channel);
  if (isHere(posted)) announceExchange(posted);
  else state.unread.set(conversation, (state.unread.get(conversation) ?? 0) + 1);
  drawUnread();
  return posted;
}

async function watch() {
  try {
    if (state.world === null || document.hidden) await new Promise((resolve) => { setTimeout(resolve, LOOK_AGAIN_MS); });
    else {
      const messages = await call(`/demo/seen?after=${state.seen}`);
      state.seen = Math.max(state.seen, ...messages.map((shown) => shown.version));
      take(messages);
    }
  } catch {
    // `poll` says that the demo is gone.
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  setTimeout(watch);
}

function say(text) {
  state.sent.push(text);
  const { me, here } = state;
  finish(begin({ platform: "slack", person: me, channel: here, text }), "/demo/say", { person: me, channel: here, text });
}

function use(used) {
  const { me, here } = state;
  const text = optionsAsWords(used);
  finish(begin({ platform: "discord", person: me, channel: here, text, used }), "/demo/discord/say", { person: me, channel: here, ...used });
}

function press({ id, platform }, button, label) {
  const { me, here } = state;
  const pressed = `${id} ${button}`;
  const exchange = begin({ kind: "pressed", platform, person: me, channel: here, text: label, pressed });
  for (const node of document.querySelectorAll("[data-press]")) if (node.dataset.press === pressed) node.setAttribute("aria-busy", "true");
  finish(exchange, renderers[platform].path("press"), { person: me, channel: here, message: id, button });
}

function openForm({ platform, person: who, channel: where }, { id, view }) {
  const { form, path } = renderers[platform];
  const shown = form(view);
  const suggest = async (field, typed, values) => {
    const options = await call(path("suggest"), { body: { form: id, field, typed, values } });
    return (options ?? []).map(({ value, text, description }) => ({ value, text: text.text, about: description?.text }));
  };
  const send = async (values) => {
    const text = shown.fields.filter(({ name }) => values[name] !== "").map(({ label, name }) => `${label}: ${values[name]}`).join(" · ");
    const exchange = begin({ kind: "filled", platform, person: who, channel: where, text: `${shown.title} · ${text}` });
    const answer = await finish(exchange, path("submit"), { form: id, values });
    if (!answer || answer.status >= 400) return { problem: `The form could not be sent: ${exchange.error ?? `HTTP ${answer.status}`}. Try again.` };
    return answer.form ? form(answer.form.view) : null;
  };
  showForm({ ...shown, suggest, send });
}

function sayAgain({ kind, platform, person: who, channel: where, text, used, answer }) {
  finish(begin({ kind, platform, person: who, channel: where, text, used, again: true }), renderers[platform].path("say-again"), { delivery: answer.delivery });
}

// --------------------------------------------------------------------------------------------------------- composer

const isCommand = (text) => {
  const commands = state.world?.commands ?? [];
  return commands.length === 0 || commands.includes(text.split(/\s/, 1)[0]);
};

function fill(text, used = null) {
  if (state.platform === "discord") {
    problem("");
    fillOptions(used);
    return;
  }
  $("words").value = text;
  state.recalled = null;
  problem("");
  grow();
  $("words").focus();
  $("words").setSelectionRange(text.length, text.length);
}

function grow() {
  $("words").rows = Math.min(8, Math.max(1, $("words").value.split("\n").length));
}

function problem(words) {
  $("problem").textContent = words;
  $("words").setAttribute("aria-invalid", words ? "true" : "false");
}

function send() {
  if (state.platform === "discord") {
    if (state.world === null) return;
    const used = { command: commandNow(), options: filledOptions() };
    fillOptions(null, { focus: false });
    use(used);
    return;
  }
  const text = $("words").value.trim();
  if (text === "" || state.world === null) return;
  if (!isCommand(text)) {
    problem(`The bot takes slash commands only. Start with ${state.world.commands.join(" or ")}.`);
    return;
  }
  fill("");
  say(text);
}

/** The arrows walk what was sent, but only from an empty composer or from a recalled text: elsewhere they move the caret. */
function recall(step) {
  const words = $("words");
  const walking = state.recalled !== null && words.value === state.sent[state.recalled];
  if (!walking && (words.value !== "" || step > 0)) return false;
  const next = walking ? state.recalled + step : state.sent.length - 1;
  if (next < 0) return walking;
  if (next >= state.sent.length) {
    if (!walking) return false;
    fill("");
    return true;
  }
  fill(state.sent[next]);
  state.recalled = next;
  return true;
}

function onComposerKey(event) {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    send();
  } else if (event.key === "ArrowUp" && !event.shiftKey && recall(-1)) {
    event.preventDefault();
  } else if (event.key === "ArrowDown" && !event.shiftKey && recall(1)) {
    event.preventDefault();
  }
}

function exampleButton(example) {
  const who = nameOfPerson(example.person);
  const where = nameOfChannel(example.channel);
  const text = state.platform === "discord" ? optionsAsWords(example.used) : example.text;
  return el("li", {}, el("button", { type: "button", class: "example", title: `${text} — as ${who} in #${where}`, on: { click: () => useExample(example) } },
    el("span", { class: "example-about" }, example.about ?? ""),
    el("code", {}, foreign(text)),
    el("span", { class: "example-who" }, "as ", foreign(who), " in #", foreign(where))));
}

/** A typing error cannot be made with options. */
const examplesHere = () => state.world.examples.filter((example) => state.platform !== "discord" || example.used);

function drawExamples() {
  for (const list of ["empty-examples", "strip-examples"]) $(list).replaceChildren(...examplesHere().map(exampleButton));
}

function useExample(example) {
  if (person(example.person)) state.me = example.person;
  if (channel(example.channel)) state.here = example.channel;
  setPicked("person", state.me);
  setPicked("channel", state.here);
  drawConversation();
  fill(example.text, example.used);
}

// ------------------------------------------------------------------------------------------------------------ rooms

function noteRooms(rooms) {
  const now = Date.now();
  const next = new Map();
  for (const { id, owner } of rooms) {
    const known = state.owners.get(id);
    if (known === undefined || known.owner === owner) next.set(id, known ?? { owner, was: null, changedAt: 0 });
    else next.set(id, { owner, was: known.owner, changedAt: now });
  }
  state.owners = next;
}

function drawRooms() {
  const shown = JSON.stringify([...state.owners].map(([id, room]) => [id, room.owner, room.was, isFresh(room)]));
  // Untouched when nothing changed: a poll must not take the focus from a room's button.
  if ($("rooms").dataset.shown === shown) return;
  const focused = document.activeElement?.dataset?.room;
  $("rooms").dataset.shown = shown;
  $("rooms").replaceChildren(...[...state.owners].map(([id, room]) => drawRoom(id, room)));
  if (state.owners.size === 0) $("rooms").append(el("tr", {}, el("td", { colspan: "2", class: "quiet" }, "No room is live.")));
  if (focused !== undefined) [...$("rooms").querySelectorAll("button")].find((button) => button.dataset.room === focused)?.focus();
}

const isFresh = (room) => Date.now() - room.changedAt < FRESH_MS;

function drawRoom(id, room) {
  return el("tr", { class: isFresh(room) ? "fresh" : null },
    el("th", { scope: "row" }, el("button", { type: "button", class: "room", "data-room": id, title: "Start a command for this room", on: { click: () => fill(commandFor(id), [{ name: "room", value: id }]) } }, literal(id))),
    el("td", {}, literal(room.owner || "nobody", { class: "owner" }), room.was === null ? null : el("span", { class: "was" }, " was ", literal(room.was))));
}

function commandFor(room) {
  return `${state.world.commands?.[0] ?? "/room-owner"} ${/\s/.test(room) ? `"${room}"` : room} `;
}

// ---------------------------------------------------------------------------------------------------- Tencent's health

const FAULTS = [
  ["none", "healthy", "Every call is answered at once."],
  ["down", "answering 502", "Calls come back as 502 Bad Gateway and nothing is applied."],
  ["slow", "slow", "Calls take longer than chat waits: the bot says so first and reports when it is done."],
  ["reset-after", "cutting the connection after applying", "The change is made, the answer is lost: the bot reads the owner back instead of guessing."],
  ["banned", "refusing the new owner", "The new owner is banned from the room, so the change is refused."],
];

function drawHealth() {
  $("health").replaceChildren(...FAULTS.map(([kind, name, about]) => el("label", { class: "health-row" },
    el("input", { type: "radio", name: "fault", value: kind, checked: kind === state.fault, "aria-describedby": `about-${kind}`, on: { change: () => chooseFault(kind) } }),
    el("span", {}, el("span", { class: "health-name" }, name), el("span", { class: "health-about", id: `about-${kind}` }, about)))));
}

async function chooseFault(kind) {
  const before = state.fault;
  state.fault = kind;
  try {
    await call("/demo/faults", { body: { kind } });
    $("health-state").textContent = "";
  } catch (error) {
    // Shown as it is, not as it was wished for.
    if (state.fault === kind) state.fault = before;
    $("health-state").textContent = `not changed: ${error.message}`;
  }
  setPicked("fault", state.fault);
  $("health-panel").classList.toggle("troubled", state.fault !== "none");
}

// -------------------------------------------------------------------------------------------------------- audit log

// Outcome -> colour class, icon, what it means. The word itself is always shown; colour and icon only help to scan.
const OUTCOMES = {
  succeeded: ["good", "check", "Tencent made the change."],
  unchanged: ["calm", "equal", "The account already was the owner."],
  refused: ["bad", "cross", "Tencent refused the change."],
  unknown: ["warn", "question", "No clear answer came; the owner is read back before anyone says more."],
  pending: ["calm", "dots", "Permitted and written down; the result is still to come."],
  denied: ["bad", "barred", "The access rules do not allow it. Tencent was not asked."],
  declined: ["warn", "pause", "The bot was busy or a limit was reached. Nothing was done."],
  invalid: ["dull", "alert", "The command could not be understood. Nothing was done."],
  duplicate: ["dull", "copy", "This delivery had been carried out already. Nothing was done again."],
};

const FIELDS = ["operation", "at", "actor", "actor_name", "channel", "command", "room", "new_owner", "previous_owner", "reason", "decision",
  "authority", "outcome", "error_code", "error_info", "request_id", "delivery_id", "duration_ms"];

const present = (value) => value !== null && value !== undefined && value !== "";

function outcomeOf(entry) {
  return Object.hasOwn(OUTCOMES, entry.outcome) ? OUTCOMES[entry.outcome] : ["dull", "dots", ""];
}

/** Redraws only the records that changed, so that an open one stays open and the focus stays put. */
function drawRecords(entries) {
  const next = new Map();
  // Only what lies above a record seen before is new; what lies below was asked for.
  let news = state.recordsRead;
  state.recordsRead = true;
  for (const entry of entries) {
    let key = String(entry.operation);
    while (next.has(key)) key += "+";
    const json = JSON.stringify(entry);
    const known = state.records.get(key);
    if (known) news = false;
    if (known?.json === json) next.set(key, known);
    else next.set(key, { json, entry, node: drawRecord(entry, { open: known?.node.firstElementChild.open, fresh: news || known !== undefined }) });
  }
  state.records = next;
  const nodes = [...next.values()].map((record) => record.node);
  const list = $("records");
  for (const node of [...list.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, index) => { if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null); });
  $("no-records").hidden = nodes.length > 0;
  $("more").hidden = entries.length < state.recordLimit;
  $("audit-state").textContent = entries.length < state.recordLimit ? `${entries.length} ${entries.length === 1 ? "record" : "records"}` : `newest ${entries.length}`;
}

function drawRecord(entry, { open = false, fresh = false } = {}) {
  const [colour, sign] = outcomeOf(entry);
  const details = el("details", { class: "record", open },
    el("summary", {},
      el("span", { class: "record-top" },
        el("span", { class: `outcome ${colour}` }, icon(sign), String(entry.outcome ?? "no outcome")),
        el("span", { class: "record-what" }, ...whatOf(entry)),
        timeOf(entry.at)),
      el("span", { class: "record-by" }, ...byOf(entry))));
  const fillIn = () => { if (details.childElementCount === 1) details.append(wholeRecord(entry)); };
  if (open) fillIn();
  details.addEventListener("toggle", () => { if (details.open) fillIn(); });
  return el("li", { class: fresh ? "fresh" : null }, details);
}

function whatOf(entry) {
  if (!present(entry.room)) return [literal(entry.command ?? "", { class: "mono" })];
  const to = present(entry.new_owner) ? [" → ", literal(entry.new_owner)] : [];
  const from = present(entry.previous_owner) ? literal(entry.previous_owner) : null;
  return [literal(entry.room, { class: "mono strong" }), " ", el("span", { class: "handover" }, from, ...to)];
}

function byOf(entry) {
  const where = lastPart(entry.channel);
  const why = entry.outcome === "denied" ? entry.authority : entry.error_info ?? entry.reason;
  const parts = [literal(entry.actor_name ?? lastPart(entry.actor) ?? "somebody")];
  if (present(where)) parts.push(" in ", literal(`#${nameOfChannel(where)}`));
  if (present(entry.error_code)) parts.push(" · ", literal(entry.error_code, { class: "mono" }));
  if (present(why)) parts.push(" · ", literal(why));
  return parts;
}

// Subjects read `slack:<team>:<id>`; a caption needs the id alone.
const lastPart = (subject) => (present(subject) ? String(subject).split(":").at(-1) : null);

function timeOf(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? el("span", { class: "when" }, String(at ?? "")) : el("time", { class: "when", datetime: at, title: at }, clock(date, true));
}

function wholeRecord(entry) {
  const names = [...FIELDS, ...Object.keys(entry).filter((name) => !FIELDS.includes(name))];
  const meaning = entry.outcome === "succeeded" && !present(entry.new_owner) ? "Answered; nothing was to be changed." : outcomeOf(entry)[2];
  return el("div", { class: "whole" },
    meaning ? el("p", { class: "meaning" }, meaning) : null,
    el("dl", { class: "definitions" }, names.flatMap((name) => [el("dt", {}, name), el("dd", {}, fieldValue(entry[name]))])));
}

function fieldValue(value) {
  if (!present(value)) return el("span", { class: "absent" }, "absent");
  return literal(typeof value === "object" ? JSON.stringify(value) : value);
}

/** Opens the record of a delivery. A replay has the first one's delivery id and a record of its own, marked duplicate. */
async function showRecord(delivery, again) {
  await refresh();
  const found = [...state.records.values()].filter(({ entry }) => entry.delivery_id === delivery);
  const record = (again ? found[0] : found.find(({ entry }) => entry.outcome !== "duplicate")) ?? found[0];
  if (!record) {
    announce("The record is not among the newest ones.");
    return;
  }
  const details = record.node.firstElementChild;
  details.open = true;
  record.node.scrollIntoView({ block: "nearest" });
  details.querySelector("summary").focus();
}

// ------------------------------------------------------------------------------------------------------------- life

let running = null;
let queued = null;

/**
 * Rooms and records as they are now. A round already on its way may have been answered before the caller's command was
 * carried out, so one more follows it, shared by all who ask meanwhile.
 */
function refresh() {
  if (running === null) {
    running = readBoth().finally(() => { running = null; });
    return running;
  }
  queued ??= running.then(() => { queued = null; return refresh(); });
  return queued;
}

/** Never fails: what could not be read is said where it would have stood. */
async function readBoth() {
  const wasOnline = state.online;
  const [rooms, records] = await Promise.allSettled([call("/demo/rooms"), call(`/demo/audit?limit=${state.recordLimit}`)]);
  const gone = [rooms, records].some((result) => result.reason instanceof Gone);
  setOnline(!gone);
  // A demo that came back is a new one, with a world of its own.
  if (!gone && wasOnline === false) state.seen = 0;
  if (!gone && (wasOnline === false || state.world === null)) await loadWorld().catch(worldFailed);
  if (rooms.status === "fulfilled") noteRooms(rooms.value);
  if (records.status === "fulfilled") drawRecords(records.value);
  else $("audit-state").textContent = gone ? "not live" : records.reason.message;
  if (state.world !== null) drawRooms();
  $("rooms-state").textContent = gone ? "not live" : rooms.status === "fulfilled" ? "live" : rooms.reason.message;
}

function worldFailed(error) {
  if (error instanceof Gone) {
    setOnline(false);
    return;
  }
  for (const list of ["people-list", "channel-list"]) {
    if (state.world === null) $(list).replaceChildren(el("p", { class: "quiet" }, `Could not be read: ${error.message}`));
  }
}

async function loadWorld() {
  const world = await call("/demo/world");
  state.world = { ...world, examples: world.examples ?? [], commands: world.commands ?? [] };
  state.me = person(state.me)?.id ?? world.people[0].id;
  state.here = channel(state.here)?.id ?? world.channels[0].id;
  state.fault = FAULTS.some(([kind]) => kind === world.fault) ? world.fault : "none";
  if (state.owners.size === 0) noteRooms(world.rooms ?? []);
  setOnline(true);
  offer(state.world);
  know(state.world);
  drawPickers();
  switchTo(state.platform);
  drawHealth();
  drawRooms();
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MS);
}

function wire() {
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  $("words").addEventListener("keydown", onComposerKey);
  $("words").addEventListener("input", () => { grow(); problem(""); });
  for (const input of document.getElementsByName("platform")) input.addEventListener("change", () => switchTo(input.value));
  // Not an option of Discord's: its suggestions would cover what came of the form.
  wireForm(() => $(state.platform === "discord" ? "send" : "words").focus());
  wireOptions((focused) => call("/demo/discord/suggest", { body: { person: state.me, channel: state.here, command: commandNow(), options: filledOptions(focused), focused } }));
  $("retry").addEventListener("click", refresh);
  $("more").addEventListener("click", () => { state.recordLimit += RECORDS_A_PAGE; refresh(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}

wire();
drawHealth();
poll();
watch();
