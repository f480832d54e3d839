import type { Note } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { createInbox, type NoteAnswer } from "../src/index.ts";

/** What a holder is told while a method of it runs (ADR 0033). */
const note: Note = { of: "pause" };
function told(inbox: ReturnType<typeof createInbox>): NoteAnswer[] {
  const answers: NoteAnswer[] = [];
  inbox.push({ note, answer: (answer) => answers.push(answer) });
  return answers;
}
const isThere = (arrival: Promise<void>): Promise<boolean> =>
  Promise.race([
    arrival.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ]);

describe("an inbox", () => {
  it("wakes who waits, and lets nobody wait where something is there already", async () => {
    const inbox = createInbox();
    const waiting = inbox.arrival();
    expect(await isThere(waiting)).toBe(false);
    told(inbox);
    expect(await isThere(waiting)).toBe(true);
    expect(await isThere(inbox.arrival())).toBe(true);
    expect(inbox.take()).toHaveLength(1);
    expect(inbox.take()).toEqual([]);
    expect(await isThere(inbox.arrival())).toBe(false);
    const early = createInbox();
    told(early);
    expect(await isThere(early.arrival())).toBe(true);
  });

  it("answers each once: what its holder says first, else that it is not the holder's as that lets go", () => {
    const inbox = createInbox();
    const [answered, taken, left] = [told(inbox), told(inbox), told(inbox)];
    const [first] = inbox.take();
    first?.answer("noted");
    first?.answer("full");
    const last = told(inbox);
    inbox.close();
    expect([answered, taken, left, last]).toEqual([["noted"], ["not_mine"], ["not_mine"], ["not_mine"]]);
    inbox.close();
    first?.answer("noted");
    expect([answered, taken]).toEqual([["noted"], ["not_mine"]]);
  });
});
