import type { SvcRequest, SvcVerb } from "@jetmesh/protocol";
import { refusedBy } from "@jetmesh/service-kit";
import { ask } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";

/** Less than a caller waits by default: who gets no answer is told `unavailable`, and not nothing. */
const ANSWER_MS = 8_000;

/** Gives a parsed and allowed request to a state-store, and throws what that refuses. */
export async function handOver<T, V extends SvcVerb = SvcVerb>(
  { connection, names }: Pick<GatewayDeps, "connection" | "names">,
  verb: V,
  request: SvcRequest<V>,
): Promise<T> {
  const [service = "", name = ""] = verb.split(".");
  const answer = await ask(connection, names.svc.of(service, name), request, ANSWER_MS);
  if (!answer.ok) throw refusedBy(answer.error);
  return answer.body as T;
}
