// The reader's own zone beside UTC, and the live tail. Without it, the pages say the same.
"use strict";

const own = (time) => time.toLocaleString(document.documentElement.lang, {
  dateStyle: "medium", timeStyle: "long",
});

const beside = (root) => {
  for (const at of root.querySelectorAll(".when")) {
    const time = new Date(at.textContent.replace(" UTC", "Z").replace(" ", "T"));
    const next = at.nextElementSibling;
    if (Number.isNaN(time.getTime()) || (next && next.classList.contains("beside"))) continue;
    const there = document.createElement("span");
    there.className = "beside";
    there.textContent = own(time);
    at.after(" ", there);
  }
};

const onHover = (root) => {
  for (const text of root.querySelectorAll(".picture rect > title")) {
    text.textContent = text.textContent.replace(/(\d{4}-\d\d-\d\d) ([\d:.]+) UTC/g,
      (utc, day, time) => `${utc} (${own(new Date(`${day}T${time}Z`))})`);
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
onHover(document);
const table = document.querySelector("table[data-live]");
const status = document.getElementById("live");
if (table && status) follow(table, status);
