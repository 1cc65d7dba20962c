// The conversation's event stream: every event once and in order, over drops, reloads and a second tab.

const REFUSED = { 4401: "You are signed out. Sign in again to go on.", 4403: "You may not open this conversation.", 4404: "This conversation is not there any more." };

export class Stream {
  /**
   * @param {string} path of the websocket
   * @param {{event: (event: object) => void, state: (state: "connecting"|"open"|"offline"|"refused", words?: string) => void}} on
   * @param {Record<string, number>} after what the page came with: turn -> last seq
   */
  constructor(path, on, after = {}) {
    this.url = new URL(path, location.href.replace(/^http/, "ws")).href;
    this.on = on;
    this.after = { ...after }; // turn -> last seq seen
    this.outbox = new Map(); // client_id -> ask not yet seen as queued
    this.tries = 0;
    this.closed = false;
    addEventListener("online", () => this.reconnect());
    addEventListener("offline", () => this.socket?.close());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.socket?.readyState !== WebSocket.OPEN) this.reconnect(); });
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.on.state("connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "resume", after: this.after }));
      for (const ask of this.outbox.values()) socket.send(JSON.stringify(ask));
      this.on.state("open");
    });
    socket.addEventListener("message", (message) => {
      this.tries = 0; // not on open: a server that takes us in only to throw us out must not be pestered
      for (const event of [JSON.parse(message.data)].flat()) this.receive(event);
    });
    socket.addEventListener("close", (event) => {
      if (this.socket !== socket || this.closed) return;
      if (REFUSED[event.code]) {
        this.on.state("refused", REFUSED[event.code]);
        return;
      }
      this.on.state(this.tries === 0 && navigator.onLine ? "connecting" : "offline");
      const wait = Math.min(15000, 400 * 2 ** this.tries) * (0.75 + Math.random() / 2);
      this.tries += 1;
      this.timer = setTimeout(() => this.connect(), wait);
    });
  }

  reconnect() {
    if (this.closed || this.socket.readyState === WebSocket.OPEN || this.socket.readyState === WebSocket.CONNECTING) return;
    this.tries = 0;
    this.connect();
  }

  receive(event) {
    if (!event.turn || event.seq === undefined) {
      this.on.event(event);
      return;
    }
    const last = this.after[event.turn];
    if (event.seq <= last) return;
    if (event.seq > last + 1 && event.type !== "whole") { // something is missing: ask for it, this one comes again with it
      this.send({ type: "resume", after: this.after });
      return;
    }
    this.after[event.turn] = event.seq;
    if (event.type === "queued" || event.type === "whole") this.outbox.delete(event.client_id ?? event.data?.client_id);
    this.on.event(event);
  }

  /** Sends now or, for an ask, as soon as there is a connection; an ask sent twice is asked once (client_id). */
  send(message) {
    if (message.type === "ask") this.outbox.set(message.client_id, message);
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  signal(turn, kind, data = {}) {
    this.send({ type: "signal", turn, kind, data });
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
