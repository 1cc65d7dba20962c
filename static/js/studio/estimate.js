// Before a run: how long what is chosen will take.

import { api } from "../ui.js";

const PAUSE = 400; // milliseconds after the last key
const form = document.querySelector("[data-estimate]");
const shown = form.querySelector("[data-time]");
let later;
let asked = 0;

async function ask() {
  const chosen = new URLSearchParams(new FormData(form));
  chosen.delete("csrfmiddlewaretoken");
  const mine = (asked += 1);
  try {
    const { time, knobs } = await api(`${form.dataset.estimate}?${chosen}`);
    if (mine !== asked) return;
    shown.textContent = time;
    for (const [name, value] of Object.entries(knobs)) form.elements[name].placeholder = value;
  } catch (error) {
    if (mine === asked) shown.textContent = error.message;
  }
}

form.addEventListener("input", () => { clearTimeout(later); later = setTimeout(ask, PAUSE); });
