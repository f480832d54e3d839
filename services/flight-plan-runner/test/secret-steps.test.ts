import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sshd, sshPrograms, startSshd } from "../../../test/support/sshd.ts";
import type { StepContext } from "../src/steps/run-step.ts";
import { closeConnections } from "../src/steps/ssh/pool.ts";
import { begin, eventually, run } from "./step-bench.ts";

const SECRET = "correct-horse-battery-staple";

/** Gives secrets as a mesh would, and says which it was asked for. */
function given(values: Readonly<Record<string, string>> = { word: SECRET }): {
  asked: (readonly string[])[];
  context: Pick<StepContext, "readSecrets">;
} {
  const asked: (readonly string[])[] = [];
  const readSecrets: StepContext["readSecrets"] = (names) => {
    asked.push(names);
    return Promise.resolve({ values });
  };
  return { asked, context: { readSecrets } };
}

describe("a step that names secrets", () => {
  it("asks for those that it names, once for all its tries, and one that names none asks for nothing", async () => {
    const { asked, context } = given({ word: SECRET, other: "another-secret" });
    const env = { A: "{{ secrets.word }}", B: "{{ 'x' | append: secrets.word }}", C: "{{ secrets.other }}" };
    const undo = { shell: "true", env: { U: "{{ secrets.only_to_undo }}" } };
    await run({ shell: "exit 1", env, undo, retry: { attempts: 3, backoff: 1 } }, context);
    await run({ shell: "echo secrets {{ secretsy }}" }, { ...context, values: { secretsy: 1 } });
    expect(asked).toEqual([["word", "other"]]);
  });

  it("does not see them where they may not stand, whatever the record of its plan says", async () => {
    const { result } = await run(
      { shell: "echo {{ secrets.word }}", env: { A: "{{ secrets.word }}" } },
      given().context,
    );
    expect(result).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
    expect(JSON.stringify(result)).toContain("undefined variable: secrets");
  });

  it("has no secret in its variables' environment, or in what its captures see", async () => {
    const step = {
      shell: "env | grep -c battery; true",
      env: { A: "{{ secrets.word }}" },
      capture: { n: "stdout" },
    };
    expect((await run(step, given().context)).result).toMatchObject({ outputs: { n: "1" } });
    const looks = { ...step, capture: { n: "has(secrets.word)" } };
    expect((await run(looks, given().context)).result).toMatchObject({ error: { code: "step_failed" } });
  });

  it("masks what an expression puts together out of parts", async () => {
    const { result } = await run(
      {
        shell: 'echo "$A" | cut -c1-10; echo "$A" | cut -c11-',
        env: { A: "{{ secrets.word }}" },
        capture: { all: "stdout.split('\\n')[0] + stdout.split('\\n')[1]", list: "[stdout.split('\\n')]" },
      },
      given().context,
    );
    expect(result).toMatchObject({ outputs: { all: "***", list: [["***", "rse-battery-staple"]] } });
  });

  it("shows each try to its end before the next", async () => {
    const { result, stdout } = await run(
      {
        shell: 'printf "tried correct-h"; exit 1',
        env: { A: "{{ secrets.word }}" },
        retry: { attempts: 2, backoff: 1 },
      },
      given().context,
    );
    expect(result).toMatchObject({ tries: 2 });
    expect(stdout).toBe("tried ***tried ***");
  });

  it("shows lines as they come", async () => {
    const controller = new AbortController();
    const begun = await begin(
      { shell: 'echo "first $A"; sleep 60', env: { A: "{{ secrets.word }}" } },
      { ...given().context, signal: controller.signal },
    );
    expect(begun.line).toBe("first ***");
    controller.abort();
    await begun.ended;
  });

  it("ends as it is canceled while secrets are asked for", async () => {
    const controller = new AbortController();
    const readSecrets: StepContext["readSecrets"] = () => {
      controller.abort({ code: "canceled", message: "by a user" });
      return new Promise(() => undefined);
    };
    const step = { shell: "true", env: { A: "{{ secrets.word }}" } };
    const { result } = await run(step, { readSecrets, signal: controller.signal });
    expect(result).toMatchObject({ tries: 0, error: { code: "canceled", message: "by a user" } });
  });
});

const programs = await sshPrograms();
const why = "missing" in programs ? ` [SKIPPED: ${programs.missing}]` : "";

describe.skipIf("missing" in programs)(`a command on another machine${why}`, () => {
  let sshd: Sshd;
  beforeAll(async () => {
    if (!("missing" in programs)) sshd = await startSshd(programs);
  });
  afterAll(async () => {
    closeConnections();
    await sshd.stop();
  });

  it("has them in its environment, in no list of processes, and what it prints is masked", async () => {
    const file = join(sshd.dir, "word");
    writeFileSync(file, SECRET);
    const controller = new AbortController();
    const command = `[ "$A" = "$(cat ${file})" ] && echo "it is $A and $(printf %s "$A" | base64)"; sleep 60`;
    const begun = await begin(
      { ssh: { ...sshd.target, command }, env: { A: "{{ secrets.word }}" } },
      { ...given().context, signal: controller.signal, graceMs: 100 },
    );
    expect(begun.line).toBe("it is *** and ***");
    expect(execFileSync("ps", ["-eww", "-o", "args"]).toString()).not.toContain(SECRET);
    expect(readFileSync(file, "utf8")).toBe(SECRET);
    controller.abort();
    expect(JSON.stringify(await begun.ended)).not.toContain(SECRET);
    await eventually(
      () => execFileSync("ps", ["-eww", "-o", "args"]).toString(),
      (all) => !all.includes(file),
    );
  });
});
