// The order of the materials of a new lesson: two buttons beside each.

import { announce } from "../ui.js";

const list = document.querySelector("[data-order]");
for (const tools of list?.querySelectorAll(".choice-order") ?? []) tools.hidden = false;
list?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  const row = button.closest("li");
  const step = Number(button.dataset.step);
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row);
  else other.after(row);
  button.focus();
  announce(`Now number ${[...list.children].indexOf(row) + 1} of ${list.children.length}`);
});
