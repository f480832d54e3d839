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

/**
 * Asks authz, in one batch; the verdicts come in the order of the checks. No answer is not a denial: it throws
 * `UnavailableError`, a trigger stays in its stream and the API answers `unavailable` (design §4).
 */
export async function askAccess(
  { connection, names }: Asker,
  checks: readonly AccessCheck[],
): Promise<Verdict[]> {
  if (checks.length === 0) return [];
  const answer = await ask(connection, names.svc.of("authz", "check"), { v: 1, checks }, ANSWER_MS);
  if (!answer.ok) throw new UnavailableError(`authz could not answer: ${answer.error.message}`);
  const { answers } = AccessReply.parse(answer.body);
  if (answers.length !== checks.length) throw new UnavailableError("authz did not answer every check");
  return answers.map((one) =>
    one.allow ? { allow: true } : { allow: false, code: errorCode(one.code), message: one.message },
  );
}

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
