// The source viewer: takes a source link, opens the material at that place and marks the passage.

import { el, icon } from "../ui.js";
import { unitsOf } from "../text/offsets.js";

const VIEWS = {
  pdf: async () => (await import("./pdf.js")).PdfView,
  pptx: async () => (await import("./slides.js")).SlidesView,
  media: async () => (await import("./media.js")).MediaView,
  vtt: async () => (await import("./media.js")).MediaView,
  srt: async () => (await import("./media.js")).MediaView,
};
const otherwise = async () => (await import("./document.js")).DocumentView;

/** The link of a source's page as the address of its data. */
export function dataUrl(pageUrl) {
  const url = new URL(pageUrl, location.href);
  return `${url.pathname.replace(/\/?$/, "/")}data.json${url.search}`;
}

/** Offsets of the server's characters as offsets in JavaScript strings, everywhere in the data. */
function inUnits(data) {
  const units = unitsOf(data.text);
  const range = (value) => value && { ...value, start: units(value.start), end: units(value.end) };
  return { ...data, blocks: data.blocks.map(range), mark: range(data.mark), passage: range(data.passage) };
}

export class Viewer {
  /** @param {HTMLElement} root @param {{full?: boolean}} options full: on a page of its own */
  constructor(root, { full = false } = {}) {
    this.root = root;
    this.full = full;
    this.head = el("header", { class: "viewer-head" });
    this.note = el("div", { class: "viewer-note" });
    this.body = el("div", { class: "viewer-content" });
    root.replaceChildren(this.head, this.note, this.body);
  }

  /** mark: whether the place is marked, beside being brought up. */
  async open(pageUrl, { mark = true } = {}) {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    this.pageUrl = pageUrl;
    const path = new URL(pageUrl, location.href).pathname;
    if (this.path !== path) {
      this.view?.close();
      this.view = null;
      this.body.replaceChildren(el("div", { class: "skeleton-text viewer-wait", "aria-hidden": "true" },
        ...Array.from({ length: 9 }, () => el("div", { class: "skeleton" }))), el("p", { class: "visually-hidden", role: "status" }, "Opening the source…"));
    }
    this.path = path;
    try {
      const response = await fetch(dataUrl(pageUrl), { signal, credentials: "same-origin", headers: { Accept: "application/json" } });
      if (response.status === 404 || response.status === 403) throw new Error("This source is not available to you any more. It may have been hidden or replaced.");
      if (!response.ok) throw new Error(`The source could not be opened (the server answered ${response.status}). Try again in a moment.`);
      const data = inUnits(await response.json());
      data.at = data.mark?.start;
      if (!mark) data.mark = null;
      this.header(data);
      const View = await (VIEWS[data.kind] ?? otherwise)();
      if (signal.aborted) return;
      if (!(this.view instanceof View)) this.view = new View(this.body);
      this.body.className = `viewer-content viewer-${data.kind}`;
      const target = await this.view.show(data, signal);
      if (signal.aborted) return;
      this.reveal(target);
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      this.path = null;
      this.view = null;
      this.body.replaceChildren(el("div", { class: "empty" }, el("h2", {}, "The source could not be opened"),
        el("p", {}, error instanceof TypeError ? "The server cannot be reached. Check the connection." : error.message),
        el("button", { type: "button", class: "button", onclick: () => this.open(pageUrl, { mark }) }, "Try again")));
    }
  }

  header(data) {
    const marked = el("button", { type: "button", class: "button button-small", onclick: () => this.focusMark(), hidden: !data.mark }, "Marked passage");
    this.head.replaceChildren(
      el("div", { class: "viewer-title" },
        el(this.full ? "h1" : "h2", { tabindex: "-1", "data-first-focus": "" }, data.title),
        data.label ? el("p", { class: "viewer-place" }, data.label) : null),
      el("div", { class: "viewer-tools" }, marked,
        this.full ? null : el("a", { class: "icon-button", href: this.pageUrl, target: "_blank", "aria-label": "Open on its own page (new tab)", title: "Open on its own page" }, icon("external")),
        data.file_url ? el("a", { class: "icon-button", href: `${data.file_url}?download`, download: data.filename ?? "", "aria-label": "Download the original", title: "Download the original" }, icon("download")) : null));
    this.note.replaceChildren(...(data.version_note ? [el("p", { class: "message", "data-kind": "warning" }, data.version_note)] : []));
    if (this.full || this.root.hasAttribute("data-quiet")) return;
    this.head.querySelector("[data-first-focus]").focus({ preventScroll: true });
  }

  get marks() {
    return this.body.querySelectorAll("[data-mark]");
  }

  reveal(target) {
    target?.scrollIntoView({ block: "center" });
  }

  /** For keyboards and screen readers: to the passage itself. */
  focusMark() {
    const [mark] = this.marks;
    if (!mark) return this.view?.layout?.();
    mark.tabIndex = -1;
    mark.scrollIntoView({ block: "center" });
    mark.focus({ preventScroll: true });
    return undefined;
  }

  close() {
    this.loading?.abort();
    this.view?.close();
    this.view = null;
    this.path = null;
  }
}
