// Judging the director's decisions from the keyboard: j and k move, r says it was right, a digit what would have been.

const decisions = [...document.querySelectorAll(".decision")];
const keys = document.querySelector("[data-keys]");
if (keys && decisions.length) keys.hidden = false;

let at = -1;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const focused = decisions.findIndex((decision) => decision.contains(document.activeElement));
  if (focused >= 0) at = focused;
  if (event.key === "j" || event.key === "k") {
    at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), decisions.length - 1);
    decisions[at]?.focus();
    return;
  }
  const buttons = decisions[Math.max(at, 0)]?.querySelectorAll("button[name=better]");
  if (!buttons) return;
  if (event.key === "r") [...buttons].find((button) => button.hasAttribute("data-chosen"))?.click();
  else if (/^[1-9]$/.test(event.key)) buttons[Number(event.key) - 1]?.click();
});
