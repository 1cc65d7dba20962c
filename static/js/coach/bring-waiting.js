// A lesson that is being read: shows how far that is, and the page anew when it is over.

import { api } from "../ui.js";

const SOON = 700;
const LATER = 5000;
const card = document.querySelector("[data-reading]");
const bar = card.querySelector("progress");
const left = card.querySelector("[data-left]");
const stages = [...card.querySelectorAll(".stages li")];

async function look(pause) {
  try {
    const answer = await api(card.dataset.reading);
    if (!answer.working) { location.reload(); return; }
    bar.value = answer.progress;
    left.textContent = answer.time_left;
    stages.forEach((item, at) => { item.dataset.state = answer.stages[at]; });
  } catch { /* the network is away: look again */ }
  setTimeout(look, pause, Math.min(pause * 1.3, LATER));
}

setTimeout(look, SOON, SOON);
