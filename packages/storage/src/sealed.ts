import { readFileSync } from "node:fs";
import type { Sealed } from "@jetmesh/protocol";
import { nkeys } from "@nats-io/nats-core";

/** A curve key pair: whoever has the public key can seal, who has the seed can open. */
export interface SealKey {
  readonly publicKey: string;
  readonly seed: string;
}

export function createSealKey(): SealKey {
  const pair = nkeys.createCurve();
  return { publicKey: pair.getPublicKey(), seed: decoder.decode(pair.getSeed()) };
}

/** By a key pair that is made for this alone and forgotten. */
export function seal(text: string, key: string): Sealed {
  const once = nkeys.createCurve();
  const box = once.seal(encoder.encode(text), key);
  const from = once.getPublicKey();
  once.clear();
  return { key, from, sealed: Buffer.from(box).toString("base64") };
}

/** Undefined where none of the keys opens it. */
export function openSealed(keys: readonly SealKey[], { key, from, sealed }: Sealed): string | undefined {
  const held = keys.find(({ publicKey }) => publicKey === key);
  if (held === undefined) return undefined;
  try {
    const pair = nkeys.fromCurveSeed(encoder.encode(held.seed));
    const opened = pair.open(Buffer.from(sealed, "base64"), from);
    pair.clear();
    return opened === null ? undefined : decoder.decode(opened);
  } catch {
    // What is no box at all.
    return undefined;
  }
}

/**
 * The seeds in a file, a line each, the one that is to be sealed to first; lines that begin with `#` say what people want to
 * say. Throws where a line is something else.
 */
export function readSealKeys(file: string): SealKey[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((seed, index) => {
      try {
        return { publicKey: nkeys.fromCurveSeed(encoder.encode(seed)).getPublicKey(), seed };
      } catch {
        throw new Error(`${file}: seed ${String(index + 1)} is none of a curve key pair`);
      }
    });
}

/** Whether it is one in truth, and not only looks like it. */
export function isSealKey(publicKey: string): boolean {
  try {
    seal("", publicKey);
    return true;
  } catch {
    return false;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
