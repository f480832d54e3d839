import type { Connection } from "./connection.ts";

/** Whether this connection is let read a stream; a user of a mesh with authentication is not. */
export async function mayRead(connection: Connection, stream: string): Promise<boolean> {
  try {
    await connection.nc.request(`${connection.apiPrefix}.STREAM.INFO.${stream}`, "", { timeout: 2_000 });
    return true;
  } catch (thrown) {
    // Anything else will be met again by whoever reads.
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    return !(cause instanceof Error && cause.name === "PermissionViolationError");
  }
}
