import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  eventually,
  loopDocuments,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { onTestFinished } from "vitest";

/** A step of a jet that runs until it is told to end, and leaves a line with its process each time that it begins. */
export interface LongStep {
  readonly id: string;
  readonly holder: TestService;
  /** The process of its first run. */
  readonly pid: number;
  /** How often it has begun. */
  runs(): number;
  /** Lets it come to its end. */
  finish(): void;
  ended(withinMs?: number): Promise<ActionRecord>;
}

export interface LongSteps {
  begin(jet: string): Promise<LongStep>;
}

/** Definitions of jets whose turn is such a step. */
export async function longSteps(mesh: TestMesh, client: MeshClient, step: Document = {}): Promise<LongSteps> {
  const template = `long${randomUUID().slice(0, 8)}`;
  const dir = mkdtempSync(join(tmpdir(), "jm-long-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const script = `echo $$ >> ${dir}/$JM_JET.runs; until test -e ${dir}/$JM_JET.go; do sleep 0.05; done`;
  await applyDocuments(client, loopDocuments([{ shell: script, ...step }], {}, template));
  return {
    async begin(jet) {
      await client.request("jet.create", { template, reference: jet, wait: true });
      const { actionId } = await client.request<{ actionId: string }>("jet.trigger", { jet, action: "turn" });
      const runs = (): string[] => linesOf(join(dir, `${jet}.runs`));
      const pid = await eventually(`the step of ${jet} to run`, () => Number(runs()[0]) || undefined);
      return {
        id: actionId,
        pid,
        holder: await holderOf(mesh, client, actionId),
        runs: () => runs().length,
        finish: () => writeFileSync(join(dir, `${jet}.go`), ""),
        ended: (withinMs = 25_000) => untilClosed(client, actionId, withinMs),
      };
    },
  };
}

async function holderOf(mesh: TestMesh, client: MeshClient, id: string): Promise<TestService> {
  const { claim } = await client.request<ActionRecord>("action.get", { id });
  const suffix = claim?.runner.replace("runner-", "") ?? "none";
  const holder = mesh.services.find(({ instance }) => instance.endsWith(suffix));
  if (holder === undefined) throw new Error(`nobody holds the action: ${JSON.stringify(claim)}`);
  return holder;
}

function untilClosed(client: MeshClient, id: string, withinMs: number): Promise<ActionRecord> {
  let last: ActionRecord | undefined;
  return eventually(
    `action ${id} to be closed`,
    async () => {
      last = await client.request<ActionRecord>("action.get", { id }, 5_000);
      return last.state === "CLOSED" ? last : undefined;
    },
    {
      withinMs,
      everyMs: 50,
      lastSeen: () => `${last?.state ?? ""} held by ${last?.claim?.runner ?? "nobody"}`,
    },
  );
}

/** Whether a process runs: one that is dead and not yet waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${String(pid)}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
  } catch {
    return false;
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
