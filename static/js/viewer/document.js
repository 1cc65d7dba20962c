// Markdown, LaTeX, HTML, CNXML, Word, text and notebooks: the text as it was read, with headings, formulas and figures.

import { el } from "../ui.js";
import { blockNode } from "./blocks.js";

export class DocumentView {
  constructor(root) {
    this.root = root;
  }

  show(data) {
    const body = el("div", { class: "prose source-text" });
    let cell = null;
    let holder = body;
    for (const block of data.blocks) {
      const { cell: number } = block.anchor;
      if (number !== cell) {
        cell = number;
        holder = body;
        if (number !== undefined) {
          holder = el("section", { class: "cell", "aria-label": `Cell ${number}` }, el("span", { class: "cell-number", "aria-hidden": "true" }, String(number)));
          body.append(holder);
        }
      }
      holder.append(blockNode(block, data.text, data.mark, data.asset_url));
    }
    const headings = data.blocks.filter((block) => block.kind === "heading");
    this.root.replaceChildren(...(headings.length > 2 ? [this.outline(headings, data.text, body)] : []), body);
    return body.querySelector("[data-mark]") ?? this.near(body, data);
  }

  /** The block at the anchor where nothing could be marked. */
  near(body, data) {
    const block = data.at !== undefined && data.blocks.findLast((candidate) => candidate.start <= data.at);
    return block ? body.querySelector(`[data-block="${block.start}"]`) : null;
  }

  outline(headings, text, body) {
    const details = el("details", { class: "outline" }, el("summary", {}, "Contents"), el("ol", {}, ...headings.map((block) =>
      el("li", { "data-level": String(Math.min(block.level || 1, 4)) }, el("button", {
        type: "button",
        onclick: () => {
          const target = body.querySelector(`[data-block="${block.start}"]`);
          details.open = false;
          target.tabIndex = -1;
          target.focus({ preventScroll: true });
          target.scrollIntoView({ block: "start" });
        },
      }, text.slice(block.start, block.end).replace(/[$`*]/g, ""))))));
    return details;
  }

  close() {}
}
