// Bringing a lesson: the file is sent with its progress shown; what is wrong is said at its field. Works as a plain form too.

import { announce, csrfToken, el } from "../ui.js";

const RECORDING = /\.(mp3|wav|m4a|aac|flac|ogg|oga|opus|wma|aiff?|mp4|m4v|mov|mkv|webm|avi|wmv|mpe?g|3gp)$/i;

const form = document.getElementById("bring");
const input = form.querySelector("input[type=file]");
const zone = form.querySelector(".dropzone");
const chosen = form.querySelector("[data-chosen]");
const recordingOnly = form.querySelector("[data-recording-only]");
const sending = form.querySelector("[data-sending]");
const bar = sending.querySelector("progress");
const words = form.querySelector("[data-sending-words]");
const submit = form.querySelector("[type=submit]");
const limit = Number(form.dataset.limit);
const empty = chosen.textContent;
let request = null;

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function show() {
  const file = input.files[0];
  chosen.textContent = file ? `${file.name} (${size(file.size)})` : empty;
  const recording = Boolean(file) && (RECORDING.test(file.name) || /^(audio|video)\//.test(file.type));
  recordingOnly.hidden = !recording;
  if (!recording) recordingOnly.querySelector("input").checked = false;
  clear();
  if (file && file.size > limit) say("file", `This file is larger than ${size(limit)}, the most this site takes. Bring only its sound, or its transcript.`);
}

input.addEventListener("change", show);
show();

for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.toggleAttribute("data-active", true); });
for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.removeAttribute("data-active"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  show();
});
window.addEventListener("beforeunload", (event) => { if (request) event.preventDefault(); });

function clear() {
  for (const error of form.querySelectorAll(".field-error, .form-errors")) error.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

function say(name, message) {
  const field = form.elements[name];
  const error = el("p", { class: "field-error" }, message);
  if (!field) {
    form.prepend(el("div", { class: "form-errors", role: "alert" }, error));
    return null;
  }
  field.setAttribute("aria-invalid", "true");
  field.closest("details")?.setAttribute("open", "");
  field.closest(".field").append(error);
  return field;
}

function settle() {
  request = null;
  sending.hidden = true;
  submit.disabled = false;
}

function fail(errors) {
  settle();
  let first = null;
  for (const [name, messages] of Object.entries(errors)) {
    for (const message of messages) first = say(name, message) ?? first;
  }
  announce(Object.values(errors).flat().join(" "));
  (first ?? form).scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request) return;
  clear();
  if (input.files[0]?.size > limit) { fail({ file: [`This file is larger than ${size(limit)}, the most this site takes.`] }); return; }
  request = new XMLHttpRequest();
  submit.disabled = true;
  sending.hidden = false;
  bar.value = 0;
  words.textContent = "Uploading";
  request.upload.addEventListener("progress", (step) => {
    if (!step.lengthComputable) return;
    bar.value = step.loaded / step.total;
    words.textContent = step.loaded < step.total ? `Uploading, ${Math.floor((100 * step.loaded) / step.total)} %` : "Checking";
  });
  request.addEventListener("load", () => {
    let answer = null;
    try { answer = JSON.parse(request.responseText); } catch { /* no JSON: an error page */ }
    const { status } = request;
    if (answer?.url) { request = null; location.assign(answer.url); } else if (answer?.errors) fail(answer.errors);
    else if (answer?.error) fail({ file: [answer.error] });
    else if (status === 403 || status === 404) fail({ file: ["You may not bring a lesson any more. Reload the page and sign in."] });
    else fail({ file: [`The server answered ${status}. Try again in a moment.`] });
  });
  request.addEventListener("error", () => fail({ file: ["The connection broke. Check it, then try again."] }));
  request.addEventListener("abort", settle);
  request.open("POST", location.href);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", csrfToken());
  request.send(new FormData(form));
});
form.querySelector("[data-cancel]").addEventListener("click", () => request?.abort());
