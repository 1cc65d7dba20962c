// Recordings: the player at the second, and the transcript that follows it. Captions alone are a transcript without player.

import { el, icon } from "../ui.js";
import { textNodes, wrap } from "../text/offsets.js";

export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const rest = `${String(Math.floor(seconds / 60) % 60).padStart(seconds >= 3600 ? 2 : 1, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}

export class MediaView {
  constructor(root) {
    this.root = root;
  }

  show(data) {
    this.cues = data.blocks.filter((block) => block.anchor.start_ms !== undefined);
    const from = data.anchor?.start_ms ?? 0;
    const isFile = data.kind === "media";
    const same = this.player && this.source === data.file_url;
    if (!same) {
      this.player?.pause();
      this.player = isFile ? this.makePlayer(data) : null;
      this.source = data.file_url;
    }
    const rows = this.cues.map((cue) => this.cueRow(cue, data));
    this.list = el("ol", { class: "transcript", "aria-label": "Transcript" }, ...rows);
    this.current = null;
    const start = this.player && data.mark
      ? el("button", { type: "button", class: "button button-primary play-from", onclick: () => { this.seek(from); this.player?.play(); } },
        icon("play"), `Play from ${clock(from)}`)
      : null;
    const notice = data.meta?.read_ms && data.meta?.duration_ms && data.meta.read_ms < data.meta.duration_ms - 1000
      ? el("p", { class: "small muted" }, `Transcribed up to ${clock(data.meta.read_ms)} so far.`) : null;
    this.root.replaceChildren(...[this.player && el("div", { class: "player" }, this.player, start), notice, this.list].filter(Boolean));
    if (this.player) this.seek(from);
    return this.list.querySelector("[data-mark]") ?? rows.find((_, n) => this.cues[n].anchor.end_ms > from) ?? rows[0];
  }

  makePlayer(data) {
    const player = el(data.content_type?.startsWith("audio/") ? "audio" : "video", { controls: true, preload: "metadata", src: data.file_url, "aria-label": data.title });
    player.addEventListener("timeupdate", () => this.follow(player.currentTime * 1000));
    player.addEventListener("error", () => {
      player.parentElement?.replaceChildren(el("p", { class: "message", "data-kind": "warning" },
        "This browser cannot play the recording. The transcript is below; the original can be downloaded."));
      this.player = null;
      for (const cue of this.list?.querySelectorAll("button.cue") ?? []) cue.disabled = true;
    });
    return player;
  }

  cueRow(cue, data) {
    const { start_ms: from } = cue.anchor;
    const words = el("span", { class: "cue-text" }, data.text.slice(cue.start, cue.end));
    if (data.mark && data.mark.end > cue.start && data.mark.start < cue.end) {
      const [node] = textNodes(words);
      wrap(node, Math.max(0, data.mark.start - cue.start), Math.min(cue.end, data.mark.end) - cue.start, () => el("mark", { "data-mark": "" }));
    }
    const time = el("span", { class: "cue-time" }, clock(from));
    return el("li", {}, this.player
      ? el("button", { type: "button", class: "cue", onclick: () => { this.seek(from); this.player?.play(); } }, time, words)
      : el("p", { class: "cue" }, time, words));
  }

  seek(ms) {
    if (!this.player) return;
    const { player } = this;
    const go = () => { player.currentTime = ms / 1000; };
    if (player.readyState >= 1) go();
    else player.addEventListener("loadedmetadata", go, { once: true });
    this.follow(ms);
  }

  follow(ms) {
    const at = this.cues.findLastIndex((cue) => cue.anchor.start_ms <= ms + 50);
    const row = this.list?.children[at];
    if (!row || row === this.current) return;
    this.current?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    this.current = row;
    if (!this.player || this.player.paused || this.list.matches(":hover, :focus-within")) return;
    row.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.player?.pause();
  }
}
