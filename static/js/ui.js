// What every page has: theme switch, menus, dialogs, tabs, confirmations, copy buttons, toasts.

const sprite = new URL("../img/icons.svg", import.meta.url).href;

/** An icon of the sprite, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** An element: el("button", {class: "button", onclick: f, "aria-label": "…"}, "text", child, …). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Says something in the page's polite live region, for screen readers only. */
export function announce(text) {
  const region = document.getElementById("live");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** A short note in the corner, also said to screen readers. action: {label, run}. Stays while hovered or focused. */
export function toast(text, action = null, seconds = action ? 8 : 4) {
  const holder = document.getElementById("toasts");
  if (!holder) return () => {};
  const node = el("div", { class: "toast" }, el("span", {}, text));
  const close = () => node.remove();
  if (action) node.append(el("button", { type: "button", onclick: () => { close(); action.run(); } }, action.label));
  holder.append(node);
  announce(action ? `${text}. ${action.label} is in the note at the corner.` : text);
  const later = () => setTimeout(() => (node.matches(":hover, :focus-within") ? later() : close()), seconds * 1000);
  later();
  return close;
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

/** fetch with the CSRF token and JSON both ways; throws an Error in words when the server refuses. */
export async function api(url, { method = "GET", data } = {}) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken(), "Content-Type": "application/json" }),
      },
      body: data === undefined ? undefined : JSON.stringify(data),
      credentials: "same-origin",
    });
  } catch {
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  const json = response.headers.get("content-type")?.includes("json") ? await response.json().catch(() => null) : null;
  if (!response.ok) {
    const words = { 403: "You may not do this.", 404: "This is not there any more.", 429: "Too many requests. Wait a minute and try again." };
    throw new Error(json?.error ?? words[response.status] ?? `The server answered ${response.status}. Try again in a moment.`);
  }
  return json;
}

/** Asks before something is done that cannot be undone. Resolves to true or false. */
export function confirmDialog(question, { title = "Are you sure?", yes = "Yes", danger = true } = {}) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "confirm-title" },
      el("div", { class: "dialog-head" }, el("h2", { id: "confirm-title" }, title)),
      el("div", { class: "dialog-body" }, el("p", {}, question)),
      el("div", { class: "dialog-actions" },
        el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"),
        el("button", { type: "button", class: `button ${danger ? "button-danger" : "button-primary"}`, onclick: () => dialog.close("yes") }, yes)));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes"); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function theme() {
  const names = ["auto", "light", "dark"];
  const icons = { auto: "auto", light: "sun", dark: "moon" };
  const words = { auto: "as the system", light: "light", dark: "dark" };
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const show = () => {
      const now = document.documentElement.dataset.theme ?? "auto";
      button.replaceChildren(icon(icons[now]));
      button.setAttribute("aria-label", `Colours: ${words[now]}. Change`);
      button.title = `Colours: ${words[now]}`;
    };
    button.addEventListener("click", () => {
      const now = document.documentElement.dataset.theme ?? "auto";
      const next = names[(names.indexOf(now) + 1) % names.length];
      if (next === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      try { localStorage.setItem("theme", next); } catch { /* not remembered */ }
      show();
      announce(`Colours: ${words[next]}`);
    });
    show();
  }
}

function menus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  }, true);
}

function dialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) document.getElementById(opener.dataset.openDialog)?.showModal();
    const closer = event.target.closest("[data-close-dialog]");
    if (closer) closer.closest("dialog")?.close();
    if (event.target.matches("dialog.dialog")) event.target.close(); // the backdrop
  });
}

function tabs() {
  for (const list of document.querySelectorAll("[role=tablist][data-tabs]")) {
    const all = [...list.querySelectorAll("[role=tab]")];
    const select = (tab, focus) => {
      for (const other of all) {
        const on = other === tab;
        other.setAttribute("aria-selected", String(on));
        other.tabIndex = on ? 0 : -1;
        const panel = document.getElementById(other.getAttribute("aria-controls"));
        if (panel) panel.hidden = !on;
      }
      if (focus) tab.focus();
    };
    list.addEventListener("click", (event) => { const tab = event.target.closest("[role=tab]"); if (tab) select(tab); });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = all.indexOf(document.activeElement);
      if (at < 0) return;
      if (step) select(all[(at + step + all.length) % all.length], true);
      else if (event.key === "Home") select(all[0], true);
      else if (event.key === "End") select(all.at(-1), true);
      else return;
      event.preventDefault();
    });
    select(all.find((tab) => tab.getAttribute("aria-selected") === "true") ?? all[0]);
  }
}

function confirmations() {
  document.addEventListener("submit", async (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (!question || event.target.dataset.confirmed) return;
    event.preventDefault();
    const { submitter } = event;
    const yes = submitter?.dataset.confirmYes ?? event.target.dataset.confirmYes ?? "Yes, do it";
    if (!(await confirmDialog(question, { yes }))) return;
    event.target.dataset.confirmed = "1";
    event.target.requestSubmit(submitter ?? undefined);
    delete event.target.dataset.confirmed;
  });
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const target = button.dataset.copy.startsWith("#") ? document.querySelector(button.dataset.copy) : null;
    await copyText(target ? (target.value ?? target.textContent) : button.dataset.copy);
    toast("Copied");
  });
}

/** Puts text on the clipboard, also on plain http where the clipboard API is missing. */
export async function copyText(text) {
  if (navigator.clipboard) {
    try { return await navigator.clipboard.writeText(text); } catch { /* try the old way */ }
  }
  const area = el("textarea", { class: "visually-hidden", value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

theme();
menus();
dialogs();
tabs();
confirmations();
copying();
