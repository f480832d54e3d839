import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, markedFolder, runJm } from "./running-commands.ts";

/** The commands that bring jets somewhere, take things away, and carry definitions from mesh to mesh. */
const folder = markedFolder();
let mesh: TestMesh;
const jm = (...args: string[]): Promise<Ended> => runJm(args, { env: { NATS_URL: mesh.server.url } });
async function done(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await jm(...args);
  // What the lint warns of is applied all the same.
  const problems = stderr.replaceAll(/^warning: .*\n/gm, "");
  expect({ exitCode, problems }).toEqual({ exitCode: 0, problems: "" });
  return stdout;
}
function file(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

const state = (name: string): string => `apiVersion: jetmesh/v1\nkind: State\nreference: ${name}\n`;
const LADDER = `${["moving", "low", "middle", "high"].map(state).join("---\n")}---
apiVersion: jetmesh/v1
kind: Template
reference: ladder
actions:
  - { reference: create, transit: moving, to: low }
  - { reference: climb, from: low, transit: moving, to: middle, plan: slowly, delays: { frequency: 100ms } }
  - { reference: stay, from: low, transit: moving, to: low, plan: forever }
  - { reference: rise, from: middle, transit: moving, to: high }
---
apiVersion: jetmesh/v1
kind: Plan
reference: slowly
steps: [{ wait: 2s }]
---
apiVersion: jetmesh/v1
kind: Plan
reference: forever
steps: [{ wait: 1h }]
`;

beforeAll(async () => {
  mesh = await startMesh();
  await done("apply", "-f", file("ladder.yaml", LADDER));
  await done("jet", "create", "ladder", "l1", "--wait");
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  await folder[Symbol.asyncDispose]();
});

describe("jm jet path and target", () => {
  it("shows the way, goes it with a line for each change, and says how it ended", async () => {
    const path = await done("jet", "path", "l1", "high");
    expect(path).toMatch(/^ACTION +NAME +FROM +TRANSIT +TO +PLAN\nclimb .*\nrise /);
    const brought = await done("jet", "target", "l1", "high", "--wait");
    expect(brought).toMatch(/low → moving {2}climb/);
    expect(brought).toMatch(/moving → high {2}rise/);
    expect(brought).toMatch(/^state: +high$/m);
    expect(await done("jet", "path", "l1", "high")).toBe("l1 is high\n");
    expect(await done("jet", "get", "l1")).toMatch(/^last target: +high SUCCESS$/m);
  });

  it("refuses with the code, and wants a state or --cancel", async () => {
    expect(await jm("jet", "target", "l1", "low", "--wait")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("no actions lead") as string,
    });
    for (const args of [["l1"], ["l1", "low", "--cancel"], ["l1", "--cancel", "--wait"]])
      expect((await jm("jet", "target", ...args)).exitCode).toBe(2);
  });

  it("goes no further once it is canceled", async () => {
    await done("jet", "create", "ladder", "l2", "--wait");
    await done("jet", "target", "l2", "high");
    expect(await done("jet", "target", "l2", "--cancel")).not.toMatch(/^target:/m);
    const rested = await eventually("it to rest", async () => {
      const text = await done("jet", "get", "l2");
      return text.includes("open action") ? undefined : text;
    });
    expect(rested).toMatch(/^state: +middle$/m);
    expect(rested).toMatch(/^last target: +high ERROR \(canceled\)$/m);
  });
});

describe("jm jet queue and action cancel", () => {
  it("lists what waits, and takes one out", async () => {
    await done("jet", "create", "ladder", "l3", "--wait");
    await done("jet", "trigger", "l3", "stay");
    await done("jet", "trigger", "l3", "rise", "--queue", "--arg", "n=1");
    const { items } = JSON.parse(await done("--json", "jet", "queue", "l3")) as { items: { id: string }[] };
    const id = items[0]?.id ?? "";
    expect(await done("jet", "queue", "l3")).toMatch(
      new RegExp(`^ID .*\n${id} +rise +root +.* \\{"n":1\\}\n$`),
    );
    expect(await done("action", "cancel", id)).toBe(`${id} waits no more for l3\n`);
    expect(await done("jet", "queue", "l3")).toBe("none\n");
    expect((await jm("action", "cancel", id)).exitCode).toBe(1);
  });
});

describe("jm template|state|plan|user", () => {
  it("lists, shows as apply takes it, and deletes what nothing uses", async () => {
    expect(await done("template", "list")).toMatch(
      /^TEMPLATE +NAME +LEVEL +ACTIONS +LIMIT\nladder +ladder +manager +4\n$/,
    );
    expect(await done("plan", "get", "slowly")).toBe(
      "apiVersion: jetmesh/v1\nkind: Plan\nreference: slowly\nname: slowly\nsteps:\n  - wait: 2000\n",
    );
    const refused = await jm("plan", "delete", "slowly");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("ladder") as string });
    await done(
      "apply",
      "-f",
      file("more.yaml", `${state("spare")}---\napiVersion: jetmesh/v1\nkind: User\nreference: zoe\n`),
    );
    expect(await done("state", "delete", "spare")).toBe("state spare is deleted\n");
    expect(await done("user", "delete", "zoe")).toBe("user zoe is deleted\n");
    expect(await done("user", "list")).toBe("none\n");
  });
});

describe("jm export and apply --dry-run", () => {
  it("writes a file that changes nothing, and says of a changed one what differs", async () => {
    const out = join(folder.path, "export.yaml");
    expect(await done("export", "--kind", "template,Plan", "--out", out)).toMatch(/^documents: +3$/m);
    const text = readFileSync(out, "utf8");
    expect(await done("export", "--kind", "template,plan")).toBe(text);
    expect(await done("apply", "--dry-run", "-f", out)).toBe("3 documents would not change\n");
    writeFileSync(out, text.replace("wait: 2000", "wait: 3s").replace("to: high", "to: low"));
    expect(await done("apply", "--dry-run", "-f", out)).toBe(
      [
        "~ Plan slowly would be updated",
        "    ~ steps[0].wait: 2000 -> 3000",
        "~ Template ladder would be updated",
        '    ~ actions.rise.to: "high" -> "low"',
        "1 document would not change",
        "",
      ].join("\n"),
    );
    expect((await jm("export", "--kind", "jets")).exitCode).toBe(2);
  });
});

describe("jm jet delete", () => {
  it("takes the jet away", async () => {
    expect(await done("jet", "delete", "l1")).toBe("jet l1 is deleted\n");
    expect((await jm("jet", "get", "l1")).exitCode).toBe(1);
  });
});
