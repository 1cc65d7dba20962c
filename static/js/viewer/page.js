// The source viewer on a page of its own, or beside other things: every [data-source-viewer] on the page.
// data-src is the address of the source's page with its query; another element may open a place by dispatching
// `new CustomEvent("open-source", {detail: url})` on it.

import { Viewer } from "./viewer.js";

for (const root of document.querySelectorAll("[data-source-viewer]")) {
  const viewer = new Viewer(root, { full: root.hasAttribute("data-full") });
  root.addEventListener("open-source", (event) => viewer.open(event.detail));
  if (root.dataset.src) viewer.open(root.dataset.src);
}
