import { hasLast } from "@jetmesh/lifecycle";
import { type HolderAnswer, HolderQuestion, type Note } from "@jetmesh/protocol";
import { parseJson, type Responder, respond } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import type { NoteAnswer } from "./inbox.ts";

/** How long whoever took over waits for the processes of a step to end; the asker gives it a little more. */
export const ABORT_WAIT_MS = 5_000;

type Reply = (answer: HolderAnswer["answer"]) => void;
type Answer = (held: HeldAction, reply: Reply, question: HolderQuestion) => void;

/** What ends something is answered when it has ended, and what is told when the record has it. */
const ANSWERS: Readonly<Record<HolderQuestion["ask"], Answer>> = {
  holding: (_, reply) => reply("holding"),
  pause: (held, reply) => {
    if (held.record.cut !== undefined) return reply("not_mine");
    held.pause();
    // Said once it is written: whoever takes over, should this runner die before, pauses it as well.
    void writeNote(held, { of: "pause" }).then(
      (written) => reply(written === "not_mine" ? written : "pausing"),
      () => reply("not_mine"),
    );
  },
  cancel: (held, reply, { message = "canceled", force }) => {
    if (force !== true && hasLast(held.record)) {
      // Asked again: what was written is read, which is also the answer where it has ended meanwhile.
      void held.cut("canceled", message).then(
        () => reply(held.isLost ? "not_mine" : "noted"),
        () => reply("not_mine"),
      );
      return;
    }
    held.cancel(message);
    void held.ended.then(() => reply("ended"));
  },
  abort: (held, reply) => {
    held.abandon({ code: "claim_lost", message: "the claim was taken over" });
    void held.ended.then(() => reply("ended"));
  },
  note: (held, reply, { note }) => {
    if (note === undefined) reply("not_mine");
    else if (held.inbox !== undefined) held.inbox.push({ note, answer: reply });
    else void writeNote(held, note).then(reply, () => reply("not_mine"));
  },
};

async function writeNote(held: HeldAction, note: Note): Promise<NoteAnswer> {
  const noted = await held.apply({ type: "noted", nonce: held.claim.nonce, note });
  if (noted === "lost" || noted.kind === "late" || noted.kind === "refused") return "not_mine";
  return noted.kind === "unchanged" && noted.why === "full" ? "full" : "noted";
}

/** Answers what others ask of this runner: whether it is there, whether it holds a claim, and to pause or end what it runs. */
export function answerQuestions(
  deps: Pick<RunnerDeps, "connection" | "names" | "id" | "claiming" | "held">,
): Responder {
  const { connection, names, id } = deps;
  const ping = respond(connection, names.svc.ofInstance("runner", id, "ping"), undefined, (request) =>
    request.reply({ v: 1, runner: id }),
  );
  const questions = respond(connection, names.svc.ofInstance("runner", id, "ask"), undefined, (request) => {
    const reply: Reply = (answer) => request.reply({ v: 1, runner: id, answer });
    let question: HolderQuestion;
    try {
      question = HolderQuestion.parse(parseJson(request.data));
    } catch {
      return request.replyError(400, { code: "invalid_request", message: "not a question to a holder" });
    }
    if (deps.claiming.has(question.nonce)) return reply("holding");
    const held = deps.held.get(question.id);
    if (held?.claim.nonce !== question.nonce) return reply("not_mine");
    ANSWERS[question.ask](held, reply, question);
  });
  return { stop: async () => void (await Promise.all([ping.stop(), questions.stop()])) };
}
