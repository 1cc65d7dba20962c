// A report that is being scored: shows how far that is, and the page anew when it is over.

import { api } from "../ui.js";

const SOON = 1000;
const LATER = 5000;
const waiting = document.querySelector("[data-waiting]");
const bar = waiting.querySelector("progress");
const stages = [...waiting.querySelectorAll(".stages li")];

async function look(pause) {
  try {
    const { working, progress, stage } = await api(waiting.dataset.waiting);
    if (!working) { location.reload(); return; }
    bar.value = progress;
    const at = stages.findIndex((item) => item.textContent === stage);
    stages.forEach((item, index) => { item.dataset.state = index < at ? "done" : index === at ? "current" : "todo"; });
  } catch { /* the network is away: look again */ }
  setTimeout(look, pause, Math.min(pause * 1.3, LATER));
}

setTimeout(look, SOON, SOON);
