import type { Endpoint } from "@jetmesh/protocol";

/** Who can ask an endpoint. */
export interface Asks {
  /**
   * Asks an endpoint. Throws `MeshError` for what the mesh refuses, `UnavailableError` where nobody answers in
   * `timeoutMs` (10 s by default; a request that waits gets what it waits on top).
   */
  request<T = unknown>(endpoint: Endpoint, body?: Record<string, unknown>, timeoutMs?: number): Promise<T>;
}
