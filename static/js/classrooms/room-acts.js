// What the events of a class add up to: its acts, where it is, who is here, quizzes and grades, notes, questions.

import { Turns } from "../chat/turns.js";

export const PACES = [0.5, 0.75, 1, 1.25, 1.5, 2];

export class Acts extends Turns {
  /** @param {object} page as the server tells it; everything after that comes by `apply`. */
  constructor(page) {
    super();
    this.page = page;
    this.me = page.me.id;
    this.now = { state: page.classroom.state, mode: page.classroom.mode, pace: page.classroom.pace, talk: page.classroom.talk, place: null, point: null };
    this.since = {}; // part of `now` -> ordinal of the act that said it
    this.people = new Map(page.people.map((person) => [person.id, { ...person }]));
    this.notes = new Map(page.notes.map((note) => [note.id, { ...note }]));
    this.questions = new Map(page.questions.map((question) => [question.turn, { ...question }]));
    this.quizzes = []; // {turn, item, prompt, kind, options}, in the order they were put
    this.grades = []; // mine: {turn, item, outcome, feedback, url, response}
  }

  choose() {} // an act has no versions

  apply(event) {
    const turn = super.apply(event);
    if (!turn) return null;
    if (event.type === "queued") {
      Object.assign(turn, { act: event.act, who: event.who, on: event.page });
      this.meet(turn.who);
    } else if (event.type === "note") this.take(turn, event);
    else if (event.type === "whole") {
      Object.assign(turn, this.page.acts[turn.id]);
      if (turn.act) turn.on = this.page.acts[turn.id].page;
      for (const note of turn.notes) this.take(turn, note);
    }
    return turn;
  }

  meet(who) {
    if (who?.type === "person" && who.function !== "staff" && !this.people.has(who.id)) this.people.set(who.id, { id: who.id, name: who.name, hand: false, here: true });
  }

  /** Keeps what the newest act says: a replay and what comes live may cross. */
  set(turn, part, value) {
    if (turn.ordinal < (this.since[part] ?? -1)) return;
    this.since[part] = turn.ordinal;
    this.now[part] = value;
  }

  take(turn, note) {
    switch (note.kind) {
      case "place":
        this.set(turn, "place", note);
        if (this.now.place === note) this.now.point = null;
        break;
      case "point":
        this.set(turn, "point", note);
        break;
      case "state":
        for (const part of ["state", "mode", "pace", "talk"]) if (part in note) this.set(turn, part, note[part]);
        break;
      case "quiz":
        this.quizzes.push({ turn, item: note.item, prompt: note.prompt, kind: note.of, options: note.options ?? [] });
        break;
      case "graded":
        if (turn.who?.id === this.me && turn.who.type === "person") this.grades.push({ ...note, turn, response: turn.question });
        break;
      case "hand": {
        const person = this.people.get(note.person ?? turn.who?.id);
        if (person) person.hand = Boolean(note.up);
        break;
      }
      case "people":
        turn.came = turn.who && (note.people ?? []).some(({ id }) => id === turn.who.id);
        for (const person of this.people.values()) person.here = false;
        for (const { id, name } of note.people ?? []) this.people.set(id, { hand: false, ...this.people.get(id), id, name, here: true });
        break;
      case "question":
        this.questions.set(note.question ?? turn.id, { turn: note.question ?? turn.id, state: note.state, answer: note.answer ?? (turn.who?.function === "staff" ? turn.id : null) });
        break;
      case "notebook":
        this.notes.set(note.note, { kept: false, ...this.notes.get(note.note), id: note.note, text: note.text, url: note.url, page: turn.on, turn: turn.id });
        break;
      default:
    }
  }

  /** My grade for a quiz: the last after it was put, before the same item was put again. */
  gradeOf(quiz) {
    const next = this.quizzes.find((other) => other.item === quiz.item && other.turn.ordinal > quiz.turn.ordinal);
    return this.grades.findLast(({ item, turn }) => item === quiz.item && turn.ordinal > quiz.turn.ordinal && (!next || turn.ordinal < next.turn.ordinal));
  }

  /** The quiz that waits for me, if any. */
  get waiting() {
    const quiz = this.quizzes.at(-1);
    return quiz && this.now.state !== "ended" && !this.gradeOf(quiz) && (!this.now.place || this.since.place <= quiz.turn.ordinal) ? quiz : null;
  }

  isMine(turn) {
    return turn.who?.type === "person" && turn.who.id === this.me;
  }

  /** The act in which somebody is speaking now. */
  get speaking() {
    return this.sorted().findLast((turn) => turn.state === "answering" && turn.who);
  }
}
