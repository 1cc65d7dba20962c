// Reviewing examples by keys; each verdict is stored at once, without a reload.

import { renderMarkdown } from "../text/markdown.js";
import { announce, toast } from "../ui.js";

const page = document.querySelector("[data-review]");
const examples = [...document.querySelectorAll(".example")];
const said = { accept: "Accepted", edit: "Changed", reject: "Rejected" };

function current() {
  const at = examples.indexOf(document.activeElement?.closest(".example"));
  return at < 0 ? 0 : at;
}

function move(to) {
  const example = examples[Math.max(0, Math.min(examples.length - 1, to))];
  example?.focus();
  example?.scrollIntoView({ block: "nearest" });
}

function edit(example) {
  example.querySelector(".shown").hidden = true;
  example.querySelector(".edited").hidden = false;
  example.querySelector('[value="edit"]').textContent = "Save";
  const answer = example.querySelector('[name="answer"]');
  answer.focus();
  answer.setSelectionRange(answer.value.length, answer.value.length);
}

function show(example) {
  example.querySelector(".shown").hidden = false;
  example.querySelector(".edited").hidden = true;
  example.querySelector('[value="edit"]').textContent = "Edit";
}

function count() {
  const done = page.querySelector("[data-done]"), bar = page.querySelector("progress");
  done.textContent = Number(done.textContent) + 1;
  bar.value += 1;
}

async function judge(example, verdict) {
  const form = example.querySelector("form");
  const body = new FormData(form);
  body.set("verdict", verdict);
  let answer;
  try {
    const response = await fetch(form.action, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" } });
    answer = await response.json();
  } catch { answer = { error: "The server could not be reached. Nothing was changed." }; }
  if (answer.error) { toast(answer.error); return; }
  example.dataset.state = answer.state;
  example.querySelector(".verdict").textContent = said[verdict];
  if (!example.dataset.done) count();
  example.dataset.done = "yes";
  if (verdict === "edit") {
    renderMarkdown(example.querySelector(".example-question"), body.get("question"));
    renderMarkdown(example.querySelector(".example-answer"), body.get("answer"));
  }
  show(example);
  announce(said[verdict]);
  move(examples.indexOf(example) + 1);
}

page?.addEventListener("submit", (event) => {
  const example = event.target.closest(".example");
  if (!example || !event.submitter) return;
  event.preventDefault();
  const verdict = event.submitter.value;
  if (verdict === "edit" && example.querySelector(".edited").hidden) edit(example);
  else judge(example, verdict);
});

function leave(example) {
  const form = example.querySelector("form");
  form.reset();
  show(example);
  example.focus();
}

document.addEventListener("keydown", (event) => {
  const inside = event.target.closest("textarea, input, select");
  const mine = event.target.closest(".example");
  if (inside && mine && event.key === "Escape") { leave(mine); return; }
  if (inside && mine && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); judge(mine, "edit"); return; }
  if (inside || event.metaKey || event.ctrlKey || event.altKey || !examples.length || document.querySelector("dialog[open]")) return;
  const at = current();
  const keys = {
    j: () => move(mine ? at + 1 : 0),
    k: () => move(at - 1),
    a: () => judge(examples[at], "accept"),
    x: () => judge(examples[at], "reject"),
    e: () => edit(examples[at]),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

examples[0]?.focus({ preventScroll: true }); // the keys work at once
