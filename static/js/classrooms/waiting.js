// A page that waits for a job: asks how far it is, and shows itself anew when the job is over.

import { api } from "../ui.js";

const SOON = 1000;
const LATER = 5000;

const waiting = document.querySelector("[data-waiting]");
const bar = waiting?.querySelector("progress");

async function look(pause) {
  try {
    const { working, progress } = await api(waiting.dataset.waiting);
    if (!working) { location.reload(); return; }
    if (bar) bar.value = progress;
  } catch { /* the network is away: look again */ }
  setTimeout(look, pause, Math.min(pause * 1.3, LATER));
}

if (waiting) setTimeout(look, SOON, SOON);
