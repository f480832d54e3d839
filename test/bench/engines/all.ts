import type { Engine } from "../engine.ts";
import { BULLMQ } from "./bullmq.ts";
import { DBOS } from "./dbos.ts";
import { GRAPHILE_WORKER } from "./graphile-worker.ts";
import { jetmesh, type Mode } from "./jetmesh.ts";
import { PG_BOSS } from "./pg-boss.ts";
import { RESTATE } from "./restate.ts";

export const PEER_ENGINES: readonly Engine[] = [...BULLMQ, RESTATE, GRAPHILE_WORKER, PG_BOSS, DBOS];

/** Jetmesh first; `lanes` is the most that are ever in flight. */
export const allEngines = (modes: readonly Mode[], lanes: number): readonly Engine[] => [
  ...modes.map((mode) => jetmesh(mode, lanes)),
  ...PEER_ENGINES,
];
