// The transcript's editor: lines are walked and corrected by keyboard, and every correction is saved at once, one after the other.

import { announce, api, confirmDialog, el, toast } from "../ui.js";

const talk = document.getElementById("talk");
const url = talk.dataset.correctUrl;
const state = document.querySelector("[data-save-state]");
const player = document.querySelector("[data-player]");
const dialog = document.getElementById("speaker-dialog");
const list = document.getElementById("speakers");
const held = JSON.parse(document.getElementById("editor").textContent);
let { revision, speakers } = held;

// Saving -------------------------------------------------------------------------------------------------------------

let queue = Promise.resolve();
let unsaved = 0;
let stuck = null; // what could not be sent, to be tried again

function tell() {
  state.textContent = stuck ? "Not saved" : unsaved ? "Saving…" : "Saved";
  state.dataset.state = stuck ? "failed" : unsaved ? "running" : "done";
}

/** Sends one correction after those before it; shows what came of it, or takes the page back to what is stored. */
function correct(act, values, undo = () => {}) {
  unsaved += 1;
  tell();
  queue = queue.then(async () => {
    try {
      const answer = await api(url, { method: "POST", data: { act, revision, ...values } });
      revision = answer.revision;
      speakers = answer.speakers;
      stuck = null;
      show(answer);
      return answer;
    } catch (error) {
      undo();
      stuck = error.message;
      toast(error.message, null, 8);
      return null;
    } finally {
      unsaved -= 1;
      tell();
    }
  });
  return queue;
}

window.addEventListener("beforeunload", (event) => { if (unsaved || editing) event.preventDefault(); });

function show(answer) {
  const at = current();
  const focused = talk.contains(document.activeElement);
  const place = at ? [...talk.children].indexOf(at) : 0;
  if (answer.whole) {
    const known = new Map([...talk.children].map((row) => [row.dataset.id, row]));
    talk.replaceChildren(...answer.lines.map((line) => fill(known.get(String(line.id)) ?? draft(), line)));
    const again = at && talk.contains(at) ? at : talk.children[Math.min(place, talk.children.length - 1)];
    select(again, focused && !editing);
  } else {
    for (const line of answer.lines) {
      const row = talk.querySelector(`[data-id="${line.id}"]`);
      if (row) fill(row, line);
    }
  }
  drawSpeakers();
}

function draft() {
  const row = el("li", { class: "talk-line", tabindex: "-1" });
  for (const name of ["number", "time", "speaker", "text"]) row.append(el("span", { class: `talk-${name}${name === "time" ? " small" : ""}` }), " ");
  row.firstElementChild.setAttribute("aria-hidden", "true");
  return row;
}

function fill(row, line) {
  const speaker = speakers.find((one) => one.id === line.speaker);
  row.dataset.id = line.id;
  row.dataset.speaker = line.speaker;
  row.dataset.voice = speaker?.voice ?? "other";
  if (line.start === null) delete row.dataset.start;
  else row.dataset.start = line.start;
  row.querySelector(".talk-number").textContent = line.line;
  row.querySelector(".talk-time").textContent = line.time;
  row.querySelector(".talk-speaker").textContent = speaker?.label ?? "";
  if (editing?.row !== row) row.querySelector(".talk-text").textContent = line.text;
  return row;
}

// Lines --------------------------------------------------------------------------------------------------------------

let editing = null; // {row, area, before}

function current() {
  return talk.querySelector('[tabindex="0"]');
}

function select(row, focus = true) {
  if (!row) return;
  const old = current();
  if (old && old !== row) old.tabIndex = -1;
  row.tabIndex = 0;
  if (focus) {
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
}

function edit(row) {
  if (editing) return;
  const text = row.querySelector(".talk-text");
  const area = el("textarea", { class: "textarea", rows: "1", value: text.textContent, "aria-label": `Words of line ${row.querySelector(".talk-number").textContent}` });
  const tools = el("span", { class: "cluster talk-tools" },
    el("button", { class: "button button-small button-primary", type: "button", onclick: () => leave(true) }, "Save"),
    el("button", { class: "button button-small", type: "button", onclick: () => cut() }, "Cut here"),
    el("button", { class: "button button-small", type: "button", onclick: () => { const { row: line } = editing; leave(true); join(line); } }, "Join with next"),
    el("button", { class: "button button-small", type: "button", onclick: () => { const { row: line } = editing; leave(false); drop(line); } }, "Delete"),
    el("button", { class: "button button-small", type: "button", onclick: () => { const { row: line } = editing; leave(true); ask(line); } }, "Speaker"));
  if (player && row.dataset.start) tools.append(el("button", { class: "button button-small", type: "button", onclick: () => play(row) }, "Play"));
  editing = { row, area, tools, before: text.textContent };
  text.replaceChildren(area);
  text.after(tools);
  select(row, false);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  row.scrollIntoView({ block: "nearest" });
}

/** Ends the correcting of a line. Returns the save, if there was something to save. */
function leave(save, focus = true) {
  if (!editing) return Promise.resolve();
  const { row, area, tools, before } = editing;
  const words = area.value.replace(/\s+/g, " ").trim();
  editing = null;
  tools.remove();
  const text = row.querySelector(".talk-text");
  text.textContent = save && words ? words : before;
  if (focus) select(row);
  if (!save || words === before) return Promise.resolve();
  if (!words) { announce("A line needs words. It was left as it was."); return Promise.resolve(); }
  return correct("write", { line: Number(row.dataset.id), text: words }, () => { text.textContent = before; giveBack(row, words); });
}

/** Puts words that could not be saved back under the cursor, so that nobody types them twice. */
function giveBack(row, words) {
  if (editing || !talk.contains(row)) return;
  edit(row);
  editing.area.value = words;
}

async function cut() {
  if (!editing) return;
  const { row, area } = editing;
  const words = area.value.slice(0, area.selectionStart).replace(/\s+/g, " ").trimStart();
  await leave(true);
  const answer = await correct("split", { line: Number(row.dataset.id), at: words.length });
  if (answer) { select(row.nextElementSibling); announce("The line was cut in two."); }
}

async function join(row) {
  if (!row.nextElementSibling) { announce("This is the last line."); return; }
  if (await correct("join", { line: Number(row.dataset.id) })) announce("The lines were joined.");
}

async function drop(row) {
  if (!(await confirmDialog("Take this line out of the transcript?", { title: "Delete the line", yes: "Delete" }))) { select(row); return; }
  if (await correct("drop", { line: Number(row.dataset.id) })) { select(current()); announce("The line was deleted."); }
}

function assign(row, speaker) {
  if (!speaker || row.dataset.speaker === String(speaker.id)) return;
  const before = { speaker: row.dataset.speaker, voice: row.dataset.voice, label: row.querySelector(".talk-speaker").textContent };
  row.dataset.speaker = speaker.id;
  row.dataset.voice = speaker.voice;
  row.querySelector(".talk-speaker").textContent = speaker.label;
  announce(speaker.label);
  correct("assign", { line: Number(row.dataset.id), speaker: speaker.id }, () => {
    row.dataset.speaker = before.speaker;
    row.dataset.voice = before.voice;
    row.querySelector(".talk-speaker").textContent = before.label;
  });
}

async function ask(row) {
  const id = await choose("Who said this?", speakers, Number(row.dataset.speaker));
  if (id) assign(row, speakers.find((one) => one.id === id));
  select(row);
}

function play(row) {
  if (!player || !row.dataset.start) return;
  const start = Number(row.dataset.start) / 1000;
  if (!player.paused && Math.abs(player.currentTime - start) < 30 && player.dataset.from === row.dataset.id) { player.pause(); return; }
  player.dataset.from = row.dataset.id;
  player.currentTime = start;
  player.play().catch(() => toast("The recording cannot be played here."));
}

talk.addEventListener("keydown", (event) => {
  const row = event.target.closest(".talk-line");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  if (editing) {
    if (event.target !== editing.area) return;
    if (event.key === "Escape") leave(false);
    else if (event.key === "Enter" && event.shiftKey) cut();
    else if (event.key === "Enter") leave(true);
    else return;
    event.preventDefault();
    return;
  }
  if (event.target !== row) return;
  const keys = {
    ArrowDown: () => select(row.nextElementSibling), ArrowUp: () => select(row.previousElementSibling),
    Home: () => select(talk.firstElementChild), End: () => select(talk.lastElementChild),
    Enter: () => edit(row), s: () => ask(row), m: () => join(row), Delete: () => drop(row), Backspace: () => drop(row), p: () => play(row),
  };
  if (/^[1-9]$/.test(event.key)) assign(row, speakers[Number(event.key) - 1]);
  else if (keys[event.key] ?? keys[event.key.toLowerCase()]) (keys[event.key] ?? keys[event.key.toLowerCase()])();
  else return;
  event.preventDefault();
});

talk.addEventListener("click", (event) => {
  const row = event.target.closest(".talk-line");
  if (!row || editing?.row === row) return;
  if (String(getSelection())) return; // words are being marked, not a line chosen
  if (editing) leave(true, false);
  if (event.target.closest(".talk-time") && player) play(row);
  else if (event.target.closest(".talk-speaker")) ask(row);
  else if (event.target.closest(".talk-text")) edit(row);
  else select(row);
});

document.addEventListener("click", (event) => {
  if (editing && !talk.contains(event.target) && !event.target.closest("dialog")) leave(true, false);
});

// Speakers -----------------------------------------------------------------------------------------------------------

/** Asks with the dialog; resolves to what was filled in, or null. parts: which of label, voice, choose are asked. */
function fillIn(title, parts, { label = "", voice = "student", options = [], chosen = 0 } = {}) {
  dialog.querySelector("h2").textContent = title;
  for (const part of dialog.querySelectorAll("[data-part]")) part.hidden = !parts.includes(part.dataset.part);
  const [name, kind, choice] = ["speaker-label", "speaker-voice", "speaker-choose"].map((id) => document.getElementById(id));
  name.value = label;
  kind.value = voice;
  choice.replaceChildren(...options.map((one) => el("option", { value: String(one.id), selected: one.id === chosen }, one.label)));
  dialog.returnValue = "";
  dialog.showModal();
  (parts.includes("label") ? name : parts.includes("choose") ? choice : kind).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? { label: name.value, voice: kind.value, choice: Number(choice.value) } : null);
    }, { once: true });
  });
}

async function choose(title, options, chosen) {
  return (await fillIn(title, ["choose"], { options, chosen }))?.choice ?? null;
}

function drawSpeakers() {
  const rows = new Map([...list.children].map((row) => [Number(row.dataset.speaker), row]));
  for (const [id, row] of rows) if (!speakers.some((one) => one.id === id)) row.remove();
  speakers.forEach((speaker, at) => {
    const row = rows.get(speaker.id) ?? speakerRow(speaker);
    row.querySelector("[data-label]").textContent = speaker.label;
    row.querySelector("[data-count]").textContent = `${speaker.lines} line${speaker.lines === 1 ? "" : "s"}`;
    row.querySelector("label").textContent = `Who ${speaker.label} is`;
    row.querySelector("select").value = speaker.voice;
    const key = row.querySelector("kbd");
    if (key) key.textContent = at + 1;
  });
  drawLegend();
  for (const line of talk.children) {
    const speaker = speakers.find((one) => one.id === Number(line.dataset.speaker));
    if (!speaker) continue;
    line.dataset.voice = speaker.voice;
    line.querySelector(".talk-speaker").textContent = speaker.label;
  }
}

function drawLegend() {
  const shown = speakers.slice(0, 9).map((speaker, at) => el("li", {}, el("kbd", {}, String(at + 1)), ` ${speaker.label}`));
  document.querySelector("[data-legend]").replaceChildren(...shown);
}

function speakerRow(speaker) {
  const id = `voice-${speaker.id}`;
  const row = el("li", { class: "file-row speaker-row", "data-speaker": speaker.id },
    el("div", { class: "speaker-who" }, speakers.length < 10 ? el("kbd", { "aria-hidden": "true" }) : null, " ", el("strong", { "data-label": true }), " ", el("span", { class: "small muted", "data-count": true })),
    el("p", { class: "small muted clip speaker-says" }),
    el("div", { class: "cluster speaker-tools" },
      el("label", { class: "visually-hidden", for: id }),
      el("select", { class: "select", id, name: id }, ...Object.entries(held.voices).map(([value, words]) => el("option", { value }, words))),
      el("button", { class: "button button-small", type: "button", "data-rename": true }, "Rename"),
      el("button", { class: "button button-small", type: "button", "data-merge": true }, "Merge")));
  list.append(row);
  return row;
}

for (const button of document.querySelectorAll("[data-rename], [data-merge], [data-add-speaker]")) button.hidden = false;
for (const button of document.querySelectorAll("[data-no-script]")) button.hidden = true;

list.addEventListener("click", async (event) => {
  const row = event.target.closest("[data-speaker]");
  const speaker = speakers.find((one) => one.id === Number(row?.dataset.speaker));
  if (!speaker) return;
  if (event.target.closest("[data-rename]")) {
    const given = await fillIn(`Rename ${speaker.label}`, ["label"], { label: speaker.label });
    if (given && given.label.trim() !== speaker.label && await correct("rename", { speaker: speaker.id, label: given.label })) announce("Renamed");
  } else if (event.target.closest("[data-merge]")) {
    const others = speakers.filter((one) => one !== speaker);
    if (!speaker.lines) { await correct("remove_speaker", { speaker: speaker.id }); return; }
    if (!others.length) { toast("There is no other speaker to merge with."); return; }
    const into = await choose(`Everything ${speaker.label} said was said by…`, others, others[0].id);
    if (into && await correct("merge", { speaker: speaker.id, into })) announce("Merged");
  }
});

list.addEventListener("change", (event) => {
  const row = event.target.closest("[data-speaker]");
  if (!row || !event.target.matches("select")) return;
  const speaker = speakers.find((one) => one.id === Number(row.dataset.speaker));
  correct("set_voice", { speaker: speaker.id, voice: event.target.value }, () => { event.target.value = speaker.voice; });
});

document.querySelector("[data-add-speaker]")?.addEventListener("click", async () => {
  const given = await fillIn("Another speaker", ["label", "voice"]);
  if (given && await correct("add_speaker", { label: given.label, voice: given.voice })) announce("Added");
});

// confirming waits for what is still on its way
document.getElementById("speakers-form").addEventListener("submit", async (event) => {
  if (!unsaved && !editing) return;
  event.preventDefault();
  await leave(true, false);
  await queue;
  event.target.submit();
});

drawLegend();
tell();
