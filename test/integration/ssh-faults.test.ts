import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { isAlive } from "../support/long-step.ts";
import { createNamespace } from "../support/network-namespace.ts";
import { planRunsOf } from "../support/plan-runs.ts";
import { named, whyNotRoot } from "../support/root-only.ts";
import { type Sshd, sshPrograms, startSshd } from "../support/sshd.ts";

/** What becomes of a plan whose other machine dies, is another, or cannot be reached any more, in the midst of a step. */
const programs = await sshPrograms();
const missing = "missing" in programs ? programs.missing : undefined;

describe.skipIf(missing !== undefined)(named("a plan over ssh", missing), () => {
  let mesh: TestMesh;
  let client: MeshClient;
  const sshds: Sshd[] = [];
  const plans = planRunsOf(() => client);

  beforeAll(async () => {
    mesh = await startMesh();
    client = await mesh.client();
  }, 60_000);
  afterEach(async () => {
    for (const sshd of sshds.splice(0)) await sshd.stop();
  });
  afterAll(async () => {
    await mesh.stop();
    plans.remove();
  });

  const start = async (...[options, place]: [string[]?, Parameters<typeof startSshd>[2]?]): Promise<Sshd> => {
    if ("missing" in programs) throw new Error(programs.missing);
    const sshd = await startSshd(programs, options, place);
    sshds.push(sshd);
    return sshd;
  };
  const over = (sshd: Sshd, command: string, more: object = {}): object => ({
    ssh: { ...sshd.target, command },
    ...more,
  });
  const LONG = "echo $$ >> pids; exec sleep 60";
  /** A plan of three steps, the second of which is to be disturbed; gives its process there. */
  async function begin(
    sshd: Sshd,
    more: object = {},
  ): Promise<{ readonly id: string; readonly pid: number }> {
    const id = await plans.begin(
      [
        over(sshd, "echo one >> ran", { reference: "one" }),
        over(sshd, `cd ${sshd.dir}; ${LONG}`, { reference: "two", ...more }),
        { reference: "gate", wait: { until: { shell: `test -e ${plans.folder}/open`, every: 100 } } },
        over(sshd, "echo three >> ran", { reference: "three" }),
      ] as never,
      { finally: [{ reference: "last", shell: plans.say(`last {{ error.code }}`) }] },
    );
    const pid = await eventually("the step to run", () => {
      const [line] = linesOf(join(sshd.dir, "pids"));
      return line === undefined ? undefined : Number(line);
    });
    return { id, pid };
  }
  const codeOf = ({ journal }: ActionRecord, step: string): string | undefined =>
    journal.find(({ reference }) => reference === step)?.error?.code;

  test("waits until something is so there, and holds no runner meanwhile", async () => {
    const sshd = await start();
    const until = { ssh: { ...sshd.target, command: 'test "$SIGN" = up && test -e there' }, every: 100 };
    const id = await plans.begin([{ reference: "gate", wait: { until }, env: { SIGN: "up" } }] as never);
    const asked = ({ journal }: ActionRecord): boolean => (journal[0]?.tries ?? 0) > 2;
    expect((await plans.until(id, "it to be asked a few times", asked)).state).toBe("IN_PROGRESS");
    await plans.run([over(sshd, "touch there") as never]);
    expect((await plans.ended(id)).outcome).toBe("SUCCESS");
  });

  test("ends with ssh_lost where sshd is killed in the midst of a step, and what ran there has ended", async () => {
    const sshd = await start();
    const { id, pid } = await begin(sshd);
    await sshd.kill();
    const ended = await plans.ended(id);
    expect([ended.outcome, codeOf(ended, "two"), ended.error?.code]).toEqual([
      "ERROR",
      "ssh_lost",
      "ssh_lost",
    ]);
    expect(ended.journal.map(({ reference }) => reference)).toEqual(["one", "two", "last"]);
    expect(plans.said().at(-1)).toBe("last ssh_lost");
    await eventually("it to end", () => (isAlive(pid) ? undefined : true));
  });

  test("tries again where it was told to, and says who cannot be reached", async () => {
    const sshd = await start();
    const { id } = await begin(sshd, { retry: { attempts: 2, backoff: 10 } });
    await sshd.kill();
    const ended = await plans.ended(id);
    expect(codeOf(ended, "two")).toBe("ssh_unreachable");
    expect(ended.journal.find(({ reference }) => reference === "two")?.tries).toBe(2);
  });

  test("ends with ssh_host_key where another machine answers by then, to which nothing is given", async () => {
    const sshd = await start();
    const { id } = await begin(sshd, { onExit: [{ when: 'error.code == "ssh_lost"', do: "next" }] });
    await sshd.kill();
    const other = await start([], { port: sshd.port });
    writeFileSync(join(plans.folder, "open"), "");
    const ended = await plans.ended(id);
    expect([codeOf(ended, "two"), codeOf(ended, "three")]).toEqual(["ssh_lost", "ssh_host_key"]);
    expect(ended.error?.code).toBe("ssh_host_key");
    expect(other.log()).not.toContain("Accepted");
  });

  const whyNot = whyNotRoot("ip", "setpriv");
  test.skipIf(whyNot !== undefined)(
    named("does not hang where the network is cut, with a timeout of the step or without", whyNot),
    async () => {
      using namespace = createNamespace();
      const under = ["ip", "netns", "exec", namespace.name];
      const sshd = await start(["ClientAliveInterval 1", "ClientAliveCountMax 2"], {
        host: namespace.farHost,
        under,
      });
      const timed = await begin(sshd, { timeout: 2_000 });
      rmSync(join(sshd.dir, "pids"));
      const patient = await begin(sshd);
      namespace.setLink("down");
      // The grace (5 s by default), and 5 s behind it; what has no time of its own, by keep-alives.
      const [first, second] = await Promise.all([plans.ended(timed.id), plans.ended(patient.id)]);
      expect([codeOf(first, "two"), codeOf(second, "two")]).toEqual(["step_timeout", "ssh_lost"]);
      for (const { pid } of [timed, patient])
        await eventually("what ran there to end", () => (isAlive(pid) ? undefined : true));
      namespace.setLink("up");
      // The link is up a moment before the other end is found by it.
      const again = await plans.run([
        over(sshd, "true", { retry: { attempts: 50, backoff: 100, factor: 1 } }) as never,
      ]);
      expect(again.outcome).toBe("SUCCESS");
    },
    60_000,
  );
});
