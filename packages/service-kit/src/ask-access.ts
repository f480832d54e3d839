import { type AccessCheck, AccessReply, type ErrorCode, type Names } from "@jetmesh/protocol";
import { ask, type Connection, UnavailableError } from "@jetmesh/storage";
import { errorCode, RefusedError } from "./refusal.ts";

export type Verdict =
  | { readonly allow: true }
  | { readonly allow: false; readonly code: ErrorCode; readonly message: string };

interface Asker {
  readonly connection: Connection;
  readonly names: Names;
}

const ANSWER_MS = 5_000;
/** Of one question to authz (`AccessRequest`). */
const MOST_CHECKS = 1_000;
/** A question that waits for another to be answered waits no longer than this. */
const GATHER_MS = 5;

/**
 * Asks authz; the verdicts come in the order of the checks. No answer is not a denial: it throws `UnavailableError`, a
 * trigger stays in its stream and the API answers `unavailable` (design §4). What is asked while a question is on its
 * way gathers and goes as one, so that a busy service asks in batches and a lone check is never held up.
 */
export async function askAccess(asker: Asker, checks: readonly AccessCheck[]): Promise<Verdict[]> {
  if (checks.length === 0) return [];
  if (checks.length > MOST_CHECKS) {
    const parts = Array.from({ length: Math.ceil(checks.length / MOST_CHECKS) }, (_, part) =>
      askNow(asker, checks.slice(part * MOST_CHECKS, (part + 1) * MOST_CHECKS)),
    );
    return (await Promise.all(parts)).flat();
  }
  if (checks.length > MOST_CHECKS / 2) return askNow(asker, checks);
  let gathering = gatherings.get(asker.connection);
  if (gathering === undefined)
    gatherings.set(asker.connection, (gathering = createGathering((all) => askNow(asker, all))));
  return gathering.ask(checks);
}

const gatherings = new WeakMap<Connection, Gathering>();

interface Gathering {
  ask(checks: readonly AccessCheck[]): Promise<Verdict[]>;
}

interface Asked {
  readonly checks: readonly AccessCheck[];
  readonly resolve: (verdicts: Verdict[]) => void;
  readonly reject: (thrown: unknown) => void;
}

function createGathering(askAll: (checks: readonly AccessCheck[]) => Promise<Verdict[]>): Gathering {
  let waiting: Asked[] = [];
  let size = 0;
  let onTheirWay = 0;
  let timer: NodeJS.Timeout | undefined;

  const send = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const all = waiting;
    if (all.length === 0) return;
    waiting = [];
    size = 0;
    onTheirWay += 1;
    void askAll(all.flatMap(({ checks }) => checks))
      .then(
        (verdicts) => {
          let at = 0;
          for (const { checks, resolve } of all) resolve(verdicts.slice(at, (at += checks.length)));
        },
        (thrown: unknown) => {
          // One that authz cannot read must not cost the others their answer.
          if (thrown instanceof UnreadableChecksError && all.length > 1) {
            for (const { checks, resolve, reject } of all) askAll(checks).then(resolve, reject);
          } else for (const { reject } of all) reject(thrown);
        },
      )
      .finally(() => {
        onTheirWay -= 1;
        if (onTheirWay === 0) send();
      });
  };

  return {
    ask: (checks) =>
      new Promise((resolve, reject) => {
        if (size + checks.length > MOST_CHECKS) send();
        waiting.push({ checks, resolve, reject });
        size += checks.length;
        if (onTheirWay === 0) send();
        else timer ??= setTimeout(send, GATHER_MS);
      }),
  };
}

class UnreadableChecksError extends UnavailableError {}

async function askNow({ connection, names }: Asker, checks: readonly AccessCheck[]): Promise<Verdict[]> {
  const answer = await ask(connection, names.svc.of("authz", "check"), { v: 1, checks }, ANSWER_MS);
  if (!answer.ok) {
    const { code, message } = answer.error;
    const ErrorOf = code === "invalid_request" ? UnreadableChecksError : UnavailableError;
    throw new ErrorOf(`authz could not answer: ${message}`);
  }
  const { answers } = AccessReply.parse(answer.body);
  if (answers.length !== checks.length) throw new UnavailableError("authz did not answer every check");
  return answers.map((one) =>
    one.allow ? ALLOWED : { allow: false, code: errorCode(one.code), message: one.message },
  );
}

const ALLOWED: Verdict = { allow: true };

export async function askOneAccess(asker: Asker, check: AccessCheck): Promise<Verdict> {
  const [verdict] = await askAccess(asker, [check]);
  if (verdict === undefined) throw new UnavailableError("authz did not answer");
  return verdict;
}

/** Throws the refusal where authz does not allow it. */
export async function mustBeAllowed(asker: Asker, check: AccessCheck): Promise<void> {
  const verdict = await askOneAccess(asker, check);
  if (!verdict.allow) throw new RefusedError(verdict.code, verdict.message);
}
