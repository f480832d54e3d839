import { hash } from "node:crypto";

/**
 * Ids of actions are computed from what asked for them, so that whoever handles the same request again makes
 * the same action (design §4). 26 hex digits: 104 bits.
 */
const idOf = (...parts: readonly (string | number)[]): string =>
  hash("sha256", JSON.stringify(parts), "buffer").toString("hex", 0, 13);

/** Of a message in a stream that carries no key of its sender's. */
export const actionIdOfMessage = (stream: string, sequence: number): string =>
  idOf("message", stream, sequence);
/**
 * Of a request or message with a key: the same key by the same user for the same jet is the same request. The jet
 * is part of it, for two jets cannot have one action: with the key alone the second would be lost or stuck.
 */
export const actionIdOfKey = (
  user: string,
  key: string,
  what: "create" | "trigger" | "target" | "action",
  jet: string,
): string => idOf("key", user, key, what, jet);
/** Of a firing of a schedule: by the instant at which it fell due. */
export const actionIdOfFiring = (schedule: string, at: string): string => idOf("firing", schedule, at);
/** Of a change of a secret, for its place in the history. */
export const actionIdOfSecret = (scope: string, name: string, version: number, at: string): string =>
  idOf("secret", scope, name, version, at);
/** Of a child: a hop of a target, later a step of a workflow. */
export const actionIdOfChild = (parent: string, reference: string, iteration: number): string =>
  idOf("child", parent, reference, iteration);
