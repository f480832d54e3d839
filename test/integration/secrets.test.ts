import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportDocuments, type MeshClient, setSecret } from "@jetmesh/client";
import type { ActionRecord, LogsReply, TriggerReply } from "@jetmesh/protocol";
import { createMeshStore, createSealKey, seal } from "@jetmesh/storage";
import {
  allHistory,
  applyDocuments,
  type Document,
  loopDocuments,
  planDocument,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeOf } from "../support/code-of.ts";
import { entryOf, planRunsOf, wayOf } from "../support/plan-runs.ts";
import { named } from "../support/root-only.ts";
import { type Sshd, sshPrograms, startSshd } from "../support/sshd.ts";
import { filesWith, formsIn } from "../support/stored-everywhere.ts";

const programs = await sshPrograms();
const noSshd = "missing" in programs ? `over ssh: ${programs.missing}` : undefined;
let sshd: Sshd | undefined;

/** Secrets on a mesh of real processes: who is given them, and where they are not. */
let mesh: TestMesh;
let root: MeshClient;
let server: Server;
let asked: { url: string; authorization: string; body: string }[] = [];
const runs = planRunsOf(() => root);

beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const { url = "", headers } = request;
      asked.push({ url, authorization: headers.authorization ?? "", body });
      response.end(`you said ${String(headers.authorization)} and ${body} at ${url}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}, 60_000);
afterAll(async () => {
  server.close();
  runs.remove();
  await mesh.stop();
});

const canary = (): string => `canary/${randomBytes(24).toString("base64")}`;
const address = (): string => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
const printedBy = async (id: string): Promise<string> =>
  (await root.request<LogsReply>("action.logs", { id })).items
    .map(({ data }) => Buffer.from(data, "base64").toString())
    .join("");
/** The processes of this machine in whose command lines a value was seen, looked at again and again until it is over. */
async function listsWith(value: string, isOver: () => boolean): Promise<string[]> {
  const found = new Set<string>();
  while (!isOver()) {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (line.includes(value)) found.add(line);
      } catch {
        // It has ended.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return [...found];
}
const errorOf = ({ error }: ActionRecord): string => `${error?.code ?? ""}: ${error?.message ?? ""}`;

describe("a step that names secrets", () => {
  test("has them in its environment, in what it sends, and nowhere else", async () => {
    const [password, token] = [canary(), canary()];
    await setSecret(root, { name: "password", value: password });
    await setSecret(root, { name: "token", value: token });
    asked = [];
    // As the step is to find it, so that it is in no plan.
    writeFileSync(join(runs.folder, "password"), password);
    const ended = await runs.run([
      {
        reference: "told",
        shell: `printf '%s' "$PASSWORD" | cmp - ${runs.folder}/password && echo "it is $PASSWORD"`,
        env: { PASSWORD: "{{ secrets.password }}" },
        capture: { said: "stdout" },
      },
      {
        reference: "sent",
        http: {
          url: `${address()}/{{ secrets.password | url_encode }}`,
          method: "POST",
          headers: { authorization: "Bearer {{ secrets.token }}" },
          body: '{"password":{{ secrets.password | json }}}',
        },
        capture: { said: "stdout" },
      },
    ]);
    expect(wayOf(ended)).toEqual(["told SUCCESS", "sent SUCCESS"]);
    expect(asked).toEqual([
      {
        url: `/${encodeURIComponent(password)}`,
        authorization: `Bearer ${token}`,
        body: JSON.stringify({ password }),
      },
    ]);
    expect(entryOf(ended, "told")?.outputs).toEqual({ said: "it is ***" });
    expect(entryOf(ended, "sent")?.outputs).toEqual({
      said: 'you said Bearer *** and {"password":"***"} at /***',
    });
    expect(await printedBy(ended.id)).toBe('it is ***\nyou said Bearer *** and {"password":"***"} at /***');
  });

  test("is told by name which one is not set, and does not run", async () => {
    const ended = await runs.run([{ shell: runs.say("ran"), env: { X: "{{ secrets.nobody_set_it }}" } }]);
    expect(errorOf(ended)).toContain("unknown_secret: ");
    expect(errorOf(ended)).toContain("secret 'nobody_set_it' is not set");
    expect(runs.said()).toEqual([]);
  });

  test("has that of its jet before that of its template, and that before the mesh's", async () => {
    const ofScope = { mesh: canary(), template: canary(), jet: canary() };
    const step = { shell: 'printf %s "$X" | sha256sum | cut -c1-8', env: { X: "{{ secrets.nearest }}" } };
    const plan = [{ ...step, reference: "sum", capture: { sum: "stdout" } }];
    const sum = (value: string): string => createHash("sha256").update(value).digest("hex").slice(0, 8);
    await applyDocuments(root, loopDocuments(plan, {}, "near"));
    for (const reference of ["near1", "near2"])
      await root.request("jet.create", { template: "near", reference, wait: true });
    const turn = async (jet: string): Promise<unknown> => {
      const { actionId = "" } = await root.request<TriggerReply>("jet.trigger", {
        jet,
        action: "turn",
        wait: true,
      });
      return entryOf(await runs.ended(actionId), "sum")?.outputs?.["sum"];
    };
    await setSecret(root, { name: "nearest", value: ofScope.mesh });
    expect(await turn("near1")).toBe(sum(ofScope.mesh));
    await setSecret(root, { name: "nearest", value: ofScope.template, template: "near" });
    expect(await turn("near1")).toBe(sum(ofScope.template));
    await setSecret(root, { name: "nearest", value: ofScope.jet, jet: "near1" });
    expect([await turn("near1"), await turn("near2")]).toEqual([sum(ofScope.jet), sum(ofScope.template)]);
    const other = canary();
    expect(await setSecret(root, { name: "nearest", value: other, jet: "near1" })).toMatchObject({
      version: 2,
    });
    expect(await turn("near1")).toBe(sum(other));
    await root.request("secret.delete", { name: "nearest", jet: "near1" });
    expect(await turn("near1")).toBe(sum(ofScope.template));
  });

  test("of a jet that is made anew under a name has none of the jet that had it", async () => {
    const plan = [{ shell: "true", env: { X: "{{ secrets.heirloom }}" } }];
    await applyDocuments(root, loopDocuments(plan, { error: "resting" }, "heir"));
    const make = { template: "heir", reference: "heir1", wait: true };
    const turn = { jet: "heir1", action: "turn", wait: true };
    await root.request("jet.create", make);
    await setSecret(root, { name: "heirloom", value: canary(), jet: "heir1" });
    expect(await root.request("jet.trigger", turn)).toMatchObject({ outcome: "SUCCESS" });
    const { secrets } = createMeshStore(root.connection, root.names);
    const before = await secrets.get("jet.heir1");
    if (before.kind !== "record") throw new Error("there is no record of it");
    await root.request("jet.trigger", { jet: "heir1", action: "remove", wait: true });
    await root.request("jet.create", make);
    expect(await root.request("secret.list", { jet: "heir1" })).toEqual({ items: [] });
    expect(await root.request("jet.trigger", turn)).toMatchObject({ error: { code: "unknown_secret" } });
    // Also where whoever was to drop them died before it did.
    const left = await secrets.get("jet.heir1");
    expect(left.kind).not.toBe("absent");
    const revision = left.kind === "absent" ? 0 : left.revision;
    const written = await secrets.swap("jet.heir1", before.value, revision, { point: "secret.set" });
    expect(written.kind).toBe("written");
    expect(await root.request("secret.list", { jet: "heir1" })).toEqual({ items: [] });
    expect(await root.request("jet.trigger", turn)).toMatchObject({ error: { code: "unknown_secret" } });
  });

  test("fails with what it could not do, and without the secret in it", async () => {
    const value = canary();
    await setSecret(root, { name: "in_vain", value });
    const ended = await runs.run(
      [
        { http: { url: "http://127.0.0.1:1/{{ secrets.in_vain }}?{{ secrets.in_vain }}" } },
        { http: { url: "{{ secrets.in_vain }}" } },
        { http: { url: `${address()}/`, headers: { x: "a\n{{ secrets.in_vain }}" } } },
        { shell: 'echo "$X" >&2; exit 3', env: { X: "{{ secrets.in_vain }}" } },
      ],
      { onError: "continue" },
    );
    expect(wayOf(ended)).toEqual(["step-1 ERROR", "step-2 ERROR", "step-3 ERROR", "step-4 ERROR"]);
    expect(formsIn(JSON.stringify(ended), value)).toEqual([]);
    expect(JSON.stringify(ended)).toContain("http://127.0.0.1:1/***?***");
  });
});

describe("what may not be done", () => {
  test("a plan that would have a secret seen or kept is refused, with where", async () => {
    const secret = "{{ secrets.x }}";
    const refused: readonly (readonly [string, Document, string])[] = [
      ["in a script", { shell: `echo ${secret}` }, "shell"],
      ["in a list", { shell: ["echo", secret] }, "shell"],
      ["in a directory", { shell: "true", cwd: secret }, "cwd"],
      ["for a machine", { ssh: { host: secret, user: "x", agent: true, command: "true" } }, "host"],
      [
        "for a command elsewhere",
        { ssh: { host: "x", user: "x", agent: true, command: [secret] } },
        "command",
      ],
      ["for an action", { action: { kind: "x", argument: { deep: [secret] } } }, "argument"],
      ["for a jet", { jet: { reference: "x", action: "y", argument: { a: secret } } }, "argument"],
      ["for a plan", { plan: { reference: "every_called", variables: { a: secret } } }, "variables"],
      ["for a person", { approve: { message: secret } }, "message"],
      ["in a condition", { shell: "true", when: "secrets.x == 'y'" }, "when"],
      ["in a capture", { shell: "true", capture: { a: "[1].map(n, secrets.x)" } }, "capture"],
      ["in a rule", { shell: "true", onExit: [{ when: "size(secrets) > 0", do: "next" }] }, "onExit"],
      ["in an undo's script", { shell: "true", undo: { shell: secret } }, "undo"],
      ["all of them", { shell: "true", env: { X: "{{ secrets }}" } }, "env"],
      ["by another name", { shell: "true", env: { X: "{% assign s = secrets %}{{ s.x }}" } }, "env"],
      ["by a name that is computed", { shell: "true", env: { X: "{{ secrets[jet.reference] }}" } }, "env"],
    ];
    for (const [what, step, where] of refused) {
      const answer = await root
        .request("import", { documents: [{ document: planDocument("leaks", [step]) }] })
        .catch((thrown: unknown) => thrown as { code: string; details: { faults: { path: string[] }[] } });
      expect([what, (answer as { code: string }).code]).toEqual([what, "invalid_request"]);
      expect((answer as { details: { faults: { path: string[] }[] } }).details.faults[0]?.path).toContain(
        where,
      );
    }
    const taken = planDocument("kept", [
      {
        shell: "true",
        env: { X: secret },
        when: "outputs.secrets == 1 && 'secrets' != ''",
        undo: { shell: "true", env: { X: secret } },
      },
    ]);
    expect(await codeOf(root.request("import", { documents: [{ document: taken }] }))).toBe("done");
  });

  test("a value of less than four characters, or more than 16 KB, is refused where it is set", async () => {
    expect(await codeOf(setSecret(root, { name: "short", value: "abc" }))).toBe("invalid_request");
    expect(await codeOf(setSecret(root, { name: "zero", value: "hun\0ter2!" }))).toBe("invalid_request");
    expect(await codeOf(setSecret(root, { name: "long", value: "x".repeat(16 * 1024 + 1) }))).toBe(
      "too_large",
    );
  });

  test("a secret that is sealed to another key than the mesh's is refused", async () => {
    const { publicKey: key } = createSealKey();
    expect(await codeOf(setSecret(root, { name: "elsewhere", value: canary(), key }))).toBe("conflict");
  });

  test("a box that was made for another place, or holds too little, is not opened", async () => {
    await applyDocuments(
      root,
      loopDocuments([{ shell: "true", env: { X: "{{ secrets.boxed }}" } }], { error: "resting" }, "boxed"),
    );
    await root.request("jet.create", { template: "boxed", reference: "boxed1", wait: true });
    const { publicKey } = await root.call("secret.key", {});
    const turnWith = async (scope: string, name: string, value: string): Promise<unknown> =>
      turnWithText(JSON.stringify({ v: 1, scope, name, value }));
    const turnWithText = async (text: string): Promise<unknown> => {
      const box = seal(text, publicKey);
      await root.call("secret.set", { jet: "boxed1", name: "boxed", ...box });
      const turned = { jet: "boxed1", action: "turn", wait: true };
      const { outcome, error } = await root.request<TriggerReply>("jet.trigger", turned);
      expect(JSON.stringify(error ?? {})).not.toContain(text);
      return error?.code ?? outcome;
    };
    expect(await turnWith("jet.boxed1", "boxed", canary())).toBe("SUCCESS");
    expect(await turnWith("jet.boxed2", "boxed", canary())).toBe("secret_unavailable");
    expect(await turnWith("jet.boxed1", "other", canary())).toBe("secret_unavailable");
    expect(await turnWith("jet.boxed1", "boxed", "abc")).toBe("secret_unavailable");
    expect(await turnWith("jet.boxed1", "boxed", "hun\0ter2!")).toBe("secret_unavailable");
    expect(await turnWithText("hunter2!")).toBe("secret_unavailable");
  });
});

/** The last, for it ends the broker. */
describe(named("a value that was set", noSshd), () => {
  const fileOn = (folder: string): string => join(folder === "" ? runs.folder : folder, "canary.conf");
  test("is nowhere in the broker's store, in what the mesh shows, in its history or its logs", async () => {
    const value = canary();
    await applyDocuments(root, loopDocuments(everyStep(), {}, "every"));
    await root.request("jet.create", { template: "every", reference: "every1", wait: true });
    await setSecret(root, { name: "canary", value, jet: "every1" });
    await setSecret(root, { name: "canary", value, template: "every" });
    await setSecret(root, { name: "canary", value });
    let isOver = (): boolean => false;
    const listed = listsWith(value, () => isOver());
    const { actionId = "", outcome } = await root.request<TriggerReply>("jet.trigger", {
      ...{ jet: "every1", action: "turn", wait: true },
    });
    isOver = () => true;
    expect(outcome).toBe("ERROR");
    expect(await listed).toEqual([]);
    for (const machine of ["", ...(sshd === undefined ? [] : [sshd.dir])])
      expect(readFileSync(fileOn(machine), "utf8")).toBe(`word = ${value}\n`);
    const record = await runs.until(actionId, "it to be closed", ({ state }) => state === "CLOSED");
    expect(wayOf(record).filter((step) => !step.endsWith("SUCCESS"))).toEqual(["fails ERROR"]);
    expect(record.journal.length).toBeGreaterThanOrEqual(8);
    const printed = await printedBy(actionId);
    expect(printed.split("***").length).toBeGreaterThan(5);
    const shown = {
      action: await root.request("action.get", { id: actionId }),
      printed,
      list: await root.request("secret.list", { jet: "every1" }),
      jet: await root.request("jet.get", { reference: "every1" }),
      export: await exportDocuments(root),
      history: await allHistory(root.connection, root.names),
      logs: mesh.logs(),
    };
    for (const [what, text] of Object.entries(shown))
      expect([what, formsIn(JSON.stringify(text), value)]).toEqual([what, []]);
    expect(JSON.stringify(shown.history)).toContain('"secret_set"');
    // Ended, so that all it has is in its files.
    await mesh.server.kill();
    expect(filesWith(mesh.server.storeDir, value)).toEqual([]);
    expect(filesWith(mesh.server.storeDir, "every1").length).toBeGreaterThan(0);
    await mesh.server.restart();
  });

  const everyStep = (): Document[] => [
    {
      reference: "env",
      shell: "env; echo $CANARY | base64 -w0",
      env: { CANARY: "{{ secrets.canary }}" },
      capture: { all: "stdout" },
    },
    {
      reference: "sent",
      http: {
        url: `${address()}/{{ secrets.canary }}`,
        method: "POST",
        headers: { authorization: "{{ secrets.canary }}" },
        body: "{{ secrets.canary }}",
      },
      capture: { all: "stdout" },
    },
    {
      reference: "asked",
      wait: { until: { shell: "echo $CANARY", every: "1s" } },
      env: { CANARY: "{{ secrets.canary }}" },
    },
    {
      reference: "asked-for",
      wait: { until: { http: { url: `${address()}/{{ secrets.canary }}` }, every: "1s" } },
    },
    { reference: "called", plan: "every_called" },
    { reference: "file", file: { path: fileOn(""), content: "word = {{ secrets.canary }}\n", mode: "0600" } },
    ...(sshd === undefined
      ? []
      : [
          {
            reference: "there",
            file: {
              path: fileOn(sshd.dir),
              content: "word = {{ secrets.canary }}\n",
              on: { ...sshd.target },
            },
          },
          {
            reference: "over-ssh",
            ssh: { ...sshd.target, command: "echo $CANARY; sleep 0.3" },
            env: { CANARY: "{{ secrets.canary }}" },
          },
        ]),
    {
      reference: "at-once",
      parallel: [
        { reference: "one", shell: "echo $CANARY", env: { CANARY: "{{ secrets.canary }}" } },
        {
          reference: "two",
          shell: "printf %s $CANARY | od -An -tx1 | tr -d ' \\n'",
          env: { CANARY: "{{ secrets.canary }}" },
        },
      ],
    },
    { reference: "fails", shell: "echo $CANARY >&2; exit 1", env: { CANARY: "{{ secrets.canary }}" } },
  ];

  beforeAll(async () => {
    if (!("missing" in programs)) sshd = await startSshd(programs);
    await applyDocuments(root, [
      planDocument("every_called", [
        { reference: "inner", shell: "echo $CANARY", env: { CANARY: "{{ secrets.canary }}" } },
      ]),
    ]);
  });
  afterAll(() => sshd?.stop());
});
