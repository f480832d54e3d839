import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { FaultPoint } from "@jetmesh/storage";
import {
  allJets,
  applyDocuments,
  eventually,
  type ServiceName,
  startMesh,
  stateDocument,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { type AskedFor, NO_RULES, readNats, readWorld } from "../checker/evidence.ts";
import { judge } from "../checker/verdict.ts";
import { faultDocuments, MAY_END_WITH, MAY_RUN_AGAIN } from "./definitions.ts";

/**
 * A mesh in which one process has a fault in it: the process is started anew with it, a whole life is gone through,
 * whoever dies of the fault is replaced as by a supervisor and whoever stops is continued, and then design §7 is
 * held against NATS and the file to which every step appends.
 */
export interface FaultedMesh {
  /** Throws where an invariant does not hold, or where the fault did not strike. */
  suffer(owner: ServiceName, faults: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** A process that a fault has stopped is continued after so long: longer than a message may go unanswered. */
const STOPPED_MS = 4_500;
const REST_MS = 60_000;

export async function startFaultedMesh(): Promise<FaultedMesh> {
  const dir = mkdtempSync(join(tmpdir(), "jm-faults-"));
  const file = join(dir, "world");
  writeFileSync(file, "");
  const mesh = await startMesh({ env: { JM_DRAIN_MS: "1000" } });
  const client = await mesh.client();
  await applyDocuments(client, faultDocuments(file));
  const asked: AskedFor[] = [];
  let count = 0;

  return {
    async suffer(owner, faults) {
      count += 1;
      const life = createLife(mesh, client, `jet${String(count)}`, asked);
      await withFaults(mesh, owner, faults, () => life.live(faults.map(pointOf)));
      const seen = await readNats(mesh.url);
      const { violations } = judge({
        ...seen,
        // What was misspelt on purpose, and hints for a pool that nobody serves.
        left: { ...seen.left, dead: 0, resumes: 0 },
        closedTtlMs: 86_400_000,
        lines: readWorld(file),
        asked,
        killed: [],
        mayRunAgain: MAY_RUN_AGAIN,
        mayEndWith: MAY_END_WITH,
        mayRestIn: new Set(["resting", "broken"]),
        rules: NO_RULES,
        filesWithSecret: [],
        linesAfterwards: 0,
      });
      if (violations.length > 0) throw new Error(violations.map(({ says }) => says).join("; "));
    },
    async stop() {
      await mesh.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Come by only where no runner takes an action as it is offered. */
const BY_STREAM: ReadonlySet<FaultPoint> = new Set(["action.make", "resume.send"]);
const NOTHING_OFFERED = "action.offer/before=lose@*";

const pointOf = (fault: string): FaultPoint => fault.slice(0, fault.indexOf("/")) as FaultPoint;

/** Starts the owner anew with the faults in it, and sees to it that they strike and that it is replaced. */
async function withFaults(
  mesh: TestMesh,
  owner: ServiceName,
  faults: readonly string[],
  scenario: () => Promise<void>,
): Promise<void> {
  const healthy = mesh.services.findLast(({ name }) => name === owner);
  await healthy?.stop();
  const isByStream = faults.some((fault) => BY_STREAM.has(pointOf(fault)));
  const all = owner === "state-store" && isByStream ? [...faults, NOTHING_OFFERED] : faults;
  const faulty = await mesh.start(owner, { JM_FAULTS: all.join(",") });
  let replaced: TestService | undefined;
  const replacing = faulty.gone.then(async () => {
    replaced = await mesh.start(owner);
  });
  let stoppedSince: number | undefined;
  const look = setInterval(() => {
    if (!faulty.isStopped()) return void (stoppedSince = undefined);
    stoppedSince ??= performance.now();
    if (performance.now() - stoppedSince > STOPPED_MS) faulty.signal("SIGCONT");
  }, 100);
  try {
    await scenario();
    // The second of two may lie behind the crash that the first was.
    const marks = faults.map((fault) => `fault ${fault.split(/[@:]/)[0] ?? ""}`);
    await eventually(
      "a fault to strike",
      () => (marks.some((mark) => faulty.log().includes(mark)) ? true : undefined),
      { withinMs: 15_000, lastSeen: () => faulty.log().slice(-500) },
    );
  } finally {
    await faulty.stop();
    await replacing;
    clearInterval(look);
  }
  if (replaced === undefined) throw new Error(`${owner} was not replaced`);
}

interface Life {
  live(points: readonly FaultPoint[]): Promise<void>;
}

/** A whole life, so that every point is come by: made, turned, queued, brought to a state, refused, misspelt, expired. */
function createLife(mesh: TestMesh, client: MeshClient, jet: string, asked: AskedFor[]): Life {
  const note = (key: string, via: string, action: string, more: Partial<AskedFor> = {}): void =>
    void asked.push({ key, via, jet, action, taken: true, ...more });

  const create = async (): Promise<void> => {
    const key = `${jet}-create`;
    const { actionId } = await insist(() =>
      client.request<{ actionId: string }>("jet.create", { template: "faulted", reference: jet, key }, 3_000),
    );
    note(key, "api", "create", { actionId });
    await rests();
  };
  const publish = async (name: string, action: string, body: Record<string, unknown> = {}): Promise<void> => {
    const key = `${jet}-${name}`;
    await client.publishTrigger(jet, action, { messageId: key, ...body });
    if (body["argument"] === undefined) note(key, "stream", action);
  };
  const target = async (state: string): Promise<void> => {
    await client.connection.nc.request(client.names.trigger.ofTarget("root", jet, state), "{}", {
      timeout: 5_000,
    });
    await taken();
    await rests();
  };
  const apply = (): Promise<unknown> =>
    insist(() => {
      const documents = [
        stateDocument(`state-${jet}`),
        {
          apiVersion: "jetmesh/v1",
          kind: "Jet",
          reference: `applied-${jet}`,
          name: "x",
          template: "faulted",
        },
      ];
      const body = { documents: documents.map((document) => ({ document })) };
      return client.request("import", body, 5_000);
    });
  const taken = (): Promise<unknown> =>
    eventually(
      "the triggers to be taken",
      async () =>
        (await client.connection.jsm.streams.info("JM_TRIGGERS")).state.messages === 0 ? true : undefined,
      { withinMs: REST_MS },
    );
  const rests = (): Promise<unknown> =>
    eventually(
      `jet ${jet} to rest`,
      async () => {
        const found = (await allJets(client.connection, client.names)).find(
          ({ reference }) => reference === jet,
        );
        const isAtRest =
          found !== undefined &&
          found.open === undefined &&
          found.queue.length === 0 &&
          found.target === undefined;
        return isAtRest ? true : undefined;
      },
      { withinMs: REST_MS, everyMs: 50 },
    );
  const closed = (): Promise<unknown> =>
    eventually(
      `every action of ${jet} to be closed`,
      async () => {
        const { actions } = await readNats(mesh.url);
        return actions.every(({ state }) => state === undefined || state === "CLOSED") ? true : undefined;
      },
      { withinMs: REST_MS, everyMs: 100 },
    );

  return {
    async live(points) {
      if (points.includes("jet.apply") || points.includes("definitions.apply")) await apply();
      await create();
      await Promise.all([
        publish("1", "turn", { onBusy: "queue" }),
        publish("2", "turn", { onBusy: "queue" }),
        publish("3", "dance"),
        publish("4", "turn", { argument: 7 }),
      ]);
      await taken();
      await rests();
      for (const state of ["broken", "resting"]) await target(state);
      if (points.includes("action.expire")) {
        await publish("5", "wait-in-vain");
        await taken();
        await rests();
      }
      if (points.includes("jet.move-on")) await moveOn();
      if (points.includes("history.late")) await beLate();
      if (points.includes("presence.end"))
        await mesh.services.findLast(({ name }) => name === "flight-plan-runner")?.stop();
      await rests();
      await closed();
    },
  };

  /** An action ends while authz is away: its jet settles, and what waits is begun when authz is back. */
  async function moveOn(): Promise<void> {
    await publish("6", "linger", { onBusy: "queue" });
    await publish("7", "turn", { onBusy: "queue" });
    await taken();
    const authz = mesh.services.findLast(({ name }) => name === "authz");
    await authz?.kill();
    await eventually(
      "the jet to settle without its next action",
      async () => {
        const found = (await allJets(client.connection, client.names)).find(
          ({ reference }) => reference === jet,
        );
        return found?.open === undefined && found?.queue.length === 1 ? true : undefined;
      },
      { withinMs: REST_MS },
    );
    await mesh.start("authz");
  }

  /** A runner that is stopped past the delay of its main, which another takes over, answers too late. */
  async function beLate(): Promise<void> {
    const other = await mesh.start("flight-plan-runner");
    const before = (await readNats(mesh.url)).history.filter(({ what }) => what === "late").length;
    await publish("8", "dawdle");
    const claimed = await eventually(
      "the action to be claimed",
      async () => {
        const jets = await allJets(client.connection, client.names);
        const open = jets.find(({ reference }) => reference === jet)?.open?.id;
        if (open === undefined) return undefined;
        const { claim } = await client.request<{ claim?: { runner: string } }>("action.get", { id: open });
        return claim?.runner;
      },
      { withinMs: REST_MS },
    );
    const holder = mesh.services.find(
      (one) => one.instance.replace("flight-plan-runner", "runner") === claimed && one.isRunning(),
    );
    holder?.signal("SIGSTOP");
    await rests();
    holder?.signal("SIGCONT");
    await eventually(
      "the late result in the history",
      async () =>
        (await readNats(mesh.url)).history.filter(({ what }) => what === "late").length > before
          ? true
          : undefined,
      { withinMs: REST_MS, everyMs: 100 },
    );
    await other.stop();
  }
}

/** Asks until it is answered, with one key: the same request, however often. */
function insist<T>(ask: () => Promise<T>): Promise<T> {
  return eventually(
    "an answer",
    async () => {
      try {
        return await ask();
      } catch (thrown) {
        if (/unavailable|Unavailable|conflict/.test(String((thrown as { code?: string }).code ?? thrown)))
          return undefined;
        throw thrown;
      }
    },
    { withinMs: REST_MS, everyMs: 50 },
  );
}
