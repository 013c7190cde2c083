// The reader's own zone beside UTC, and the live tail. Without it, the pages say the same.
"use strict";

const beside = (root) => {
  for (const at of root.querySelectorAll(".when")) {
    const time = new Date(at.textContent.replace(" UTC", "Z").replace(" ", "T"));
    const next = at.nextElementSibling;
    if (Number.isNaN(time.getTime()) || (next && next.classList.contains("beside"))) continue;
    const own = document.createElement("span");
    own.className = "beside";
    own.textContent = time.toLocaleString(document.documentElement.lang, {
      dateStyle: "medium", timeStyle: "long",
    });
    at.after(" ", own);
  }
};

const put = (table, html) => {
  // Escaped where it was made, like every page.
  const part = document.createElement("template");
  part.innerHTML = html;
  const row = part.content.querySelector("tr");
  if (!row) return;
  beside(row);
  row.classList.add("new");
  const old = document.getElementById(row.id);
  if (old) old.replaceWith(row);
  else table.tBodies[0].prepend(row);
  table.hidden = false;
  const empty = document.getElementById("empty");
  if (empty) empty.remove();
};

const follow = (table, status) => {
  const source = new EventSource(table.dataset.live);
  const say = (text) => {
    status.hidden = false;
    status.textContent = text;
  };
  source.onopen = () => say(status.dataset.on);
  source.onerror = () => say(status.dataset.lost);
  source.addEventListener("row", (event) => put(table, event.data));
  source.addEventListener("over", (event) => {
    source.close();
    say(event.data);
  });
  addEventListener("pagehide", () => source.close());
};

beside(document);
const table = document.querySelector("table[data-live]");
const status = document.getElementById("live");
if (table && status) follow(table, status);
