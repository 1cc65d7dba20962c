// PDF through pdf.js: pages drawn when they come near, the quote marked in the text layer or, failing that, by its boxes.

import { el, icon } from "../ui.js";
import { textNodes, wrap } from "../text/offsets.js";
import { lookedAt } from "./looking.js";
import { findQuote } from "./quote.js";

const vendor = (path) => new URL(`../../vendor/pdfjs/${path}`, import.meta.url).href;
const WIDEST = 960; // pixels of a page at zoom 1
const KEEP = 8; // drawn pages; the farthest give their canvas back

let library = null;
async function pdfjs() {
  library ??= import("../../vendor/pdfjs/pdf.min.mjs").then((module) => {
    module.GlobalWorkerOptions.workerSrc = vendor("pdf.worker.min.mjs");
    // a task that is destroyed while it fetches aborts its request, and pdf.js leaves that rejection to nobody
    addEventListener("unhandledrejection", (event) => { if (event.reason?.name === "AbortError") event.preventDefault(); });
    return module;
  });
  return library;
}

export class PdfView {
  constructor(root) {
    this.root = root;
    this.drawn = new Map(); // page number -> {task, canvas}
    this.zoom = 1;
  }

  async show(data, signal) {
    this.data = data;
    this.target = data.anchor?.page ?? 1;
    const further = data.mark ? data.anchor?.also ?? [] : []; // a quote may run on over the page's end
    this.marks = new Map((data.mark ? [{ page: this.target, boxes: data.anchor?.boxes }, ...further] : []).map(({ page, boxes }) => [page, boxes ?? []]));
    if (this.source !== data.file_url) await this.load(data, signal);
    if (signal?.aborted) return null;
    await this.layout();
    return null; // it scrolls by itself: the page must be drawn first
  }

  async load(data, signal) {
    this.close();
    const { getDocument } = await pdfjs();
    this.task = getDocument({
      url: data.file_url, isEvalSupported: false, enableXfa: false, standardFontDataUrl: vendor("standard_fonts/"), wasmUrl: vendor("wasm/"),
      disableAutoFetch: true, disableStream: false,
    });
    const progress = el("progress", { class: "progress", max: 1, "aria-label": "Loading the PDF" });
    this.root.replaceChildren(progress);
    this.task.onProgress = ({ loaded, total }) => { if (total) progress.value = loaded / total; };
    const giveUp = () => this.task?.destroy();
    signal?.addEventListener("abort", giveUp, { once: true });
    this.document = await this.task.promise;
    signal?.removeEventListener("abort", giveUp);
    this.source = data.file_url;
    this.sizes = [];
    const first = await this.document.getPage(1);
    const { width, height } = first.getViewport({ scale: 1 });
    this.sizes = Array.from({ length: this.document.numPages }, () => ({ width, height }));
  }

  build() {
    const pages = this.sizes.length;
    this.input = el("input", { class: "input page-number", inputmode: "numeric", "aria-label": `Page, of ${pages}`, value: String(this.target) });
    this.input.addEventListener("change", () => this.go(Number.parseInt(this.input.value, 10) || this.at));
    const button = (name, label, onclick) => el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick }, icon(name));
    const bar = el("div", { class: "viewer-bar" },
      button("left", "Previous page", () => this.go(this.at - 1)), this.input, el("span", { class: "bar-label" }, `of ${pages}`),
      button("right", "Next page", () => this.go(this.at + 1)),
      el("span", { class: "bar-gap" }),
      button("minus", "Smaller", () => this.resize(this.zoom / 1.25)), button("plus", "Larger", () => this.resize(this.zoom * 1.25)));
    this.holder = el("div", { class: "pdf-pages", tabindex: "0", role: "region", "aria-label": "Pages" });
    this.holder.append(...this.sizes.map((_, n) => el("div", { class: "pdf-page", "data-page": String(n + 1), "aria-label": `Page ${n + 1}`, role: "group" })));
    this.root.replaceChildren(bar, this.holder);
    this.observer?.disconnect();
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        entry.target.dataset.near = String(entry.isIntersecting);
        if (entry.isIntersecting) this.draw(Number(entry.target.dataset.page));
      }
    }, { root: this.holder, rootMargin: "60% 0px" });
    for (const page of this.holder.children) this.observer.observe(page);
    this.holder.addEventListener("scroll", () => this.track(), { passive: true });
    this.resizer?.disconnect();
    this.resizer = new ResizeObserver(() => {
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => { if (this.holder.clientWidth !== this.width) this.resize(this.zoom); }, 150);
    });
    this.resizer.observe(this.holder);
    this.at = this.target;
  }

  fitScale(number) {
    return Math.max(0.2, (Math.min(this.holder.clientWidth - 24, WIDEST) / this.sizes[number - 1].width) * this.zoom);
  }

  place() {
    this.width = this.holder.clientWidth;
    this.sizes.forEach((size, n) => {
      const scale = this.fitScale(n + 1);
      const page = this.holder.children[n];
      page.style.width = `${Math.floor(size.width * scale)}px`;
      page.style.height = `${Math.floor(size.height * scale)}px`;
    });
  }

  async layout() {
    if (!this.holder?.isConnected) this.build();
    else {
      for (const number of [...this.marked, ...this.marks.keys()]) this.drop(number); // old marks go, the new ones are made while their pages are drawn
      this.drop(this.target);
      this.input.value = String(this.target);
    }
    this.marked = [...this.marks.keys()];
    this.place();
    this.go(this.target);
    await this.draw(this.target);
    this.showMark();
    this.drawNear();
  }

  drawNear() {
    for (const page of this.holder.children) if (page.dataset.near === "true") this.draw(Number(page.dataset.page));
  }

  showMark() {
    const mark = this.holder.querySelector("[data-mark]");
    if (!mark) return;
    const page = this.holder.getBoundingClientRect();
    const at = mark.getBoundingClientRect();
    this.holder.scrollBy({ top: at.top - page.top - page.height * 0.35, left: Math.min(0, at.left - page.left - 24) });
  }

  go(number) {
    this.at = Math.min(Math.max(number, 1), this.sizes.length);
    this.holder.scrollTop = this.holder.children[this.at - 1].offsetTop - 8;
    this.track();
  }

  track() {
    this.at = lookedAt([...this.holder.children], this.holder, this.at - 1) + 1;
    if (document.activeElement !== this.input) this.input.value = String(this.at);
  }

  async resize(zoom) {
    const { at } = this;
    this.zoom = Math.min(Math.max(zoom, 0.5), 4);
    for (const number of [...this.drawn.keys()]) this.drop(number);
    this.place();
    this.go(at);
    this.drawNear();
  }

  drop(number) {
    const drawn = this.drawn.get(number);
    this.drawn.delete(number);
    drawn?.task?.cancel();
    drawn?.layer?.cancel();
    if (drawn?.canvas) drawn.canvas.width = 0;
    this.holder.children[number - 1]?.replaceChildren();
  }

  draw(number) {
    const now = this.drawn.get(number);
    if (now) return now.done;
    const entry = {};
    this.drawn.set(number, entry);
    entry.done = this.paint(number, entry).catch((error) => {
      if (this.drawn.get(number) !== entry || error?.name === "RenderingCancelledException") return;
      this.holder.children[number - 1].replaceChildren(el("p", { class: "message", "data-kind": "error" }, "This page could not be drawn. Download the original to see it."));
    });
    if (this.drawn.size > KEEP) {
      const far = [...this.drawn.keys()].sort((a, b) => Math.abs(b - this.at) - Math.abs(a - this.at))[0];
      if (Math.abs(far - this.at) > 3) this.drop(far);
    }
    return entry.done;
  }

  async paint(number, entry) {
    const { TextLayer } = await pdfjs();
    const page = await this.document.getPage(number);
    const natural = page.getViewport({ scale: 1 });
    this.sizes[number - 1] = { width: natural.width, height: natural.height };
    const viewport = page.getViewport({ scale: this.fitScale(number) });
    const holder = this.holder.children[number - 1];
    holder.style.width = `${Math.floor(viewport.width)}px`;
    holder.style.height = `${Math.floor(viewport.height)}px`;
    const density = Math.min(devicePixelRatio || 1, 2);
    const canvas = el("canvas", { "aria-hidden": "true" });
    canvas.width = Math.floor(viewport.width * density);
    canvas.height = Math.floor(viewport.height * density);
    entry.canvas = canvas;
    const text = el("div", { class: "pdf-text" });
    text.style.setProperty("--total-scale-factor", String(viewport.scale));
    text.style.setProperty("--scale-round-x", "1px");
    text.style.setProperty("--scale-round-y", "1px");
    if (this.drawn.get(number) !== entry) return;
    holder.replaceChildren(canvas, text);
    entry.layer = new TextLayer({ textContentSource: page.streamTextContent({ includeMarkedContent: false }), container: text, viewport });
    entry.task = page.render({ canvas, viewport, transform: density === 1 ? null : [density, 0, 0, density, 0, 0] });
    await entry.layer.render();
    if (this.marks.has(number)) this.mark(entry.layer, holder, viewport, number);
    await entry.task.promise;
  }

  /** What of the quote stands on a page: all of it, unless it runs on to another. */
  quoteOn(number) {
    const { text, mark, blocks } = this.data;
    if (this.marks.size === 1) return text.slice(mark.start, mark.end);
    return blocks.filter(({ anchor, start, end }) => anchor.page === number && start < mark.end && mark.start < end)
      .map(({ start, end }) => text.slice(Math.max(start, mark.start), Math.min(end, mark.end))).join("\n");
  }

  mark(layer, holder, viewport, number) {
    const divs = layer.textDivs;
    const strings = divs.map((div) => div.textContent);
    const starts = [];
    let all = "";
    for (const string of strings) {
      starts.push(all.length);
      all += `${string} `;
    }
    const boxes = this.marks.get(number);
    const { mark } = this.data;
    const block = this.data.blocks.find(({ start, end }) => start <= mark.start && mark.start < end);
    const isFormula = block?.kind === "formula" && boxes.length; // its letters alone would mark half of it
    const ranges = isFormula ? [] : findQuote(all, this.quoteOn(number));
    let found = false;
    divs.forEach((div, n) => {
      for (const range of ranges.toReversed()) {
        const start = Math.max(0, range.start - starts[n]);
        const end = Math.min(strings[n].length, range.end - starts[n]);
        if (start >= end) continue;
        const node = textNodes(div).find((candidate) => candidate.data.length >= end) ?? null;
        if (!node) continue;
        wrap(node, start, end, () => el("mark", { "data-mark": "" }));
        found = true;
      }
    });
    if (found || !boxes.length) return;
    for (const box of boxes) {
      // points of the page's user space, y up
      const [x0, y0, x1, y1] = viewport.convertToViewportRectangle(box);
      const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
      const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
      const node = el("div", { class: "pdf-box", "data-mark": "" });
      Object.assign(node.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
      holder.append(node);
    }
  }

  close() {
    this.observer?.disconnect();
    this.resizer?.disconnect();
    for (const entry of this.drawn.values()) {
      entry.task?.cancel();
      if (entry.canvas) entry.canvas.width = 0;
    }
    this.drawn.clear();
    this.task?.destroy();
    this.task = null;
    this.source = null;
    this.holder = null;
  }
}
