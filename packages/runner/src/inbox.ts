import type { Note } from "@jetmesh/protocol";

/** What a holder answers to whoever tells it something. */
export type NoteAnswer = "noted" | "full" | "not_mine";

export interface ReceivedNote {
  readonly note: Note;
  /** When the record has it, or has no room for it; the first answer counts. */
  readonly answer: (answer: NoteAnswer) => void;
}

/**
 * What an action is told while a method of it runs, for kinds that take it themselves and write it with what comes of it.
 * Whoever tells it waits until that is written. What is unanswered when the holder lets the action go is answered
 * `not_mine`: the teller looks at the record then.
 */
export interface Inbox {
  push(received: ReceivedNote): void;
  /** What came since the last time. */
  take(): ReceivedNote[];
  /** Resolves as soon as there is something to take. */
  arrival(): Promise<void>;
  close(): void;
}

export function createInbox(): Inbox {
  const unanswered = new Set<ReceivedNote>();
  let waiting: ReceivedNote[] = [];
  let wake: () => void = () => undefined;
  let woken: Promise<void> | undefined;
  return {
    push(received) {
      const once: ReceivedNote = {
        note: received.note,
        answer: (answer) => {
          if (unanswered.delete(once)) received.answer(answer);
        },
      };
      unanswered.add(once);
      waiting.push(once);
      wake();
    },
    take() {
      const taken = waiting;
      waiting = [];
      woken = undefined;
      return taken;
    },
    arrival() {
      if (waiting.length > 0) return Promise.resolve();
      woken ??= new Promise((resolve) => (wake = resolve));
      return woken;
    },
    close() {
      for (const { answer } of [...unanswered]) answer("not_mine");
    },
  };
}
