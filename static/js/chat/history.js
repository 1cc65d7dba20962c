// The list of one's conversations: search, rename, delete with undo, export.

import { announce, api, el, icon, toast } from "../ui.js";
import { askName } from "./dialogs.js";

const UNDO_SECONDS = 6;

function groupOf(date) {
  const days = (new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000;
  if (days <= 0) return "Today";
  if (days <= 1) return "Yesterday";
  if (days < 7) return "This week";
  return new Date(date).toLocaleDateString("en", { month: "long", year: "numeric" });
}

export class History {
  /**
   * @param {HTMLElement} list where the conversations go
   * @param {HTMLInputElement} search
   * @param {string} url of the list
   * @param {() => string} current the id of the conversation on show
   * @param {() => void} left called when the conversation on show was deleted
   */
  constructor(list, search, url, current, left) {
    Object.assign(this, { list, search, url, current, left, gone: new Map() });
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.load(), 180);
    });
    addEventListener("pagehide", () => { for (const remove of this.gone.values()) remove(); });
  }

  async load(page = 1) {
    const q = this.search.value.trim();
    const asked = (this.asked = Symbol("load"));
    try {
      const found = await api(`${this.url}?${new URLSearchParams({ q, page })}`);
      if (this.asked !== asked) return;
      const { conversations } = found;
      this.conversations = page === 1 ? conversations : [...this.conversations, ...conversations];
      this.next = found.more ? page + 1 : null;
      this.render();
      const here = this.conversations.find(({ id }) => id === this.current());
      if (here) this.named?.(here.title);
      if (q && page === 1) announce(`${conversations.length} conversations found`);
    } catch (error) {
      if (this.asked !== asked) return;
      this.list.replaceChildren(el("p", { class: "small muted" }, error.message),
        el("button", { type: "button", class: "button button-small", onclick: () => this.load() }, "Try again"));
    }
  }

  render() {
    const shown = this.conversations.filter(({ id }) => !this.gone.has(id));
    if (shown.length === 0) {
      this.list.replaceChildren(el("p", { class: "small muted history-empty" },
        this.search.value.trim() ? "No conversation has these words." : "Your conversations will be kept here."));
      return;
    }
    const groups = new Map();
    for (const conversation of shown) {
      const name = groupOf(conversation.updated);
      groups.set(name, [...(groups.get(name) ?? []), conversation]);
    }
    this.list.replaceChildren(...[...groups].map(([name, rows]) =>
      el("section", {}, el("h2", { class: "history-when" }, name), el("ul", {}, ...rows.map((row) => this.row(row))))));
    if (this.next) this.list.append(el("button", { type: "button", class: "button button-quiet", onclick: () => this.load(this.next) }, "Older"));
  }

  row(conversation) {
    const here = conversation.id === this.current();
    const item = (name, label, run, danger = false) => el("li", {}, el("button", {
      type: "button", class: danger && "danger",
      onclick: (event) => { event.currentTarget.closest("details").open = false; run(); },
    }, icon(name), label));
    return el("li", { class: "history-row" },
      el("a", { href: conversation.url, "aria-current": here && "page", class: "clip" }, conversation.title || "New conversation",
        conversation.unseen_replies ? el("span", { class: "badge", "data-state": "new" }, "Reply") : null),
      el("details", { class: "menu" },
        el("summary", { class: "icon-button", "aria-label": `More about “${conversation.title || "New conversation"}”` }, icon("more")),
        el("ul", { class: "menu-list" },
          item("edit", "Rename", () => this.rename(conversation)),
          el("li", {}, el("a", { href: `${conversation.url}export.md`, download: true }, icon("download"), "Export as Markdown")),
          item("trash", "Delete", () => this.remove(conversation), true))));
  }

  async rename(conversation) {
    const title = await askName(conversation.title);
    if (title === null || title === conversation.title) return;
    try {
      await api(conversation.url, { method: "PATCH", data: { title } });
      conversation.title = title;
      this.render();
      if (conversation.id === this.current()) this.named?.(title);
    } catch (error) {
      toast(error.message);
    }
  }

  /** Hides it at once and deletes it when the time for an undo has passed, or the page is left. */
  remove(conversation) {
    const send = (keepalive = false) => {
      clearTimeout(timer);
      if (!this.gone.has(conversation.id)) return null;
      this.gone.delete(conversation.id);
      if (!keepalive) return api(conversation.url, { method: "DELETE" });
      const token = document.querySelector('meta[name="csrf-token"]').content;
      return fetch(conversation.url, { method: "DELETE", keepalive: true, headers: { "X-CSRFToken": token, Accept: "application/json" } });
    };
    const timer = setTimeout(async () => {
      try {
        await send();
        this.conversations = this.conversations.filter(({ id }) => id !== conversation.id);
      } catch (error) {
        toast(error.message);
      }
      this.render();
      if (conversation.id === this.current()) this.left();
    }, UNDO_SECONDS * 1000);
    this.gone.set(conversation.id, () => send(true));
    this.render();
    toast("Conversation deleted", {
      label: "Undo",
      run: () => { clearTimeout(timer); this.gone.delete(conversation.id); this.render(); },
    }, UNDO_SECONDS);
    this.search.focus();
  }
}
