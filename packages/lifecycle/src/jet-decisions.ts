import type { ErrorCode, JetRecord } from "@jetmesh/protocol";
import { MAX_RECENT } from "@jetmesh/protocol";
import type { JetDecision, JetEvent } from "./jet-events.ts";

/** What the parts of a jet's machine are put together from. */
export type Of<T extends JetEvent["type"]> = Extract<JetEvent, { type: T }>;

export const refused = (code: ErrorCode, message: string): JetDecision & { kind: "refused" } => ({
  kind: "refused",
  code,
  message,
});
export const unchanged = (why: Extract<JetDecision, { kind: "unchanged" }>["why"]): JetDecision => ({
  kind: "unchanged",
  why,
});
export const isGone = (jet: JetRecord): boolean => jet.destroyedAt !== undefined;
export const unknownJet = (jet: JetRecord): JetDecision =>
  refused("unknown_jet", `there is no jet '${jet.reference}'`);

export const remember = (jet: JetRecord, id: string): string[] => [...jet.recent, id].slice(-MAX_RECENT);
/** One that waits may have left `recent`, which is shorter than the queue. */
export const knowsTrigger = (jet: JetRecord, id: string): boolean =>
  jet.open?.id === id || jet.recent.includes(id) || jet.queue.some((waiting) => waiting.id === id);
