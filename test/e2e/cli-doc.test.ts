import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";
import { allCommands, noteId, SECTIONS, startPageMesh, withKnown } from "./cli-page.ts";
import { markedFolder, runJm } from "./running-commands.ts";

/**
 * Every command is in docs/cli.md with an example that is run here, in the order of the page, against one mesh; or names the
 * test that runs it, where it takes a broker or a mesh of its own.
 */
const folder = markedFolder();
let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startPageMesh();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  await folder[Symbol.asyncDispose]();
});

test("every command is in the page, with an example or the test that runs it, and no other", async () => {
  expect(SECTIONS.map(({ command }) => command).sort()).toEqual((await allCommands()).sort());
  for (const { command, examples, elsewhere } of SECTIONS) {
    if (elsewhere === undefined) expect(examples.length, `jm ${command} has no example`).toBeGreaterThan(0);
    else expect(readFileSync(join(ROOT, elsewhere), "utf8"), elsewhere).toContain(command.split(" ").at(-1));
  }
}, 60_000);

test("each example prints what the page says", async () => {
  const known: Record<string, string> = {};
  const wrong: string[] = [];
  for (const { words, prints } of SECTIONS.flatMap(({ examples }) => examples)) {
    const { stdout, stderr } = await runJm(withKnown(words, known), { env: { NATS_URL: mesh.server.url } });
    const printed = `${stdout}${stderr}`;
    noteId(printed, known);
    const lines = printed.trimEnd().split("\n");
    const shown = prints.filter((line) => line !== "…");
    const missing = shown.filter((line) => !lines.some((one) => isShownBy(line, one)));
    if (missing.length > 0)
      wrong.push(`$ jm ${words.join(" ")}\nhas not\n${missing.join("\n")}\nbut\n${printed}`);
  }
  expect(wrong.join("\n")).toBe("");
}, 120_000);

/** `…` is anything, and so are spaces between words. */
function isShownBy(shown: string, line: string): boolean {
  const escaped = shown
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("…", ".*")
    .replace(/\s+/g, "\\s+");
  return new RegExp(`^${escaped}$`).test(line.trim());
}
