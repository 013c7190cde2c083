// Slack on the playground page: how its client draws a message and a form.

import { el, foreign, literal, ownTime } from "/dom.js";

let world = { people: [], channels: [] };

/** Who and what a mention can name. */
export function know(known) {
  world = known;
}

const nameOf = (all, id) => all.find((one) => one.id === id)?.name ?? id;

/** Slack's row in the table of renderers. */
export const slackRenderer = {
  name: "Slack",
  status: 200,
  late: "acknowledged first, finished over the response URL",
  decoded: (body) => {
    const fields = new URLSearchParams(body);
    return fields.has("payload") ? el("pre", { class: "wire", tabindex: "0", "aria-label": "The payload" }, literal(JSON.stringify(payloadOf(body), null, 2))) : definitions([...fields]);
  },
  privacy: "Only visible to you",
  sentAt: (id) => new Date(Number(id) * 1000),
  draw: drawSlackMessage,
  path: (what) => `/demo/${what}`,
  form: slackForm,
  failure({ kind, text, answer }) {
    if (kind !== "said") return answer.status >= 400 ? "Slack could not reach the app. Try again." : "The bot said nothing to it.";
    const command = text.split(/\s/, 1)[0];
    if (answer.status >= 500) return `${command} failed with the error "http_service_error"`;
    if (answer.status >= 400) return `${command} failed with the error "http_client_error"`;
    return `${command}: the bot answered without a message`;
  },
  deliveryOf(request) {
    const trigger = new URLSearchParams(request?.body ?? "").get("trigger_id") ?? payloadOf(request?.body).trigger_id;
    return trigger ? `slack:${trigger}` : null;
  },
};

function definitions(pairs) {
  return el("dl", { class: "definitions" }, pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value === "" ? el("span", { class: "quiet" }, "empty") : literal(value))]));
}

function payloadOf(body) {
  return JSON.parse(new URLSearchParams(body ?? "").get("payload") ?? "{}");
}

const slackField = ({ block_id: name, label, optional, element }) => ({
  name, label: label.text, placeholder: element.placeholder?.text, required: !optional, longest: element.max_length,
  kind: element.type === "external_select" ? "suggest" : "line",
});

/** A view of input blocks is a form; one of anything else says something in its place. */
function slackForm(view) {
  const fields = view.blocks.filter((block) => block.type === "input").map(slackField);
  return { title: view.title.text, submit: view.submit?.text, close: view.close?.text ?? "Close", fields, ...(fields.length > 0 ? {} : { body: drawSlackMessage(view, null) }) };
}

function drawSlackMessage(message, button) {
  const fallback = () => (message.text ? [el("p", { class: "block section" }, mrkdwn(message.text))] : []);
  if (!Array.isArray(message.blocks) || message.blocks.length === 0) return fallback();
  const drawn = [];
  let fellBack = false;
  for (const block of message.blocks) {
    const draw = Object.hasOwn(slackBlocks, block?.type) ? slackBlocks[block.type] : null;
    if (draw) drawn.push(draw(block, button));
    else if (!fellBack) {
      // A block this page does not know: the message's own text stands in for it, once.
      drawn.push(...fallback());
      fellBack = true;
    }
  }
  return drawn;
}

const slackBlocks = {
  section: (block) => el("div", { class: "block section" },
    block.text ? el("p", {}, textObject(block.text)) : null,
    block.fields ? el("div", { class: "fields" }, block.fields.map((field) => el("p", {}, textObject(field)))) : null),
  context: (block) => el("p", { class: "block context" },
    (block.elements ?? []).map((part) => el("span", {}, part.type === "image" ? foreign(part.alt_text ?? "") : textObject(part)))),
  actions: (block, button) => el("div", { class: "buttons" }, block.elements.map((element, index) => button(index, element.text.text))),
  divider: () => el("hr", { class: "block" }),
  header: (block) => el("p", { class: "block header" }, textObject(block.text)),
  rich_text: (block) => el("div", { class: "block rich" }, (block.elements ?? []).map(richPart)),
};

const textObject = (object) => (object?.type === "mrkdwn" ? mrkdwn(object.text) : [foreign(object?.text)]);

function richPart(part) {
  const inner = () => (part.elements ?? []).map(richElement);
  switch (part.type) {
    case "rich_text_list":
      return el(part.style === "ordered" ? "ol" : "ul", {}, (part.elements ?? []).map((item) => el("li", {}, (item.elements ?? []).map(richElement))));
    case "rich_text_quote":
      return el("blockquote", {}, inner());
    case "rich_text_preformatted":
      return el("pre", {}, inner());
    default:
      return el("p", {}, inner());
  }
}

function richElement(element) {
  switch (element.type) {
    case "text":
      return styled(foreign(element.text), element.style);
    case "user":
      return styled(mention(`@${nameOf(world.people, element.user_id)}`), element.style);
    case "channel":
      return styled(mention(`#${nameOf(world.channels, element.channel_id)}`), element.style);
    case "broadcast":
      // Loud on purpose: the bot must never send one, and here one would see it.
      return mention(`@${element.range}`, "mention loud");
    case "link":
      return styled(link(element.url, element.text ?? element.url), element.style);
    case "date":
      return styled(ownTime(element.timestamp), element.style);
    case "emoji":
      return el("span", {}, emoji(element));
    default:
      return foreign(element.text ?? element.fallback ?? `[${element.type}]`);
  }
}

const mention = (text, className = "mention") => el("span", { class: className }, foreign(text));

function link(url, text) {
  // Only what a chat client would open; `javascript:` and the like stay text.
  if (!/^https?:\/\//i.test(url ?? "")) return foreign(text);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, foreign(text));
}

function emoji({ name, unicode }) {
  if (!/^[0-9a-f]{1,6}(-[0-9a-f]{1,6})*$/i.test(unicode ?? "")) return `:${name}:`;
  const points = unicode.split("-").map((point) => parseInt(point, 16));
  return points.every((point) => point <= 0x10ffff) ? String.fromCodePoint(...points) : `:${name}:`;
}

function styled(node, style = {}) {
  for (const [name, tag] of [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"]]) {
    if (style?.[name]) node = el(tag, {}, node);
  }
  return node;
}

// ```block```, `code` and *bold*; an asterisk inside a word is an asterisk.
const MRKDWN = /```([^]+?)```|`([^`\n]+)`|(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])/g;

function mrkdwn(text) {
  const source = String(text ?? "");
  const nodes = [];
  let end = 0;
  for (const match of source.matchAll(MRKDWN)) {
    const [whole, block, code, bold] = match;
    nodes.push(plain(source.slice(end, match.index)));
    if (block !== undefined) nodes.push(el("pre", {}, plain(block.replace(/^\n/, ""))));
    else if (code !== undefined) nodes.push(el("code", {}, plain(code)));
    else nodes.push(el("strong", {}, mrkdwn(bold)));
    end = match.index + whole.length;
  }
  nodes.push(plain(source.slice(end)));
  return nodes.filter(Boolean);
}

// Slack decodes exactly these three, once; `&amp;lt;` must come out as `&lt;`.
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

function plain(text) {
  return text === "" ? null : foreign(text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]));
}
