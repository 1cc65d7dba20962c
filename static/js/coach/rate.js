// A sheet filled in by keyboard: a number gives the dimension in hand and goes on to the next.

import { announce } from "../ui.js";

const sheet = document.querySelector("[data-sheet]");
const dimensions = [...sheet.querySelectorAll("fieldset")];
let changed = false;

function inHand() {
  const at = dimensions.findIndex((one) => one.contains(document.activeElement));
  if (at >= 0) return at;
  const open = dimensions.findIndex((one) => !one.querySelector("input:checked"));
  return Math.max(open, 0);
}

function go(at) {
  const one = dimensions[Math.min(Math.max(at, 0), dimensions.length - 1)];
  (one.querySelector("input:checked") ?? one.querySelector("input")).focus({ preventScroll: true });
  one.scrollIntoView({ block: "nearest" });
}

function give(value) {
  const at = inHand();
  const radio = dimensions[at].querySelector(`input[value="${value}"]`);
  if (!radio) return;
  radio.checked = true;
  changed = true;
  announce(`${dimensions[at].querySelector(".card-title").textContent}: ${radio.nextElementSibling.textContent}`);
  go(at + 1);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type='radio']), textarea, select, dialog, summary")) return;
  const key = event.key.toLowerCase();
  if (/^[0-9]$/.test(key)) give(key);
  else if (key === "n") give("none");
  else if (key === "j") go(inHand() + (dimensions.some((one) => one.contains(document.activeElement)) ? 1 : 0));
  else if (key === "k") go(inHand() - 1);
  else if (key === "enter" && !event.target.closest("a, button")) sheet.requestSubmit();
  else return;
  event.preventDefault();
});

sheet.addEventListener("change", () => { changed = true; });
sheet.addEventListener("submit", () => { changed = false; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
