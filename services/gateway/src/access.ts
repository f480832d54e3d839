import { type AccessCheck, AccessReply, isErrorCode } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { RefusedError, refusedBy } from "./refused-error.ts";

type Asker = Pick<GatewayDeps, "connection" | "names">;

/** Asks authz; true where it explicitly allows. No answer is `unavailable`, never a denial. */
export async function askAccess(
  { connection, names }: Asker,
  checks: readonly AccessCheck[],
): Promise<AccessReply["answers"]> {
  if (checks.length === 0) return [];
  const answer = await ask(connection, names.svc.of("authz", "check"), { v: 1, checks }, 5_000);
  if (!answer.ok) throw refusedBy(answer.error);
  const { answers } = AccessReply.parse(answer.body);
  if (answers.length !== checks.length)
    throw new RefusedError("internal", "authz did not answer every check");
  return answers;
}

/** Throws the refusal where authz does not allow it. */
export async function mustBeAllowed(deps: Asker, check: AccessCheck): Promise<void> {
  const [answer] = await askAccess(deps, [check]);
  if (answer?.allow === true) return;
  if (answer === undefined) throw new RefusedError("internal", "authz did not answer");
  throw new RefusedError(isErrorCode(answer.code) ? answer.code : "forbidden", answer.message);
}
