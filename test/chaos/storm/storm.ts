import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MeshClient, setSecret } from "@jetmesh/client";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { filesWith } from "../../support/stored-everywhere.ts";
import { type Evidence, readNats, readWorld } from "../checker/evidence.ts";
import { judge, type Verdict } from "../checker/verdict.ts";
import { quiet, sendAgain } from "./afterwards.ts";
import {
  LABEL,
  MAY_RUN_AGAIN,
  type Plant,
  rackOf,
  rulesOf,
  SECRET,
  secretOf,
  stormDocuments,
  type Told,
} from "./definitions.ts";
import { disturb } from "./disturb.ts";
import { startLoad } from "./load.ts";
import { fillPlaces } from "./places.ts";
import { describe, hasLabel, planStorm, type Slot, type StormSize, slotName, slotsOf } from "./plan.ts";

/**
 * One storm: a mesh of real processes under load, disturbed as its seed says, then left in peace until it is quiet,
 * then sent old messages again, and then judged by a checker that knows nothing of how the mesh does it.
 */
export interface StormOptions extends StormSize {
  readonly seed: number;
  readonly sync?: "always" | "default";
  /** In how many streams jets and actions lie, each; 1 by default. */
  readonly shards?: number;
  /** What is broken on purpose. */
  readonly plants?: ReadonlySet<Plant>;
  readonly say: (line: string) => void;
}

export interface StormResult {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly faults: Readonly<Record<string, number>>;
  readonly evidence: Evidence;
  /** Everything that the services logged. */
  readonly logs: () => string;
}

const JETS = 40;
const TRIGGERS_A_SECOND = 42;
/** Short, so that closed records expire within a storm, and their triggers are sent again after that. */
const CLOSED_TTL_MS = 25_000;

export async function runStorm(options: StormOptions): Promise<StormResult> {
  const { seed, seconds, say, nodes, sync = "default", shards = 1, plants = new Set() } = options;
  const dir = mkdtempSync(join(tmpdir(), "jm-storm-"));
  const file = join(dir, "world");
  writeFileSync(file, "");
  const told: Told = { file, secret: secretOf(seed), plants };
  const planned = planStorm(seed, options);
  say(`seed ${String(seed)}: ${String(planned.length)} disturbances in ${String(seconds)} s`);
  for (const one of planned) say(`  ${(one.atMs / 1_000).toFixed(1).padStart(5)} s  ${describe(one)}`);

  const mesh = await startMesh({
    env: { JM_CLOSED_TTL_MS: String(CLOSED_TTL_MS), JM_DRAIN_MS: "2000", JM_SHARDS: String(shards) },
    services: { "state-store": 1, gateway: 0, authz: 0, "lifecycle-ticker": 0, "flight-plan-runner": 0 },
    server: { sync },
    ...(nodes === 3 ? { cluster: 3 } : {}),
  });
  const brokers = nodes === 3 ? mesh.cluster.nodes : [mesh.server];
  try {
    // The first state-store makes the streams; from now on the places are all there is.
    const brokerPort = (): number => brokers[0]?.port ?? 0;
    const places = await fillPlaces(mesh, slotsOf(options), brokerPort, (slot) => envOf(slot, options));
    await mesh.services[0]?.stop();
    const client = await mesh.client();
    await prepare(client, told);

    say("it begins");
    const load = startLoad({ client, seed, jets: JET_NAMES, rate: TRIGGERS_A_SECOND });
    const { faults, killed } = await disturb({ planned, places, brokers, client, seconds, say });
    await load.stop();
    await places.heal();
    say("it is over; waiting for quiet");
    await quiet(client, say);
    const linesAfterwards = await sendAgain(client, load.asked, file);
    const seen = await readNats(mesh.url);
    const labelled = slotsOf(options).filter((slot) => hasLabel(slot, options));
    const evidence: Evidence = {
      ...seen,
      closedTtlMs: CLOSED_TTL_MS,
      lines: readWorld(file),
      asked: load.asked,
      killed,
      mayRunAgain: MAY_RUN_AGAIN,
      mayEndWith: new Set(["step_interrupted"]),
      mayRestIn: new Set(["resting"]),
      rules: rulesOf(told.secret, new Set(labelled.map(slotName))),
      filesWithSecret: brokers.flatMap(({ storeDir }) => filesWith(storeDir, told.secret)),
      linesAfterwards,
    };
    const points = faultsStruck(mesh);
    return {
      seed,
      verdict: judge(evidence),
      faults: { ...faults, ...points },
      evidence,
      logs: snapshot(mesh),
    };
  } finally {
    await mesh.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const JET_NAMES = Array.from({ length: JETS }, (_, index) => `jet${String(index)}`);

/** Steps see who runs them by a variable that they inherit. */
const envOf = (slot: Slot, size: StormSize): Record<string, string> => ({
  USER: slotName(slot),
  ...(hasLabel(slot, size) ? { JM_LABELS: LABEL } : {}),
});

async function prepare(client: MeshClient, told: Told): Promise<void> {
  const value = told.plants.has("secret") ? "something-else" : told.secret;
  await setSecret(client, { name: SECRET, value });
  await applyDocuments(client, stormDocuments(told));
  await Promise.all(
    JET_NAMES.map((reference) =>
      client.request("jet.create", {
        ...{ template: "storm", reference, variables: { rack: rackOf(reference) } },
        ...{ wait: true, key: `${reference}-made` },
      }),
    ),
  );
}

/** Faults at named points that struck, counted from what the processes said. */
function faultsStruck(mesh: TestMesh): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, kind = ""] of mesh.logs().matchAll(/^fault [a-z.-]+\/(?:before|after)=([a-z]+)/gm)) {
    counts[`point-${kind}`] = (counts[`point-${kind}`] ?? 0) + 1;
  }
  return counts;
}

function snapshot(mesh: TestMesh): () => string {
  const logs = mesh.logs();
  return () => logs;
}
