// The materials page: uploads with progress, several at once; then each file's job, asked for in one request for all.

import { announce, api, csrfToken, el, toast } from "../ui.js";

const AT_ONCE = 3;
const FAST = 1000;
const SLOW = 15000;

const form = document.getElementById("upload");
const input = document.getElementById("files");
const zone = form.querySelector(".dropzone");
const panel = document.getElementById("uploads");
const uploads = panel.querySelector("ul");
const clear = panel.querySelector("[data-clear]");
const list = document.getElementById("materials");
const limit = Number(form.dataset.limit);

// Uploads ------------------------------------------------------------------------------------------------------------

const waiting = [];
let sending = 0;

form.querySelector("[data-no-script]").hidden = true;
input.required = false;
input.addEventListener("change", () => { add(input.files); input.value = ""; });
form.addEventListener("submit", (event) => event.preventDefault());
clear.addEventListener("click", () => {
  for (const row of [...uploads.children]) if (!row.hasAttribute("data-busy")) row.remove();
  panel.hidden = !uploads.children.length;
  clear.hidden = true;
});

let depth = 0;
for (const [name, change] of [["dragenter", 1], ["dragleave", -1]]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth = Math.max(0, depth + change);
    zone.toggleAttribute("data-active", depth > 0);
  });
}
document.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
document.addEventListener("drop", async (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  depth = 0;
  zone.removeAttribute("data-active");
  add(await dropped(event.dataTransfer));
});
window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });

/** The files that were dropped; of dropped folders, the files inside. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return transfer.files;
  const files = [];
  const walk = async (entry) => {
    if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        for (const child of some) if (!child.name.startsWith(".")) await walk(child);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return files;
}

function add(files) {
  const marks = [...form.querySelectorAll(".upload-marks input:checked")].map((box) => box.name); // as they are now
  for (const file of files) {
    const row = uploadRow(file);
    uploads.append(row.node);
    if (file.size > limit) row.fail(`This file is larger than ${size(limit)}, the most this site takes. Split it.`);
    else if (!file.size) row.fail("This file is empty. Check that it was saved, then upload it again.");
    else waiting.push({ file, row, marks });
  }
  panel.hidden = !uploads.children.length;
  next();
}

function next() {
  while (sending < AT_ONCE && waiting.length) send(waiting.shift());
  clear.hidden = sending > 0 || !uploads.children.length;
}

function uploadRow(file) {
  const words = el("span", { class: "small muted" }, "Waiting");
  const bar = el("progress", { class: "progress", value: "0", max: "1", "aria-label": `Uploading ${file.name}` });
  const cancel = el("button", { class: "button button-small", type: "button", "aria-label": `Cancel ${file.name}` }, "Cancel");
  const node = el("li", { class: "file-row", "data-busy": true },
    el("div", {}, el("strong", { class: "file-name" }, file.name), " ", el("span", { class: "small muted" }, size(file.size))),
    el("div", { class: "cluster" }, words, cancel), bar);
  const row = {
    node, bar, cancel,
    say: (text) => { words.textContent = text; },
    fail(message, again = null) {
      node.removeAttribute("data-busy");
      bar.remove();
      words.textContent = "Not uploaded";
      if (again) {
        cancel.replaceWith(el("button", { class: "button button-small", type: "button", onclick: () => { node.replaceWith(again()); next(); } }, "Try again"));
      } else cancel.remove();
      node.append(el("p", { class: "field-error" }, message));
      announce(`${file.name}: ${message}`);
    },
    done() { node.remove(); panel.hidden = !uploads.children.length; announce(`${file.name} uploaded`); },
  };
  cancel.addEventListener("click", () => {
    const at = waiting.findIndex((item) => item.row === row);
    if (at >= 0) waiting.splice(at, 1);
    row.request?.abort();
    node.remove();
    panel.hidden = !uploads.children.length;
  });
  return row;
}

function send({ file, row, marks }) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  for (const mark of marks) body.append(mark, "on");
  body.append("files", file, file.name);
  row.request = request;
  sending += 1;
  const settle = (act) => { sending -= 1; act(); next(); };
  const again = () => { const fresh = uploadRow(file); waiting.push({ file, row: fresh, marks }); return fresh.node; };
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    row.bar.value = event.loaded / event.total;
    row.say(event.loaded < event.total ? `${Math.floor((100 * event.loaded) / event.total)} %` : "Checking");
  });
  request.addEventListener("load", () => settle(() => {
    const answer = parse(request.responseText);
    if (request.status === 200 && answer?.uuid) {
      row.done();
      show(answer.uuid);
    } else if (answer?.error) row.fail(answer.error);
    else if (request.status === 403 || request.status === 404) row.fail("You may not upload here any more. Reload the page and sign in.");
    else row.fail(`The server answered ${request.status}. Try again in a moment.`, again);
  }));
  request.addEventListener("error", () => settle(() => row.fail("The connection broke. Check it, then try again.", again)));
  request.addEventListener("abort", () => settle(() => {}));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", csrfToken());
  request.send(body);
}

function parse(text) {
  try { return JSON.parse(text); } catch { return null; }
}

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  let at = 0;
  while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
  return `${at ? bytes.toFixed(bytes < 10 ? 1 : 0) : bytes} ${units[at]}`;
}

// Jobs ---------------------------------------------------------------------------------------------------------------

let pause = FAST;
let timer = 0;

/** Puts a material's row into the list, or puts it in anew. */
async function show(uuid) {
  const old = document.getElementById(`m-${uuid}`);
  const url = new URL(`${uuid}/row/`, location.href.replace(/[?#].*$/, ""));
  const response = await fetch(url, { credentials: "same-origin" }).catch(() => null);
  if (response?.status === 204) old?.remove();
  if (response?.status !== 200) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-material]");
  if (!fresh) return;
  document.querySelector(".empty")?.remove();
  list.hidden = false;
  const node = document.adoptNode(fresh);
  const focused = old?.contains(document.activeElement);
  if (old) old.replaceWith(node);
  else list.append(node);
  if (focused) node.querySelector("button, a")?.focus();
  soon();
}

async function poll() {
  timer = 0;
  if (document.hidden) return;
  let answer;
  try {
    answer = await api(list.dataset.statusUrl);
  } catch {
    pause = Math.min(pause * 2, SLOW);
    schedule();
    return;
  }
  const jobs = [];
  for (const row of answer.rows) jobs.push(update(row));
  for (const [uuid, state] of Object.entries(answer.settled)) {
    const node = document.getElementById(`m-${uuid}`);
    if (node && node.dataset.state !== state) {
      jobs.push(show(uuid).then(() => finished(uuid, state)));
    }
  }
  await Promise.all(jobs);
  pause = answer.rows.length ? FAST : Math.min(pause * 2, SLOW);
  if (answer.rows.length) schedule();
}

function finished(uuid, state) {
  const title = document.querySelector(`#m-${CSS.escape(uuid)} .material-title`)?.textContent ?? "A file";
  const words = { done: "is ready", failed: "could not be read", stopped: "was stopped" }[state] ?? state;
  announce(`${title} ${words}`);
  if (state !== "stopped") toast(`${title} ${words}`);
}

async function update(row) {
  const node = document.getElementById(`m-${row.uuid}`);
  if (!node || node.dataset.state !== row.state) {
    await show(row.uuid);
    return;
  }
  const bar = node.querySelector("[data-progress]");
  if (bar && row.state === "running") bar.value = row.progress;
  node.querySelectorAll("[data-stages] > li").forEach((item, at) => { item.dataset.state = row.stages[at].state; });
  const left = node.querySelector("[data-left]");
  if (left && row.state === "running") left.textContent = [row.time_left, row.so_far].filter(Boolean).join(" · ");
}

function schedule() {
  if (!timer) timer = setTimeout(poll, pause);
}

function soon() {
  pause = FAST;
  schedule();
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
if (list.dataset.running === "1") soon();

// Stop and retry without leaving the page; without this script they are plain forms.
list.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!["stop", "retry"].includes(button?.value)) return;
  event.preventDefault();
  const row = button.closest("[data-material]");
  button.disabled = true;
  const body = new FormData(event.target);
  body.set("action", button.value);
  try {
    await fetch(event.target.action, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin" });
  } finally {
    await show(row.dataset.material);
  }
});
