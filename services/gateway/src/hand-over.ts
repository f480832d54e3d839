import type { SvcRequest, SvcVerb } from "@jetmesh/protocol";
import { refusedBy } from "@jetmesh/service-kit";
import { type Answer, ask, NobodyThereError } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";

/** Less than a caller waits by default: who gets no answer is told `unavailable`, and not nothing. */
const ANSWER_MS = 8_000;

/**
 * Gives a parsed and allowed request to a state-store, and throws what that refuses. What is about one jet goes to the
 * state-store that had the jet before, where there are several (ADR 0025).
 */
export async function handOver<T, V extends SvcVerb = SvcVerb>(
  { connection, names, stateStores }: Pick<GatewayDeps, "connection" | "names" | "stateStores">,
  verb: V,
  request: SvcRequest<V>,
  jet?: string,
  answerMs = ANSWER_MS,
): Promise<T> {
  const [service = "", name = ""] = verb.split(".");
  const owner = jet === undefined ? undefined : stateStores.ownerOf(jet);
  const askAny = (): Promise<Answer> => ask(connection, names.svc.of(service, name), request, answerMs);
  const answer =
    owner === undefined
      ? await askAny()
      : await ask(connection, names.svc.ofInstance(service, owner, name), request, answerMs).catch(
          (thrown: unknown) => {
            if (thrown instanceof NobodyThereError) return askAny();
            throw thrown;
          },
        );
  if (!answer.ok) throw refusedBy(answer.error);
  return answer.body as T;
}
