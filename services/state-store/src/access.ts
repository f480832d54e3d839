import type { TriggerFacts } from "@jetmesh/lifecycle";
import { type AccessCheck, AccessReply } from "@jetmesh/protocol";
import { ask, UnavailableError } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { errorCode } from "./refusal.ts";

type Verdict = TriggerFacts["access"];

/** Asks authz. No answer is not a denial: it throws `UnavailableError`, and the trigger stays where it is. */
export async function askAccess(
  { connection, names }: Pick<Deps, "connection" | "names">,
  checks: readonly AccessCheck[],
): Promise<Verdict[]> {
  const answer = await ask(connection, names.svc.of("authz", "check"), { v: 1, checks }, 5_000);
  if (!answer.ok) throw new UnavailableError(`authz refused to answer: ${answer.error.message}`);
  const { answers } = AccessReply.parse(answer.body);
  if (answers.length !== checks.length) throw new UnavailableError("authz did not answer every check");
  return answers.map((one) =>
    one.allow ? { allow: true } : { allow: false, code: errorCode(one.code), message: one.message },
  );
}

export async function mayTrigger(
  deps: Pick<Deps, "connection" | "names">,
  user: string,
  jet: string,
  action: string,
): Promise<Verdict> {
  const [verdict] = await askAccess(deps, [{ operation: "trigger", user, jet, action }]);
  return verdict ?? { allow: false, code: "internal", message: "authz did not answer" };
}

/** Creating takes the right to make jets of the template; its create action is read with it. */
export async function mayTriggerCreate(
  deps: Pick<Deps, "connection" | "names">,
  user: string,
  template: string,
): Promise<Verdict> {
  const [verdict] = await askAccess(deps, [{ operation: "jet.create", user, template }]);
  return verdict ?? { allow: false, code: "internal", message: "authz did not answer" };
}
