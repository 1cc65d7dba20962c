// The history at the left and the source at the right: columns on a wide screen, sheets over the page on a phone.

const narrow = matchMedia("(max-width: 60rem)");

export class Panel {
  /** @param {HTMLElement} element @param {HTMLElement[]} behind what a sheet covers @param {string} name */
  constructor(element, behind, name) {
    Object.assign(this, { element, behind, name, back: null });
    element.addEventListener("click", (event) => { if (event.target.closest("[data-close-panel]")) this.close(); });
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen && !event.defaultPrevented) {
        event.stopPropagation();
        this.close();
      }
    });
    narrow.addEventListener("change", () => this.cover());
    // what a sheet covers is inert, so a tap beside the sheet lands on the body
    document.addEventListener("click", (event) => { if (event.target === document.body && this.isOpen && narrow.matches) this.close(); });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {HTMLElement|null} back gets the focus when the panel closes */
  open(back = null, focus = true) {
    this.back = back ?? this.back;
    this.element.hidden = false;
    document.body.dataset[this.name] = "open";
    this.cover();
    if (focus) (this.element.querySelector("[data-first-focus]") ?? this.element).focus({ preventScroll: true });
  }

  close() {
    this.element.hidden = true;
    delete document.body.dataset[this.name];
    this.cover();
    this.onclose?.();
    if (this.back?.isConnected) this.back.focus({ preventScroll: true });
    this.back = null;
  }

  cover() {
    const covered = this.isOpen && narrow.matches;
    for (const node of this.behind) node.inert = covered;
  }
}

export const isNarrow = () => narrow.matches;

/** Calls back when the page becomes a phone's or stops being one. */
export const onNarrow = (changed) => narrow.addEventListener("change", changed);
