// What the events of a conversation add up to: turns, and which turn is another version of which.

export const RUNNING = new Set(["sending", "queued", "searching", "answering"]);

function emptyTurn(id) {
  return {
    id, ordinal: Infinity, question: "", state: "queued", text: "", sentences: new Map(), notes: [], replies: [], error: "",
    edits: null, regenerates: null, model: "", seconds: null, feedback: null, asked: false, clientId: null,
  };
}

function sentenceOf(turn, index) {
  if (!turn.sentences.has(index)) turn.sentences.set(index, { index, start: 0, end: 0, verdict: "", citations: [] });
  return turn.sentences.get(index);
}

/** A finished turn, from how the server tells all of it. */
function turnOf(row) {
  const turn = emptyTurn(row.id);
  const { answer } = row;
  Object.assign(turn, {
    ordinal: row.ordinal, question: row.question, state: row.state, edits: row.edits, regenerates: row.regenerates, model: row.model,
    seconds: row.seconds, error: row.error, replies: row.replies ?? [], feedback: row.feedback ?? null, asked: Boolean(row.asked_staff),
    text: answer?.text ?? "", notes: answer?.notes ?? [], clientId: row.client_id ?? null,
  });
  for (const { sentence, ...rest } of answer?.sentences ?? []) Object.assign(sentenceOf(turn, sentence), rest);
  for (const citation of answer?.citations ?? []) sentenceOf(turn, citation.sentence).citations.push(citation);
  return turn;
}

export class Turns {
  constructor() {
    this.all = new Map(); // id -> turn
    this.chosen = new Map(); // id of a group's first turn -> id of the version on show
  }

  /** Applies one event; returns the turn it changed, or null. */
  apply(event) {
    if (!event.turn) return null;
    let turn = this.all.get(event.turn);
    if (!turn) {
      turn = emptyTurn(event.turn);
      this.all.set(turn.id, turn);
    }
    const sentence = (index) => sentenceOf(turn, index);
    switch (event.type) {
      case "queued": { // comes again whenever the turn's place in the queue changes
        const isNew = turn.ordinal === Infinity;
        Object.assign(turn, {
          question: event.question, ordinal: event.ordinal, edits: event.edits ?? null, regenerates: event.regenerates ?? null,
          state: "queued", place: event.place ?? 0, clientId: event.client_id ?? null,
        });
        if (isNew) this.choose(turn);
        break;
      }
      case "start":
        turn.state = "searching";
        turn.model = event.model ?? "";
        turn.query = event.query ?? "";
        break;
      case "text":
        turn.state = "answering";
        turn.text += event.text;
        break;
      case "verdict":
        Object.assign(sentence(event.sentence), { start: event.start, end: event.end, verdict: event.verdict });
        break;
      case "citation": {
        sentence(event.sentence).citations.push(event);
        break;
      }
      case "note":
        if (event.kind === "staff_reply") turn.replies.push(event);
        else turn.notes.push(event);
        break;
      case "end":
        turn.state = "done";
        turn.seconds = event.seconds ?? null;
        break;
      case "stopped":
        turn.state = "stopped";
        break;
      case "error":
        turn.state = "failed";
        turn.error = event.message || "Something went wrong while answering.";
        break;
      case "whole": { // it ended so long ago that its events are gone
        const isNew = turn.ordinal === Infinity;
        Object.assign(turn, turnOf(event.data));
        if (isNew) this.choose(turn);
        break;
      }
      default:
        return null;
    }
    return turn;
  }

  /** Takes finished turns as the page came with them. */
  load(rows) {
    for (const row of rows) this.all.set(row.id, turnOf(row));
    this.chooseNewest();
  }

  get running() {
    return [...this.all.values()].some((turn) => RUNNING.has(turn.state));
  }

  /** The turn that `turn` is another version of, through all versions; itself when it is none. */
  first(turn) {
    let now = turn;
    for (let hops = 0; hops < 1000; hops++) {
      const before = this.all.get(now.edits ?? now.regenerates);
      if (!before) return now;
      now = before;
    }
    return now;
  }

  versions(turn) {
    const first = this.first(turn);
    return this.sorted().filter((other) => this.first(other) === first);
  }

  sorted() {
    return [...this.all.values()].sort((a, b) => a.ordinal - b.ordinal);
  }

  /** The first turn of each group, with the turn it was asked after (null at the beginning). */
  parents() {
    const parents = new Map();
    let tip = null;
    for (const turn of this.sorted()) {
      if (this.first(turn) === turn) parents.set(turn, tip);
      tip = turn;
    }
    return parents;
  }

  /** Shows `turn` among its versions, and what it was asked on. */
  choose(turn) {
    const parents = this.parents();
    for (let at = turn; at; at = parents.get(this.first(at)) ?? null) this.chosen.set(this.first(at).id, at.id);
  }

  /** Shows where a new question goes on: the last turn and what it was asked on. */
  chooseNewest() {
    this.chosen.clear();
    for (const turn of this.sorted()) this.chosen.set(this.first(turn).id, turn.id);
    const last = this.sorted().at(-1);
    if (last) this.choose(last);
  }

  /** The turns on show, in order: at each place the chosen version, and after it what was asked on it. */
  path() {
    const after = new Map([...this.parents()].map(([first, before]) => [before?.id ?? null, first]));
    const shown = [];
    let first = after.get(null);
    while (first && shown.length <= this.all.size) {
      const turn = this.all.get(this.chosen.get(first.id)) ?? first;
      shown.push(turn);
      first = after.get(turn.id);
    }
    return shown;
  }
}
