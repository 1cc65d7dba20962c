// The material beside the dialogue: the page the class is at with what is pointed at, or a source that the student opened.

import { el } from "../ui.js";
import { Viewer } from "../viewer/viewer.js";

export class Stage {
  /** @param {HTMLElement} root @param {HTMLElement} note says where the student looks when it is not where the class is */
  constructor(root, note) {
    this.note = note;
    this.root = root;
    this.viewer = null;
    this.away = false; // the student looks at something else
    this.place = null;
  }

  /** Where the class is: `place`, and in it `point` or null. */
  follow(place, point) {
    if (!place?.url || (this.place === place && this.point === point)) return;
    Object.assign(this, { place, point });
    if (this.away) this.say();
    else this.show();
  }

  async show() {
    this.viewer ??= new Viewer(this.root);
    if (this.point?.url) await this.viewer.open(this.point.url);
    else await this.viewer.open(this.place.url, { mark: false });
    this.fit();
  }

  /** Shows all of a marked slide where there is room for it, not only what is around the mark. */
  fit() {
    const slide = this.root.querySelector(".slide [data-mark]")?.closest(".slide");
    if (slide && slide.offsetHeight < this.viewer.body.clientHeight) slide.scrollIntoView({ block: "center" });
  }

  /** A source that the student wants to see; the class's page waits. */
  async open(url, button) {
    this.viewer ??= new Viewer(this.root);
    this.away = Boolean(this.place);
    this.button = button;
    this.say();
    this.root.removeAttribute("data-quiet"); // the focus goes to the source, as in a conversation
    await this.viewer.open(url);
    this.root.setAttribute("data-quiet", "");
    this.fit();
  }

  back() {
    this.away = false;
    this.note.hidden = true;
    this.show();
    if (this.button?.isConnected) this.button.focus({ preventScroll: true });
    this.button = null;
  }

  say() {
    this.note.hidden = !this.away;
    if (!this.away) return;
    this.note.replaceChildren(`You are looking at a source. The class is at page ${this.place.page}.`,
      el("button", { type: "button", class: "link-button", onclick: () => this.back() }, "Back to the class"));
  }
}
