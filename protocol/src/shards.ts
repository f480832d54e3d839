import { z } from "zod";
import { Instant, Version } from "./ids.ts";

/**
 * Jets, actions and older steps may lie in several streams each, so that their leaders spread over a cluster (ADR 0020). How many
 * is a property of the mesh, written down where its definitions are; which of them holds a key follows from the key
 * alone, so that anybody can tell.
 */
export const MAX_SHARDS = 64;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const encoder = new TextEncoder();

/** FNV-1a of 32 bits over the key in UTF-8. Never changed: where every record lies follows from it. */
export function hashOfKey(key: string): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < key.length; at += 1) {
    const code = key.charCodeAt(at);
    if (code > 0x7f) return hashOfBytes(encoder.encode(key));
    hash = Math.imul(hash ^ code, FNV_PRIME);
  }
  return hash >>> 0;
}

function hashOfBytes(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/** Which of so many shards holds a key, from 0 on. */
export const shardOf = (key: string, shards: number): number => hashOfKey(key) % shards;

/** The key of the mesh's own record in the bucket of definitions; a definition's has a dot in it. */
export const MESH_KEY = "mesh";

/**
 * What holds for the whole mesh: how many shards jets and actions have. Written once, before the first of their
 * streams is made; changed by resharding alone, which says here what it is at, so that no service starts meanwhile
 * and it can be run again after a crash. And, while a backup is taken, that it is: so it is in what is restored.
 */
export const MeshRecord = z.object({
  v: Version,
  shards: z.int().min(1).max(MAX_SHARDS),
  reshard: z
    .object({
      /** Where everything comes from, and where it goes. */
      from: z.int().min(1).max(MAX_SHARDS),
      to: z.int().min(1).max(MAX_SHARDS),
      /** `copy`: the old streams count. `remove`: the new ones do, and the old ones go. */
      phase: z.enum(["copy", "remove"]),
      at: Instant,
    })
    .optional(),
  backup: z.object({ id: z.string(), at: Instant }).optional(),
});
export type MeshRecord = z.infer<typeof MeshRecord>;
