import { z } from "zod";
import { Instant, Reference, Version } from "./ids.ts";
import { ValueName } from "./step-verbs.ts";

/**
 * Secrets (ADR 0038): values that are sealed by whoever sets them to a key whose seed runners alone hold. What lies in the
 * bucket, and passes gateways and state-stores, cannot be opened there.
 */
export const CurveKey = z.string().regex(/^X[A-Z2-7]{55}$/, "must be the public key of a curve key pair");

/** Shorter ones cannot be masked; those of a scope lie in one record together. */
export const MIN_SECRET_CHARACTERS = 4;
export const MAX_SECRET_BYTES = 16 * 1024;
export const MAX_SECRETS = 50;
/** All of a scope as JSON: below what one message may be. */
export const MAX_SECRETS_BYTES = 512 * 1024;

/** A box by the key pair `from`, which was made for it alone, to the key `key`. */
export const Sealed = z.object({
  key: CurveKey,
  from: CurveKey,
  sealed: z
    .string()
    .max(MAX_SECRET_BYTES * 4)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, "must be base64"),
});
export type Sealed = z.infer<typeof Sealed>;

export const SealedSecret = Sealed.extend({
  name: ValueName,
  /** Counts how often it was set. */
  version: z.int().min(1),
  by: Reference,
  at: Instant,
});
export type SealedSecret = z.infer<typeof SealedSecret>;

/** What is in the box. Where it belongs is within, so that no box can be passed off as another. */
export const SecretBox = z.object({ v: Version, scope: z.string(), name: ValueName, value: z.string() });
export type SecretBox = z.infer<typeof SecretBox>;

/** The secrets of a jet, of a template, or of the mesh: one record each in `jm_secrets`. */
export const SecretsRecord = z.object({
  v: Version,
  /** Of a jet: a jet that is made anew under its name has none of them. */
  incarnation: z.int().optional(),
  secrets: z.array(SealedSecret),
});
export type SecretsRecord = z.infer<typeof SecretsRecord>;

/** To which key secrets are sealed, in `jm_secrets/key`. */
export const SecretsKey = z.object({
  v: Version,
  publicKey: CurveKey,
  at: Instant,
  /** Who changed it; absent where a runner brought the first. */
  by: Reference.optional(),
});
export type SecretsKey = z.infer<typeof SecretsKey>;

/** Whose secrets: a jet's, a template's, or, where neither is named, the mesh's. */
export interface SecretScope {
  readonly jet?: string | undefined;
  readonly template?: string | undefined;
}

/** The key of the record that says which key counts. */
export const SECRETS_KEY = "key";

/** The key of a scope's record; also what a box says of where it belongs. */
export function secretsOf({ jet, template }: SecretScope): string {
  if (jet !== undefined) return `jet.${jet}`;
  return template === undefined ? "mesh" : `template.${template}`;
}

/** The scope of a key; undefined of what is none. */
export function scopeOfSecrets(key: string): SecretScope | undefined {
  if (key === "mesh") return {};
  const [kind, reference] = key.split(".");
  if (reference === undefined) return undefined;
  return kind === "jet" ? { jet: reference } : kind === "template" ? { template: reference } : undefined;
}

/** What is told of a secret: everything but its value. */
export const SecretView = SealedSecret.omit({ from: true, sealed: true }).extend({
  jet: Reference.optional(),
  template: Reference.optional(),
});
export type SecretView = z.infer<typeof SecretView>;

/** What `secret.rotate-key` answers: `left` records are sealed to an older key still; asked again it goes on. */
export const RotatedKey = z.object({
  publicKey: CurveKey,
  resealed: z.int().min(0),
  left: z.int().min(0),
});
export type RotatedKey = z.infer<typeof RotatedKey>;

/** What `secret.key` answers. */
export const CurrentKey = SecretsKey.omit({ v: true });
export type CurrentKey = z.infer<typeof CurrentKey>;

/** A runner is asked to seal what it can open to another key that it holds; nothing is opened for anybody else. */
export const ResealRequest = z.object({
  v: Version,
  scope: z.string(),
  to: CurveKey,
  secrets: z.array(SealedSecret).max(MAX_SECRETS),
});
export type ResealRequest = z.infer<typeof ResealRequest>;
export const ResealReply = z.object({ v: Version, secrets: z.array(SealedSecret) });
export type ResealReply = z.infer<typeof ResealReply>;
