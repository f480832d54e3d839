import { tellText, tellTextTo } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { WrittenAction } from "./held-action.ts";

/**
 * Tells a state-store that an action has ended, with its record as it was written; a hint. The one that offered it has the
 * jet as it is now; another would write on an older copy first, in vain (ADR 0025).
 */
export function tellEnded(
  { connection, names }: Pick<RunnerDeps, "connection" | "names">,
  { revision, text, offeredBy }: Omit<WrittenAction, "record">,
): void {
  const body = `{"v":1,"revision":${String(revision)},"record":${text}}`;
  const shared = names.svc.of("state-store", "ended");
  if (offeredBy === undefined) tellText(connection, shared, body);
  else tellTextTo(connection, names.svc.ofInstance("state-store", offeredBy, "ended"), shared, body);
}
