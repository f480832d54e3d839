import { createHash, randomBytes } from "node:crypto";
import { TemplateError } from "@jetmesh/flight-plan";
import type { FileWrite } from "@jetmesh/protocol";
import type { Renders } from "../renders.ts";
import { runRemote } from "../ssh/run-remote.ts";
import { renderTarget } from "../ssh/target.ts";
import type { Attempt, Output, StepContext, TryResult } from "../step-context.ts";
import { remoteScript } from "./remote-file.ts";
import { CHANGES, type WantedFile } from "./wanted-file.ts";
import { bringFile } from "./write-file.ts";

/**
 * The content goes into a file beside the one that is meant, which it replaces once it is whole: whoever reads it sees the old
 * or the new. A try takes away first what an earlier one of the step had begun: one that was only held up can put nothing
 * in place any more. Throws a TemplateError.
 */
export function prepareFile(
  file: FileWrite,
  context: StepContext,
  output: Output,
  { render, renderSecret }: Renders,
): Attempt {
  const path = render("file.path", file.path);
  if (!path.startsWith("/") || path.endsWith("/") || path.includes("\0"))
    throw new TemplateError(`file.path: '${path}' is no absolute path of a file`);
  const content = file.content === undefined ? undefined : renderSecret("file.content", file.content);
  const wanted = (): WantedFile => ({
    path,
    content,
    mode: file.mode,
    exists: file.exists,
    unfinished: unfinishedOf(context),
  });
  if (file.on === undefined) return (signal) => writeHere(wanted(), output, signal);
  if (content?.includes("\0") === true) throw new TemplateError("file.content: has a zero byte");
  const { target, sudo } = renderTarget("file.on", file.on, render);
  return async (signal) => {
    let [said, complaint] = ["", ""];
    const listen: Output = (stream, chunk) => {
      const text = Buffer.from(chunk).toString();
      if (stream === "stdout" && said.length < 100) said += text;
      if (stream === "stderr" && complaint.length < 1_000) complaint += text;
      return output(stream, chunk);
    };
    const script = remoteScript(wanted());
    const run = { output: listen, graceMs: context.graceMs, signal };
    const { exitCode, ...ended } = await runRemote(target, { script, sudo }, run);
    if (exitCode === undefined || exitCode === 0)
      return { ...ended, changed: CHANGES.some((word) => said.startsWith(word)) };
    return { ...ended, failure: firstLine(complaint) ?? ended.failure ?? "failed" };
  };
}

function firstLine(text: string): string | undefined {
  const [line = ""] = text.trim().split("\n");
  return line === "" ? undefined : line;
}

function unfinishedOf({ environment }: StepContext): WantedFile["unfinished"] {
  const step = `${environment["JM_ACTION_ID"] ?? ""} ${environment["JM_STEP"] ?? ""}`;
  const ofStep = createHash("sha256").update(step).digest("hex").slice(0, 16);
  return { ofStep, ofTry: randomBytes(8).toString("hex") };
}

async function writeHere(wanted: WantedFile, output: Output, signal: AbortSignal): Promise<TryResult> {
  try {
    const end = await bringFile(wanted, signal);
    if (signal.aborted) return { cut: true, failure: "was ended" };
    await output("stdout", Buffer.from(`${end} ${wanted.path}\n`));
    return { changed: CHANGES.some((word) => word === end) };
  } catch (thrown) {
    if (signal.aborted) return { cut: true, failure: "was ended" };
    return { failure: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
