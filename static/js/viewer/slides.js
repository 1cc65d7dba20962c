// Slides as cards in the proportions of the deck: each text where it stood, or one below the other where that is unknown.

import { el, icon } from "../ui.js";
import { blockNode } from "./blocks.js";
import { lookedAt } from "./looking.js";

export class SlidesView {
  constructor(root) {
    this.root = root;
  }

  show(data) {
    const slides = new Map();
    for (const block of data.blocks) {
      const number = block.anchor.slide ?? 0;
      slides.set(number, [...(slides.get(number) ?? []), block]);
    }
    const numbers = [...slides.keys()].sort((a, b) => a - b);
    const deck = el("ol", { class: "deck" }, ...numbers.map((number) => this.slide(number, slides.get(number), data)));
    this.cards = [...deck.children];
    const label = el("span", { class: "bar-label", "aria-live": "polite" });
    const step = (by) => this.go(Math.min(Math.max(this.at + by, 0), this.cards.length - 1));
    const bar = el("div", { class: "viewer-bar" },
      el("button", { type: "button", class: "icon-button", "aria-label": "Previous slide", onclick: () => step(-1) }, icon("left")),
      label,
      el("button", { type: "button", class: "icon-button", "aria-label": "Next slide", onclick: () => step(1) }, icon("right")));
    this.say = () => { label.textContent = `Slide ${numbers[this.at] ?? "–"} of ${data.meta?.slides ?? numbers.at(-1) ?? 0}`; };
    this.root.replaceChildren(bar, deck);
    this.fit();
    document.fonts.ready.then(() => { if (deck.isConnected) this.fit(); });
    this.observer?.disconnect();
    this.at = Math.max(0, numbers.indexOf(data.anchor?.slide));
    this.observer = new IntersectionObserver(() => this.track(), { threshold: [0, 0.25, 0.5, 0.75, 1] });
    for (const card of this.cards) this.observer.observe(card);
    this.say();
    return deck.querySelector("[data-mark]") ?? this.cards[this.at];
  }

  slide(number, blocks, data) {
    const marked = number === data.anchor?.slide && data.mark;
    const sheet = el("div", { class: "slide-sheet prose" });
    sheet.style.setProperty("--aspect", String(data.meta?.aspect ?? 16 / 9));
    const notes = [];
    let region = null;
    for (const block of blocks) {
      const node = blockNode(block, data.text, data.mark, data.asset_url);
      if (block.data.notes) {
        notes.push(node);
        continue;
      }
      const box = JSON.stringify(block.data.box ?? null); // blocks of one shape share its box
      if (!region || region.box !== box) {
        region = el("div", { class: "region", "data-kind": block.kind });
        region.box = box;
        block.data.box?.forEach((share, n) => region.style.setProperty(["--x", "--y", "--w", "--h"][n], `${share * 100}%`));
        sheet.append(region);
      }
      region.append(node);
    }
    const shown = blocks.filter((block) => !block.data.notes);
    if (shown.length && shown.every((block) => block.data.box)) sheet.dataset.placed = "";
    return el("li", { class: "slide", "data-slide": String(number), "data-marked": Boolean(marked), "aria-label": `Slide ${number}` },
      sheet, el("span", { class: "slide-number", "aria-hidden": "true" }, String(number)),
      notes.length ? el("details", { class: "slide-notes", open: notes.some((node) => node.matches("[data-mark]") || node.querySelector("[data-mark]")) },
        el("summary", {}, "Speaker notes"), el("div", { class: "prose" }, ...notes)) : null);
  }

  /** Makes the words of each shape fit its place; a slide on which they cannot is shown as a list instead. */
  fit() {
    for (const sheet of this.root.querySelectorAll(".slide-sheet[data-placed]")) {
      for (const region of sheet.children) {
        if (getComputedStyle(region).position !== "absolute") return; // too narrow to be placed
        const heading = region.dataset.kind === "heading";
        let size = heading ? 4.4 : 2.7; // hundredths of the slide's width
        const overfull = () => region.scrollHeight > region.clientHeight + 2 || region.scrollWidth > region.clientWidth + 2;
        region.style.setProperty("--size", `${size}cqw`);
        while (overfull() && size > 1.25) {
          size -= 0.15;
          region.style.setProperty("--size", `${size}cqw`);
        }
        if (overfull() && region.dataset.kind !== "figure") {
          delete sheet.dataset.placed;
          break;
        }
      }
    }
  }

  track() {
    this.at = lookedAt(this.cards, this.root, this.at);
    this.say();
  }

  go(at) {
    this.at = at;
    this.cards[at]?.scrollIntoView({ block: "start" });
    this.say();
  }

  close() {
    this.observer?.disconnect();
  }
}
