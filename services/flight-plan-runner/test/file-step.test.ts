import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sshd, sshPrograms, startSshd } from "../../../test/support/sshd.ts";
import { closeConnections } from "../src/steps/ssh/pool.ts";
import { type Ran, run } from "./step-bench.ts";

const programs = await sshPrograms();
const missing = "missing" in programs ? programs.missing : undefined;

describe.each([
  { where: "on the runner's machine", isRemote: false },
  { where: "on another machine", isRemote: true },
])("a file step $where", ({ isRemote }) => {
  const isSkipped = isRemote && missing !== undefined;
  let sshd: Sshd | undefined;
  let root: string;
  let folder: string;
  let count = 0;

  beforeAll(async () => {
    if (isSkipped) return;
    if (isRemote && !("missing" in programs)) sshd = await startSshd(programs);
    root = sshd?.dir ?? mkdtempSync(join(tmpdir(), "jm-file-"));
  });
  beforeEach(({ skip }) => {
    if (isSkipped) skip(missing);
    count += 1;
    folder = join(root, `case-${String(count)}`);
    mkdirSync(folder);
    mine(folder);
  });
  afterAll(async () => {
    closeConnections();
    await sshd?.stop();
    if (sshd === undefined && !isSkipped) rmSync(root, { recursive: true, force: true });
  });

  /** The other machine's user is not always the one who runs the tests. */
  const mine = (path: string): void => {
    const { uid, gid } = statSync(root);
    chownSync(path, uid, gid);
  };
  const put = (name: string, content: string, mode = 0o644): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    mine(path);
    chmodSync(path, mode);
    return path;
  };
  const write = (name: string, file: object, more: object = {}, given: object = {}): Promise<Ran> =>
    run(
      {
        file: {
          path: join(folder, name),
          ...file,
          ...(sshd === undefined ? {} : { on: { ...sshd.target, sudo: false } }),
        },
        ...more,
      },
      { environment: { JM_ACTION_ID: "a1", JM_STEP: "conf" }, ...given },
    );
  const modeOf = (name: string): number => statSync(join(folder, name)).mode & 0o7777;
  const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");

  it("writes what its template comes to, whatever is in it", async () => {
    const nasty = `it's "$HOME" \`id\` \\n %s é \n\t!x #\n\n`;
    const { result, stdout } = await write(
      "conf",
      { content: "{{ text }}{{ port }}" },
      {},
      { values: { text: nasty, port: 80 } },
    );
    expect(textOf("conf")).toBe(`${nasty}80`);
    expect(modeOf("conf")).toBe(0o644);
    expect(stdout).toBe(`written ${join(folder, "conf")}\n`);
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, outputs: { changed: true } });
    expect(readdirSync(folder)).toEqual(["conf"]);
  });

  it("leaves a file alone that is as it should be, and says so", async () => {
    put("conf", "same", 0o600);
    const before = lstatSync(join(folder, "conf"));
    const { result, stdout } = await write("conf", { content: "same" });
    expect(stdout).toMatch(/^unchanged /);
    expect(result).toMatchObject({ outcome: "SUCCESS", outputs: { changed: false } });
    const after = lstatSync(join(folder, "conf"));
    expect([after.ino, after.mtimeMs, after.mode]).toEqual([before.ino, before.mtimeMs, before.mode]);
    expect(readdirSync(folder)).toEqual(["conf"]);
  });

  it("sets the mode that it is told, keeps the one that was there, and corrects it alone", async () => {
    await write("secret", { content: "x", mode: "0600" });
    expect(modeOf("secret")).toBe(0o600);
    await write("secret", { content: "y" });
    expect([modeOf("secret"), textOf("secret")]).toEqual([0o600, "y"]);
    const corrected = await write("secret", { content: "y", mode: "640" });
    expect([modeOf("secret"), corrected.result]).toEqual([
      0o640,
      expect.objectContaining({ outputs: { changed: true } }),
    ]);
    put("locked", "old", 0o444);
    await write("locked", { content: "new" });
    expect([modeOf("locked"), textOf("locked")]).toEqual([0o444, "new"]);
  });

  it("keeps a file that is there, or fails, where it was told to", async () => {
    put("conf", "theirs");
    const kept = await write("conf", { content: "mine", exists: "keep" });
    expect([kept.result.outcome, textOf("conf")]).toEqual(["SUCCESS", "theirs"]);
    expect(kept.result).toMatchObject({ outputs: { changed: false } });
    const failed = await write("conf", { content: "mine", exists: "error" });
    expect(failed.result).toMatchObject({
      outcome: "ERROR",
      error: { code: "step_failed", message: `${join(folder, "conf")} is there already, and is another` },
    });
    expect(textOf("conf")).toBe("theirs");
    // It is as it should be: nothing is in the way.
    expect((await write("conf", { content: "theirs", exists: "error" })).result.outcome).toBe("SUCCESS");
    expect(readdirSync(folder)).toEqual(["conf"]);
  });

  it("takes a file away, and minds none that is not there", async () => {
    put("conf", "x");
    const removed = await write("conf", { absent: true });
    expect([removed.result, existsSync(join(folder, "conf"))]).toEqual([
      expect.objectContaining({ outputs: { changed: true } }),
      false,
    ]);
    const again = await write("conf", { absent: true });
    expect(again.result).toMatchObject({ outcome: "SUCCESS", outputs: { changed: false } });
  });

  it("follows a link, and takes the link away and not what it leads to", async () => {
    put("target", "old");
    symlinkSync(join(folder, "target"), join(folder, "link"));
    await write("link", { content: "new" });
    expect([lstatSync(join(folder, "link")).isSymbolicLink(), textOf("target")]).toEqual([true, "new"]);
    await write("link", { absent: true });
    expect(readdirSync(folder)).toEqual(["target"]);
    symlinkSync(join(folder, "nowhere"), join(folder, "lost"));
    expect((await write("lost", { content: "x" })).result).toMatchObject({
      error: { message: expect.stringContaining("leads nowhere") as string },
    });
  });

  it("says what is in the way", async () => {
    mkdirSync(join(folder, "dir"));
    const ways: [string, object, RegExp][] = [
      ["dir", { content: "x" }, /no regular file/],
      ["absent/conf", { content: "x" }, /directory/],
      ["dir", { absent: true }, /directory/i],
      ["conf", { content: "{{ nobody }}" }, /file\.content: .*nobody/],
    ];
    for (const [name, file, says] of ways) {
      const { result } = await write(name, file);
      expect(result, name).toMatchObject({
        error: { code: "step_failed", message: expect.stringMatching(says) as string },
      });
    }
    const relative = await run({ file: { path: "conf", content: "x" } });
    expect(relative.result).toMatchObject({
      error: { message: expect.stringContaining("no absolute path") as string },
    });
  });

  it("is seen old or new by who reads, and never in part", async () => {
    const [one, two] = ["a".repeat(200_000), "b".repeat(200_000)];
    put("conf", one, 0o600);
    const seen = new Set<string>();
    /** What is not whole yet is nobody else's to read, whatever the file is to be. */
    const open = new Set<string>();
    const over = new AbortController();
    const reading = (async () => {
      while (!over.signal.aborted) {
        const text = textOf("conf");
        for (const name of readdirSync(folder)) {
          const mode = statSync(join(folder, name), { throwIfNoEntry: false })?.mode ?? 0;
          if ((mode & 0o077) !== 0) open.add(`${name} ${mode.toString(8)}`);
        }
        seen.add(text === one || text === two ? (text[0] ?? "") : `torn: ${String(text.length)}`);
        await new Promise(setImmediate);
      }
    })();
    for (let i = 0; i < 10; i += 1) await write("conf", { content: i % 2 === 0 ? two : one });
    over.abort();
    await reading;
    expect([...seen].toSorted()).toEqual(["a", "b"]);
    expect([...open]).toEqual([]);
  });

  it("takes away what an earlier try of it had begun, and nobody else's", async () => {
    const stepOf = (action: string): string =>
      createHash("sha256").update(`${action} conf`).digest("hex").slice(0, 16);
    put(`.conf.jm-${stepOf("a1")}-00`, "half");
    put(`.conf.jm-${stepOf("a2")}-00`, "another's");
    await write("conf", { content: "whole" });
    expect(readdirSync(folder).toSorted()).toEqual([`.conf.jm-${stepOf("a2")}-00`, "conf"]);
  });

  it("writes nothing once it is canceled", async () => {
    const signal = AbortSignal.abort();
    const { result } = await write("conf", { content: "x" }, {}, { signal });
    expect(result).toMatchObject({ error: { code: "canceled" } });
    expect(readdirSync(folder)).toEqual([]);
  });
});
