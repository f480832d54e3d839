import { rmSync } from "node:fs";
import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, planDocument, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { entryOf, planRunsOf, wayOf } from "../support/plan-runs.ts";

/** What becomes of a plan by how its steps end, and what they hand on (design §10, `packages/flight-plan`). */
let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);
const { say, said, run } = plans;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
});
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});
beforeEach(() => rmSync(`${plans.folder}/said`, { force: true }));

describe("a condition", () => {
  test("that does not hold skips its step, and one that does not", async () => {
    const ended = await run(
      [
        { reference: "never", when: "port > 9000", shell: say("never") },
        {
          reference: "always",
          when: 'port + 1 == 8081 && jet.reference.startsWith("jet-")',
          shell: say("always"),
        },
      ],
      { variables: { port: 8080 } },
    );
    expect(ended.outcome).toBe("SUCCESS");
    expect(wayOf(ended)).toEqual(["never SKIPPED", "always SUCCESS"]);
    expect(said()).toEqual(["always"]);
  });

  test("that is broken is an error of its step, and no silent no", async () => {
    const ended = await run([{ reference: "odd", when: "nothing.like == 1", shell: say("odd") }]);
    expect(ended).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
    expect(ended.error?.message).toMatch(/^step 'odd': its condition: .*nothing/);
    expect((await run([{ when: "1 + 1", shell: "true" }])).error?.message).toContain("not true or false");
    expect(said()).toEqual([]);
  });

  test("that is none is refused when the plan is applied, by file and place, and so is a broken template", async () => {
    const steps = [
      { shell: "echo {{ port", when: "port >" },
      { shell: "true", onExit: [{ when: "(", do: "next" }] },
    ];
    const refused = applyDocuments(client, [planDocument("broken", steps)]);
    await expect(refused).rejects.toMatchObject({
      code: "invalid_request",
      details: {
        faults: [
          { path: ["steps", 0, "when"], message: expect.stringContaining("is no expression") as string },
          { path: ["steps", 0, "shell"], message: expect.stringContaining("is a broken template") as string },
          { path: ["steps", 1, "onExit", 0, "when"] },
        ],
      },
    });
  });
});

describe("a rule of a step", () => {
  const after = { reference: "after", shell: say("after") };
  test("can take a failure for none", async () => {
    const ended = await run([{ shell: "exit 3", onExit: [{ when: "code == 3", do: "next" }] }, after]);
    expect([ended.outcome, said()]).toEqual(["SUCCESS", ["after"]]);
  });

  test("can have the plan go on, and end with the error all the same", async () => {
    const ended = await run([{ shell: "exit 3", onExit: [{ when: "code > 0", do: "continue" }] }, after]);
    expect([ended.outcome, said()]).toEqual(["ERROR", ["after"]]);
    expect(ended.error).toMatchObject({
      code: "step_failed",
      message: expect.stringContaining("code 3") as string,
    });
  });

  test("can end the plan where it is, as the step ended or with a code", async () => {
    const stopped = await run([{ shell: "true", onExit: [{ when: "code == 0", do: "stop" }] }, after]);
    const zero = await run([{ shell: "exit 4", onExit: [{ when: "true", do: "exit", code: 0 }] }, after]);
    const seven = await run([
      { reference: "check", shell: "true", onExit: [{ when: 'outcome == "SUCCESS"', do: "exit", code: 7 }] },
      after,
    ]);
    expect([stopped.outcome, zero.outcome, seven.outcome, said()]).toEqual([
      "SUCCESS",
      "SUCCESS",
      "ERROR",
      [],
    ]);
    expect(seven.error?.message).toBe("step 'check' ended the plan with code 7");
  });

  test("is asked in order, and where none holds the plan says what follows", async () => {
    const rules = [
      { when: "code == 1", do: "next" },
      { when: "code < 3", do: "stop" },
    ];
    const way = async (code: number): Promise<string | undefined> =>
      (await run([{ shell: `exit ${String(code)}`, onExit: rules }, after])).outcome;
    expect([await way(1), await way(2), await way(5), said()]).toEqual([
      "SUCCESS",
      "ERROR",
      "ERROR",
      ["after"],
    ]);
  });
});

describe("a plan", () => {
  test("that goes on after errors runs all its steps and ends with the first of them", async () => {
    const ended = await run(
      [{ reference: "a", shell: "exit 1" }, { reference: "b", shell: "exit 2" }, { shell: say("last") }],
      { onError: "continue" },
    );
    expect([ended.outcome, said()]).toEqual(["ERROR", ["last"]]);
    expect(ended.error?.message).toMatch(/^step 'a': /);
  });

  test("has steps that run however it ended, and know how", async () => {
    const last = [
      { reference: "tell", shell: say("{{ outcome }} {{ error.code }}") },
      { reference: "fails", shell: "exit 9" },
      { reference: "too", shell: say("too") },
    ];
    const failed = await run([{ shell: "exit 1" }, { shell: say("not") }], { finally: last });
    expect([failed.outcome, said()]).toEqual(["ERROR", ["ERROR step_failed", "too"]]);
    expect(failed.error?.message).toMatch(/^step 'step-1': /);
    const kept = await run([{ shell: say("work") }], { finally: last.slice(1) });
    expect([kept.outcome, kept.error?.message.slice(0, 13)]).toEqual(["ERROR", "step 'fails':"]);
  });

  test("that is out of its time cuts its step, and still runs those that always run", async () => {
    const ended = await run([{ reference: "long", shell: "sleep 60" }, { shell: say("not") }], {
      timeout: "300ms",
      finally: [{ shell: say("cleaned up") }],
    });
    expect([ended.outcome, ended.error?.code, said()]).toEqual(["ERROR", "step_timeout", ["cleaned up"]]);
  });
});

describe("what a step captures", () => {
  test("is read by later ones: text, JSON, a code, and what expressions make of it", async () => {
    const ended = await run([
      {
        reference: "list",
        shell: `echo '{"items":[{"id":7},{"id":9}]}'; exit 2`,
        onExit: [{ when: "code == 2", do: "next" }],
      },
      {
        reference: "read",
        shell: `echo '{"items":[{"id":7},{"id":9}]}'`,
        capture: { last: "json.items[size(json.items) - 1].id", all: "stdout", none: "code" },
      },
      { when: "outputs.read.last == 9", shell: say("{{ outputs.read.last }} {{ outputs.read.none }}") },
    ]);
    expect([ended.outcome, said()]).toEqual(["SUCCESS", ["9 0"]]);
    expect(entryOf(ended, "read")?.outputs).toEqual({
      last: 9,
      all: '{"items":[{"id":7},{"id":9}]}',
      none: 0,
    });
  });

  test("that is not there, or is more than can be kept, fails the step and says which", async () => {
    const none = await run([{ reference: "a", shell: "echo hello", capture: { id: "json.id" } }]);
    expect(none.error?.message).toMatch(/^step 'a': capture of 'id': .*is no JSON/);
    const much = await run([
      { reference: "a", shell: "head -c 70000 /dev/zero | tr '\\0' x", capture: { all: "stdout" } },
    ]);
    expect(much.error?.message).toMatch(/^step 'a': capture of 'all': .*more than 64 KB/);
  });

  test("of an unset name is an error where it is used, unless a default is given", async () => {
    const unset = await run([{ shell: "echo {{ outputs.nobody.x }}" }]);
    expect(unset.error?.message).toContain("broken template");
    const given = await run([{ shell: say("{{ nothing | default: 'given' }}") }]);
    expect([given.outcome, said()]).toEqual(["SUCCESS", ["given"]]);
  });
});

describe("a plan that calls another", () => {
  const inner = planDocument(
    "inner",
    [
      { reference: "one", shell: say("{{ who }} {{ greeting }}"), capture: { said: "stdout + who" } },
      { reference: "two", when: "fails", shell: "exit 5" },
    ],
    { variables: { who: "nobody", greeting: "hello", fails: false } },
  );
  test("gives it values, sees what it captured, and judges it by its end", async () => {
    await applyDocuments(client, [inner]);
    const ended = await run(
      [
        { reference: "call", plan: { reference: "inner", variables: { who: "{{ jet.reference | size }}" } } },
        { reference: "seen", shell: say("{{ outputs.call.one.said }}") },
        {
          reference: "again",
          plan: { reference: "inner", variables: { fails: true } },
          onExit: [{ when: 'error.message.contains("again/two")', do: "next" }],
        },
      ],
      { variables: { greeting: "good day" } },
    );
    expect(ended.outcome, JSON.stringify(ended.error)).toBe("SUCCESS");
    expect(wayOf(ended)).toEqual([
      "call/one SUCCESS",
      "call/two SKIPPED",
      "seen SUCCESS",
      "again/one SUCCESS",
      "again/two ERROR",
    ]);
    expect(said()[0]).toMatch(/^\d+ good day$/);
    expect(said()[2]).toBe("nobody good day");
  });

  test("is refused where the other is not there, or would come back to itself", async () => {
    await expect(applyDocuments(client, [planDocument("lost", [{ plan: "nowhere" }])])).rejects.toMatchObject(
      {
        details: { faults: [{ message: "there is no plan 'nowhere'" }] },
      },
    );
    await applyDocuments(client, [
      planDocument("low", [{ shell: "true" }]),
      planDocument("mid", [{ plan: "low" }]),
    ]);
    await expect(
      applyDocuments(client, [planDocument("low", [{ parallel: [{ plan: "mid" }] }])]),
    ).rejects.toMatchObject({ details: { faults: [{ message: "plan 'low' would call itself" }] } });
    await expect(applyDocuments(client, [planDocument("own", [{ plan: "own" }])])).rejects.toThrow(
      "call itself",
    );
  });

  test("runs by the plans as they were when it began", async () => {
    await applyDocuments(client, [planDocument("changes", [{ reference: "s", shell: say("old") }])]);
    const id = await plans.begin([{ wait: "400ms" }, { reference: "c", plan: "changes" }]);
    await applyDocuments(client, [planDocument("changes", [{ reference: "s", shell: say("new") }])]);
    expect([(await plans.ended(id)).outcome, said()]).toEqual(["SUCCESS", ["old"]]);
  });
});
