import type { StepChunk } from "@jetmesh/protocol";

/** Chunks of older steps that this process has read or written; what was not asked for the longest goes first. */
export interface ChunkCache {
  get(key: string): StepChunk | undefined;
  keep(key: string, chunk: StepChunk): void;
  /** As JSON. */
  readonly bytes: number;
}

export function createChunkCache(mostBytes: number): ChunkCache {
  const chunks = new Map<string, { readonly chunk: StepChunk; readonly size: number }>();
  let bytes = 0;
  const forget = (key: string): void => {
    bytes -= chunks.get(key)?.size ?? 0;
    chunks.delete(key);
  };
  return {
    get(key) {
      const found = chunks.get(key);
      if (found === undefined) return undefined;
      chunks.delete(key);
      chunks.set(key, found);
      return found.chunk;
    },
    keep(key, chunk) {
      forget(key);
      const size = JSON.stringify(chunk).length;
      chunks.set(key, { chunk, size });
      bytes += size;
      for (const oldest of chunks.keys()) {
        if (bytes <= mostBytes) break;
        forget(oldest);
      }
    },
    get bytes() {
      return bytes;
    },
  };
}
