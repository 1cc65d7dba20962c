// Reviewing examples by keys; each verdict is stored at once, without a reload.

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
  example.querySelector('[name="answer"]').focus();
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
  if (verdict === "edit") {
    example.querySelector(".shown .card-title").textContent = body.get("question");
    example.querySelector(".shown .prose").textContent = body.get("answer");
  }
  example.querySelector(".shown").hidden = false;
  example.querySelector(".edited").hidden = true;
  example.querySelector('[value="edit"]').textContent = "Edit";
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

document.addEventListener("keydown", (event) => {
  if (event.target.closest("textarea, input, select") || event.metaKey || event.ctrlKey || event.altKey || !examples.length) {
    if (event.key === "Escape") event.target.closest(".example")?.focus();
    return;
  }
  const at = current();
  const keys = {
    j: () => move(document.activeElement?.closest(".example") ? at + 1 : 0),
    k: () => move(at - 1),
    a: () => judge(examples[at], "accept"),
    x: () => judge(examples[at], "reject"),
    e: () => edit(examples[at]),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
