import { type HolderAnswer, HolderQuestion } from "@jetmesh/protocol";
import { type Responder, respond } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";

/** How long whoever took over waits for the processes of a step to end; the asker gives it a little more. */
export const ABORT_WAIT_MS = 5_000;

/** Answers what others ask of this runner: whether it is there, whether it holds a claim, and to end what it runs. */
export function answerQuestions(
  deps: Pick<RunnerDeps, "connection" | "names" | "id" | "claiming" | "held">,
): Responder {
  const { connection, names, id } = deps;
  const ping = respond(connection, names.svc.ofInstance("runner", id, "ping"), undefined, (request) =>
    request.reply({ v: 1, runner: id }),
  );
  const questions = respond(connection, names.svc.ofInstance("runner", id, "ask"), undefined, (request) => {
    const reply = (answer: HolderAnswer["answer"]): void => request.reply({ v: 1, runner: id, answer });
    let question: HolderQuestion;
    try {
      question = HolderQuestion.parse(JSON.parse(Buffer.from(request.data).toString()));
    } catch {
      return request.replyError(400, { code: "invalid_request", message: "not a question to a holder" });
    }
    if (deps.claiming.has(question.nonce)) return reply("holding");
    const held = deps.held.get(question.id);
    if (held?.claim.nonce !== question.nonce) return reply("not_mine");
    if (question.ask === "holding") return reply("holding");
    // Its claim was taken over: whatever it still runs ends, and is answered when it has.
    held.abandon({ code: "claim_lost", message: "the claim was taken over" });
    void held.ended.then(() => reply("ended"));
  });
  return { stop: async () => void (await Promise.all([ping.stop(), questions.stop()])) };
}
