// The staff page of one material: a passage's link opens it in the original beside it; transcript lines save themselves.

import { draw, toFragment } from "../text/markdown.js";
import { csrfToken } from "../ui.js";

for (const text of document.querySelectorAll('.passage-text:not([data-kind="code"])')) {
  const fragment = toFragment(text.textContent, { extracted: true });
  draw(fragment);
  text.replaceChildren(fragment);
  text.classList.add("prose");
  text.dataset.drawn = "";
}

const viewer = document.querySelector("[data-source-viewer]");
const narrow = matchMedia("(max-width: 60rem)"); // one under the other: the original comes when it is asked for

function open(url) {
  viewer.hidden = false;
  viewer.dispatchEvent(new CustomEvent("open-source", { detail: url }));
}

if (narrow.matches) viewer.hidden = true;
else open(viewer.dataset.first);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-open-source]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  for (const other of document.querySelectorAll(".passage[data-current]")) other.removeAttribute("data-current");
  link.closest(".passage")?.setAttribute("data-current", "");
  open(link.href);
  if (narrow.matches) viewer.scrollIntoView();
});

const cues = document.getElementById("cues");
const saved = new WeakMap();

for (const area of cues?.querySelectorAll("textarea") ?? []) saved.set(area, area.value);
for (const button of cues?.querySelectorAll("[data-no-script]") ?? []) button.hidden = true;

cues?.addEventListener("submit", (event) => { event.preventDefault(); save(event.target.querySelector("textarea")); });
cues?.addEventListener("focusout", (event) => { if (saved.has(event.target)) save(event.target); });
cues?.addEventListener("keydown", (event) => {
  const area = event.target;
  if (!saved.has(area)) return;
  if (event.key === "Escape") {
    area.value = saved.get(area);
    say(area, "");
  } else if (event.key === "Enter") {
    event.preventDefault();
    const row = event.shiftKey ? area.closest(".cue").previousElementSibling : area.closest(".cue").nextElementSibling;
    const next = row?.querySelector("textarea");
    if (next) next.focus();
    else save(area);
  }
});

function say(area, text, failed = false) {
  const row = area.closest(".cue");
  row.querySelector("[data-saved]").textContent = text;
  row.toggleAttribute("data-failed", failed);
}

async function save(area) {
  const text = area.value;
  if (text === saved.get(area)) return;
  say(area, "Saving");
  try {
    const response = await fetch(area.form.action, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({ text }),
      credentials: "same-origin",
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error ?? "Not saved");
    saved.set(area, answer.text);
    if (area.value === text) area.value = answer.text;
    say(area, "Saved");
  } catch (error) {
    say(area, error instanceof TypeError ? "Not saved: no connection" : error.message, true);
  }
}
